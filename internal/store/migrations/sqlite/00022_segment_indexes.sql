-- +goose Up
select 1; -- an index of PostgreSQL alone
