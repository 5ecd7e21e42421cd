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

-- What is claimed together lies together, and is updated together, twice: a page
-- needs room for all of its rows once more, or most of them go to another page,
-- with an entry in every index. It makes no table larger: without the room the
-- rows go to new pages all the same.
alter table enrolments set (fillfactor = 50);
-- +goose StatementBegin
do $$ declare part regclass; begin
  for part in select inhrelid::regclass from pg_inherits where inhparent = 'messages'::regclass loop
    execute format('alter table %s set (fillfactor = 45)', part);
  end loop;
end $$;
-- +goose StatementEnd
