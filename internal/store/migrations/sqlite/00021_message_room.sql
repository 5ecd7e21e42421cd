-- +goose Up
select 1; -- pages of PostgreSQL alone
