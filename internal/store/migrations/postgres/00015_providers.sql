-- +goose Up
-- Providers that were closed, by the guard or by a person, and opened again. One
-- without a row is open and always was.
create table providers (
  name       text   primary key,
  closed     boolean not null,
  reason     text   not null default '',     -- why it is closed
  changed_at bigint not null                 -- when it was closed or opened last
);

-- What the guard counts of a provider: the reports of all campaigns, the newest
-- first. Few events are in it.
create index events_harm_all on events (name, id) where name in ('email.bounced', 'email.complained');
