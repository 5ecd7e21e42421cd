-- +goose Up
-- What the relationship has added up of a contact: contacts.Score. A score that
-- halves with time has a sign, and its value is the moment at which it is 1, or
-- -1; of the others it is the score in millionths.
create table scores (
  contact_id bigint not null,
  name       text   not null,
  sign       bigint not null,
  value      bigint not null,
  primary key (contact_id, name)
);
create index scores_name on scores (name, value);
