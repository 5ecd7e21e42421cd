package store

import (
	"context"
	"fmt"
	"time"

	"rapport/internal/ident"
	"rapport/segments"
)

// Tallies hold, in PostgreSQL, how often each contact did what: conditions are
// asked of them instead of all events. An event is counted by whoever takes its
// touched row, under the contact's lock and in the same transaction. So an event
// is in the tallies or it waits in touched, and never both: whom a statement sees
// waiting there it asks of the events themselves.

// addTallies counts events that were taken from touched. What machines did counts
// for nobody.
func (s *Store) addTallies(ctx context.Context, q querier, events []int64) error {
	if s.dialect == segments.SQLite || len(events) == 0 {
		return nil
	}
	b := s.statement()
	with, rows := addedUp(b.inKeys("e.id", events))
	_, err := q.exec(ctx, `with `+with+` insert into tallies as t (contact_id, name, number, first_at, last_at, earlier, sums) `+rows+`
		on conflict (name, contact_id) do update set number = t.number + excluded.number,
			first_at = least(t.first_at, excluded.first_at), last_at = greatest(t.last_at, excluded.last_at),
			earlier = (select (array_agg(at order by at desc))[2:8] from unnest(t.earlier || t.last_at || excluded.earlier || excluded.last_at) as at),
			sums = case when excluded.sums = '{}' then t.sums else (select jsonb_object_agg(key, total) from
				(select key, sum(value::numeric) as total from (select * from jsonb_each_text(t.sums) union all select * from jsonb_each_text(excluded.sums)) as both_of
					group by key) as s) end`, b.args...)
	return err
}

// addedUp are the rows of tallies that events e add up to for which a condition
// holds, and the expressions that they need in the "with" before them.
func addedUp(where string) (with, rows string) {
	with = `news as materialized (select e.contact_id, e.name, e.at, coalesce(e.folded->'a', '{}') || coalesce(e.folded->'n', '{}') as numbers
				from events e where ` + where + ` and not e.machine),
			amounts as (select n.contact_id, n.name, jsonb_object_agg(n.key, n.total) as sums from
				(select news.contact_id, news.name, v.key, sum(v.value::numeric) as total from news cross join lateral jsonb_each_text(news.numbers) as v
					group by news.contact_id, news.name, v.key) as n group by n.contact_id, n.name)`
	rows = `select n.contact_id, n.name, n.number, n.first_at, n.times[1] as last_at, n.times[2:8] as earlier, coalesce(a.sums, '{}') as sums
		from (select contact_id, name, count(*) as number, min(at) as first_at, array_agg(at order by at desc) as times from news group by contact_id, name) as n
			left join amounts a on a.contact_id = n.contact_id and a.name = n.name`
	return with, rows
}

// untallied selects the contacts, some of them more than once, of whom tallies do
// not tell all at a moment: those who have news waiting, and those who did something
// after it, which may be counted already. Nothing is stored before it happens, so the
// latter have events whose ids are of that second or later.
func untallied(now time.Time) string {
	return fmt.Sprintf(`select unnest(w.contacts) as contact_id from touched w where w.events <> '{}'
		union all select e.contact_id from events e where e.id >= %d and e.at > %d and not e.machine`, ident.Base(now), ms(now))
}
