-- +goose Up
-- What conditions ask of people's events is answered from an index alone. It is
-- in the order of the contacts, so that counting for everybody is one pass
-- without sorting or hashing, and a part of the contacts is a part of it. No
-- condition sees what machines did, so that is not in it.
drop index events_name;
create index events_name on events (name, contact_id, at) where not machine;

-- All events of a contact; equal keys share their place, so this one is small.
drop index events_contact;
create index events_contact on events (contact_id);

-- A batch whose worker was given up while it sent: its journal may know more.
-- Until a worker is asked, every batch with an owner may be one.
alter table batches add column doubtful integer not null default 0;
update batches set doubtful = true where owner <> '' and open_count <= 0;
