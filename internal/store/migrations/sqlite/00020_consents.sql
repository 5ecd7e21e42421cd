-- +goose Up
-- The act that counts stands in consents alone, with its key; the history keeps
-- those that do not count any more. Most people say something once, and so have
-- one row instead of two.
create table consents_with_key (
  contact_id integer not null,
  topic      text   not null,
  state      text   not null,
  source     text   not null,
  at         integer not null,
  key        text   not null default '',
  primary key (contact_id, topic)
) without rowid;
insert into consents_with_key (contact_id, topic, state, source, at, key)
  select c.contact_id, c.topic, c.state, c.source, c.at, coalesce((select h.key from consent_history h
    where h.contact_id = c.contact_id and h.topic = c.topic order by h.at desc, (h.state = 'withdrawn') desc, h.key desc limit 1), '')
  from consents c;
drop table consents;
alter table consents_with_key rename to consents;
delete from consent_history where exists (select 1 from consents c
  where c.contact_id = consent_history.contact_id and c.topic = consent_history.topic and c.key = consent_history.key);

-- Every act there was, and whether it counts.
create view consent_acts as
  select contact_id, topic, state, source, at, key, true as counts from consents
  union all
  select contact_id, topic, state, source, at, key, false as counts from consent_history;

-- The key is the table: each change is written into one tree less.
create table stage_changes_by_key (
  contact_id integer not null,
  kind       text   not null,                -- stage or health
  position   integer not null,               -- 0, 1, 2 … in the contact's history of this kind
  from_value text   not null,
  to_value   text   not null,
  rule       text   not null,
  event_id   integer not null default 0,
  event_key  text   not null default '',
  at         integer not null,
  primary key (contact_id, kind, position)
) without rowid;
insert into stage_changes_by_key (contact_id, kind, position, from_value, to_value, rule, event_id, event_key, at)
  select contact_id, kind, position, from_value, to_value, rule, event_id, event_key, at from stage_changes order by contact_id, kind, position;
drop table stage_changes;
alter table stage_changes_by_key rename to stage_changes;
create index stage_changes_at on stage_changes (at);
