-- +goose Up
-- What was learnt from all customers, under a name.
create table models (
  name     text   primary key,
  made_at  bigint not null,
  purchase text   not null,               -- what counted as a purchase
  asked    text   not null,               -- what the ladder asked of predictions
  done     bigint not null,               -- 1: everybody was predicted by it
  data     text   not null
);

-- When people clicked, to the quarter of an hour: what the best hour of a contact
-- is learnt from, so that nobody reads its events for that.
create table clicked (
  contact_id bigint not null,
  at         bigint not null,
  primary key (contact_id, at)
);
insert into clicked (contact_id, at)
  select distinct contact_id, at - at % 900000 from events where name = 'email.clicked' and not machine;
