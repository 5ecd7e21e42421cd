-- +goose Up
select 1; -- indexes of PostgreSQL alone
