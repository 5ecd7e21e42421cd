-- +goose Up
-- The version whose template a message was made from, so that it can be shown as
-- it was sent after the next apply too. 0: nobody wrote it down.
alter table compiled_templates add column version_id bigint not null default 0;
