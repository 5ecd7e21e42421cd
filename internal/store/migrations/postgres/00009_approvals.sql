-- +goose Up
-- Who has looked at a content before it may run. It holds on top of one version,
-- so that it is used up with the next apply.
create table approvals (
  hash        text   not null,               -- of the content
  base        bigint not null,               -- the version that ran when it was given; 0: none
  key_id      bigint not null,               -- the API key that gave it
  name        text   not null,               -- of the key, which names the person
  approved_at bigint not null,
  primary key (hash, base, key_id)
);

alter table versions add column approved_by text not null default '';
