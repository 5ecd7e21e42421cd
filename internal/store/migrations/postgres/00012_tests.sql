-- +goose Up
-- A comparison that is under way, and those before it: of a split's arms, of a
-- control group. It begins anew with the version that changes what it compares.
create table tests (
  campaign   text   not null,                -- '' is the whole workspace
  name       text   not null,                -- control, or split/NAME
  version_id bigint not null,                -- the first version that it is part of
  mark       text   not null,                -- of what it compares; '' when it has ended
  since      bigint not null,
  primary key (campaign, name, version_id)
);

-- Each look at the arms of a split, with what was seen. The one that called a
-- winner is the last of its test.
create table looks (
  campaign   text   not null,
  name       text   not null,
  version_id bigint not null,                -- that of the test
  look       bigint not null,                -- 1, 2, 3 …
  at         bigint not null,
  winner     text   not null default '',
  evidence   jsonb not null,                -- measure.Evidence
  primary key (campaign, name, version_id, look)
);

-- What the event that reached the goal was worth.
alter table enrolments add column value double precision;
