-- +goose Up
-- The act that counts stands in consents alone, with its key; the history keeps
-- those that do not count any more. Most people say something once, and so have
-- one row instead of two.
alter table consents add column key text not null default '';
update consents set key = newest.key from (
  select distinct on (contact_id, topic) contact_id, topic, state, at, key from consent_history
  order by contact_id, topic, at desc, (state = 'withdrawn') desc, key collate "C" desc) as newest
  where newest.contact_id = consents.contact_id and newest.topic = consents.topic;
delete from consent_history using consents
  where consents.contact_id = consent_history.contact_id and consents.topic = consent_history.topic and consents.key = consent_history.key;

-- Every act there was, and whether it counts.
create view consent_acts as
  select contact_id, topic, state, source, at, key, true as counts from consents
  union all
  select contact_id, topic, state, source, at, key, false as counts from consent_history;

-- Changes come in the order of time, all but, and are asked for by spans of it: for
-- that it is enough to know from when to when each part of the table is.
drop index stage_changes_at;
create index stage_changes_at on stage_changes using brin (at) with (autosummarize = on);
