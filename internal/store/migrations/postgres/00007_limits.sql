-- +goose Up
-- What has left through a provider whose mail grows day by day. The day is the
-- company's; the first row with something in it is its first day.
create table provider_days (
  provider text   not null,
  day      text   not null,                  -- 2006-01-02
  sent     bigint not null,                  -- with what is being sent now
  primary key (provider, day)
);

-- Why a campaign has its status, where that was not a person's wish.
alter table campaigns add column reason text not null default '';

-- What the guard counts. Few events are in it, so it costs the others nothing.
create index events_harm on events (campaign_id, id) where name in ('email.bounced', 'email.complained');
