-- +goose Up
-- Nobody looks for contacts by this index alone, and with it each change of a stage
-- was written into every index of the table.
drop index contacts_stage;
