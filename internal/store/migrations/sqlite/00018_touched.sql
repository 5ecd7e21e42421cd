-- +goose Up
-- Whom one transaction touched stands in one row, up to a hundred of them: a row
-- for each cost as much to write and take away as the news itself.
create table touched_packed (
  id         integer primary key,
  contacts   text not null,                  -- a JSON array
  events     text not null default '[]',     -- what is new of each contact, 0 where nobody says; [] where nobody does
  not_before bigint not null default 0
);
insert into touched_packed (contacts, events)
  select json_group_array(contact_id order by id), json_group_array(event_id order by id)
  from (select id, contact_id, event_id, (row_number() over (order by id) - 1) / 100 as part from touched where not_before = 0)
  group by part order by part;
insert into touched_packed (contacts, events, not_before)
  select json_array(contact_id), json_array(event_id), not_before from touched where not_before <> 0 order by id;
drop table touched;
alter table touched_packed rename to touched;
