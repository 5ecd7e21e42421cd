-- +goose Up
-- A touched row that cannot be worked on waits until then, so that it does not
-- hold up the others.
alter table touched add column not_before bigint not null default 0;
