-- +goose Up
-- Every step of an enrolment moves its due time, and with it writes an entry
-- into each index of the table: so there are as few as can be. One index finds
-- the enrolments of a contact and keeps it from running twice in a campaign:
-- of those that run the last part is 0, of the others their own id.
create unique index enrolments_once on enrolments
  (contact_id, campaign_id, (case when ended_at is null then 0 else id end));
drop index enrolments_contact;
drop index enrolments_running;

-- Counts of a campaign look at most of its rows anyway, and those who ask for
-- one campaign mostly ask for all.
drop index enrolments_campaign;

-- Led by the campaign, so that the few of a small one are found behind the
-- million of a large one.
create index enrolments_waiting on enrolments (campaign_id, due_at) where due_at is not null;
drop index enrolments_due;
