-- +goose Up
-- Few are erased: with these at hand, who is found by id alone is found in an index.
-- A migration for itself: to make an index waits for all who write into its table, and
-- a transaction of an engine at work may write into contacts and events in either order.
create index if not exists contacts_erased on contacts (id) where erased;
