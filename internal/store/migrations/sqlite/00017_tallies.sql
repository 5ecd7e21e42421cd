-- +goose Up
-- PostgreSQL keeps tallies of what contacts did. SQLite has the events of a name
-- and a contact in one index, beside the program, and needs none.
select 1;
