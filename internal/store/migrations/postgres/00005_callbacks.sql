-- +goose Up
-- A touched row that cannot be worked on waits until then, so that it does not
-- hold up the others.
alter table touched add column not_before bigint not null default 0;

-- Clicks that came so soon after sending that they count as a machine's until
-- nothing has spoken against them for a while.
create table unproved (
  event_id   bigint primary key,             -- of the click as a machine's
  contact_id bigint not null,
  message_id bigint not null,
  key        text   not null,                -- of the click as a person's
  link       text   not null,
  links      bigint not null,                -- how many the message has
  at         bigint not null,
  due_at     bigint not null
);
create index unproved_due on unproved (due_at);
