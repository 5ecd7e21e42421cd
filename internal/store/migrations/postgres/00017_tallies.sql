-- +goose Up
-- An engine of an earlier version that still runs takes rows away and counts nothing.
-- This waits for what it has begun, before anything is counted, and takes the table's
-- name away: from now on whatever it wants of the table fails, and comes back when it
-- has been replaced. 00018 has the table under its new name, which no engine knows.
lock table touched in access exclusive mode;
alter table touched rename to touched_single;

-- How often people did something, for each contact and name of an event, and when:
-- conditions are asked of this instead of the events themselves. It knows of the
-- events that were taken from touched, and of no machine's. Whoever takes a row
-- from touched counts its event here in the same transaction.
create table tallies (
  contact_id bigint not null,
  name       text   collate "C" not null,
  number     bigint not null,
  first_at   bigint not null,
  last_at    bigint not null,
  earlier    bigint[] not null,              -- the seven before the last one, latest first
  sums       jsonb  not null default '{}',   -- of each property that is a number, in millionths
  primary key (name, contact_id)
) with (fillfactor = 80);

set local work_mem = '256MB';
insert into tallies (contact_id, name, number, first_at, last_at, earlier, sums)
  select e.contact_id, e.name, e.number, e.first_at, e.last_at, e.earlier, coalesce(s.sums, '{}')
  from (select contact_id, name, count(*) as number, min(at) as first_at, max(at) as last_at, (array_agg(at order by at desc))[2:8] as earlier
    from events where not machine and not exists (select 1 from touched_single w where w.event_id = events.id) group by name, contact_id) as e
  left join (select n.contact_id, n.name, jsonb_object_agg(n.key, n.total) as sums from (
      select v.contact_id, v.name, x.key, sum(x.value::numeric) as total
      from events v cross join lateral jsonb_each_text(coalesce(v.folded -> 'a', '{}') || coalesce(v.folded -> 'n', '{}')) as x
      where not v.machine and (v.folded ? 'n' or v.folded ? 'a') and not exists (select 1 from touched_single w where w.event_id = v.id)
      group by v.name, v.contact_id, x.key) as n
    group by n.name, n.contact_id) as s on s.contact_id = e.contact_id and s.name = e.name
  order by e.name, e.contact_id;
analyze tallies;
