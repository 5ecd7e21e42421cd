-- +goose Up
-- What is to be told to systems of the company's own. A row is written in the
-- transaction of what it tells about, and stays until it was taken or given up.
create table outbox (
  id         text   primary key,             -- the same however often it is told
  webhook    text   not null,
  contact_id bigint not null,
  kind       text   not null,                -- what the body calls its type
  body       text   not null,                -- '' once it is decided
  state      text   not null default 'waiting', -- waiting, delivered, failed, caught
  reason     text   not null default '',     -- why it waits or failed
  attempts   bigint not null default 0,
  due_at     bigint not null,                -- when it is tried next
  created_at bigint not null,
  decided_at bigint
);
create index outbox_due on outbox (webhook, due_at) where state = 'waiting';
create index outbox_contact on outbox (contact_id);
