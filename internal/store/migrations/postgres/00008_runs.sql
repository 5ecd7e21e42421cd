-- +goose Up
-- The index that keeps a contact from running twice in a campaign changed with
-- every end, and an update that changes an index writes into all of them. Now
-- each time a contact comes has its number, which stays.
alter table enrolments add column run bigint not null default 0;
update enrolments set run = (select count(*) from enrolments e where e.contact_id = enrolments.contact_id
    and e.campaign_id = enrolments.campaign_id and e.id < enrolments.id)
  where exists (select 1 from enrolments e where e.contact_id = enrolments.contact_id
    and e.campaign_id = enrolments.campaign_id and e.id < enrolments.id);
drop index enrolments_once;
create unique index enrolments_once on enrolments (contact_id, campaign_id, run);
