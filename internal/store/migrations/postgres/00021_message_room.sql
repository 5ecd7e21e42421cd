-- +goose Up
-- A message's row is written again when it is claimed and when it has left, often
-- within the same second. Room for one new version was not enough: the old one
-- cannot be cleared away while anything reads an older state, and while a large
-- list is enrolled something always does. Then the last version went to another
-- page, with an entry in every index, and the table grew all the same.
-- +goose StatementBegin
do $$ declare part regclass; begin
  for part in select inhrelid::regclass from pg_inherits where inhparent = 'messages'::regclass loop
    execute format('alter table %s set (fillfactor = 27)', part);
  end loop;
end $$;
-- +goose StatementEnd
