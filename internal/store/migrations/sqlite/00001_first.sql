-- +goose Up
-- All times are Unix milliseconds (UTC), all ids 63-bit and time-ordered:
-- docs/decisions/0002-ids-and-times.md says why.

create table settings (
  key   text primary key,
  value text not null
);

create table counters (
  name text primary key,
  next integer not null
);

create table contacts (
  id                integer primary key,
  email             text   not null,
  first_name        text   not null default '',
  last_name         text   not null default '',
  language          text   not null default '',
  timezone          text   not null default '',
  attributes        blob   not null default (jsonb('{}')),
  folded            blob   not null default (jsonb('{}')),  -- what conditions compare: contacts.Folded
  seed              integer not null,               -- the contact's fixed random number, 0 to 2^32-1
  stage             text   not null default '',
  stage_since       integer not null default 0,
  health            text   not null default 'none',
  health_since      integer not null default 0,
  next_change       integer,                        -- when time alone can move stage or health
  suppressed        text,                          -- the reason, or null
  suppressed_at     integer,
  suppressed_source text,
  erased            integer not null default 0,
  created_at        integer not null,
  updated_at        integer not null
);
create unique index contacts_email on contacts (email);
create index contacts_next_change on contacts (next_change) where next_change is not null;
create index contacts_stage on contacts (stage);

create table consents (
  contact_id integer not null,
  topic      text   not null,
  state      text   not null,
  source     text   not null,
  at         integer not null,
  primary key (contact_id, topic)
);

create table consent_history (
  contact_id integer not null,
  topic      text   not null,
  state      text   not null,
  source     text   not null,
  at         integer not null,
  key        text   not null,
  primary key (contact_id, topic, key)
);

create table suppressions (
  email  text primary key,
  reason text   not null,
  source text   not null,
  at     integer not null
);

create table events (
  id          integer not null primary key,
  contact_id  integer not null,
  name        text   not null,
  at          integer not null,               -- when it happened; the id tells when it came in
  key         text   not null,
  properties  blob   not null default (jsonb('{}')),
  folded      blob   not null default (jsonb('{}')),
  campaign_id integer not null default 0,
  template    text   not null default '',
  link        text   not null default '',
  message_id  integer not null default 0,
  machine     integer not null default 0
);
create index events_contact on events (contact_id, name, at);
create index events_name on events (name, at);

-- Uniqueness of events survives partitioning here.
create table event_keys (
  key      text primary key,
  event_id integer not null
);

create table stage_changes (
  contact_id integer not null,
  kind       text   not null,                -- stage or health
  position   integer not null,                -- 0, 1, 2 … in the contact's history of this kind
  from_value text   not null,
  to_value   text   not null,
  rule       text   not null,
  event_id   integer not null default 0,
  event_key  text   not null default '',
  at         integer not null,
  primary key (contact_id, kind, position)
);
create index stage_changes_at on stage_changes (at);

-- Contacts to look at again because something new is known about them.
create table touched (
  id         integer primary key,               -- given by the database
  contact_id integer not null,
  event_id   integer not null default 0
);

create table versions (
  id         integer primary key,
  hash       text   not null,
  author     text   not null default '',
  files      blob   not null,                -- gzip of the JSON array of {path, data}
  applied_at integer not null
);

create table campaigns (
  id         integer primary key,
  name       text   not null unique,
  status     text   not null default 'running',  -- running, paused, stopped, removed
  version_id integer not null,
  numbers    blob   not null default (jsonb('{}')),       -- step id to message number, for ever
  applied_at integer not null,
  changed_at integer not null
);

create table firings (
  campaign_id integer not null,
  start_key   text   not null,               -- which schedule: the expression or the once time
  wall        text   not null,               -- local wall time of the occurrence
  at          integer not null,
  state       text   not null,               -- running, done, missed
  cursor      integer not null default 0,     -- the last contact looked at
  enrolled    integer not null default 0,
  refused     integer not null default 0,
  owner       text   not null default '',
  lease_until integer not null default 0,
  ended_at    integer,
  primary key (campaign_id, start_key, wall)
);

create index firings_running on firings (lease_until) where state = 'running';

create table enrolments (
  id           integer primary key,
  campaign_id  integer not null,
  contact_id   integer not null,
  version_id   integer not null,
  started_at   integer not null,
  state        text   not null,              -- active, parked, finished, exited, control
  position     text   not null default '',
  due_at       integer,
  parked_for   integer,                       -- the message whose outcome wakes it
  data         blob   not null default (jsonb('{}')), -- the rest of campaigns.Enrolment
  reason       text   not null default '',
  goal_until   integer,
  converted_at integer,
  ended_at     integer,
  rev          integer not null default 0
);
create index enrolments_due on enrolments (due_at) where due_at is not null;
create index enrolments_contact on enrolments (contact_id, campaign_id);
create index enrolments_campaign on enrolments (campaign_id, state);
create unique index enrolments_running on enrolments (campaign_id, contact_id)
  where ended_at is null;

create table refusals (
  campaign_id integer not null,
  contact_id  integer not null,
  reason      text   not null,
  first_at    integer not null,
  last_at     integer not null,
  times       integer not null default 1,
  primary key (campaign_id, contact_id, reason)
);

create table segments (
  name         text primary key,
  hash         text   not null,
  size         integer not null default 0,
  refreshed_at integer not null default 0
);

create table memberships (
  segment    text   not null,
  contact_id integer not null,
  entered_at integer not null,
  primary key (segment, contact_id)
);

-- No index on the state: sweeps read batches, so that updates stay in the heap.
create table messages (
  id            integer not null primary key, -- enrolment id + number of the send step
  contact_id    integer not null,
  campaign_id   integer not null,
  template      text   not null,
  subject       text   not null default '',
  state         text   not null,
  reason        text   not null default '',
  batch_id      integer not null default 0,
  due_at        integer not null,             -- when the step wanted it to go
  not_before    integer not null,
  expires_at    integer not null,
  attempts      integer not null default 0,
  fence         integer not null default 0,
  claimed_at    integer,
  decided_at    integer,                      -- when the state became final; of sent: when it was sent
  provider      text   not null default '',
  reply         text   not null default '',  -- the last answer of the mail server
  template_hash text   not null default '',
  subject_sent  text   not null default '',
  mailbox       integer not null default 0,
  created_at    integer not null
);
create index messages_contact on messages (contact_id);

create table batches (
  id          integer primary key,
  lane        text   not null,
  campaign_id integer not null,
  messages    blob   not null,               -- varint deltas: ident.Pack
  open_count  integer not null,
  not_before  integer not null,
  owner       text   not null default '',
  fence       integer not null default 0,
  queued_at   integer not null default 0,     -- when it was last put on the queue
  created_at  integer not null
);
create index batches_open on batches (not_before) where open_count > 0;

create table workers (
  id         text primary key,
  beat       integer not null default 0,      -- a counter, not a clock
  host       text   not null default '',
  boot       text   not null default '',
  started_at integer not null,
  stopped    integer not null default 0
);

create table leases (
  name  text primary key,
  owner text   not null,
  until integer not null
);

create table compiled_templates (
  hash       text primary key,
  name       text not null,
  campaign   text not null,
  links      blob  not null default (jsonb('[]')),
  created_at integer not null
);

create table api_keys (
  id         integer primary key,
  name       text   not null,
  hash       text   not null unique,
  scopes     text   not null,
  created_at integer not null,
  revoked_at integer
);
