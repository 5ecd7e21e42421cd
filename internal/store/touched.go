package store

import (
	"context"
	"fmt"
	"time"

	"rapport/internal/contacts"
	"rapport/segments"
)

// Touched is a contact about whom something new is known. Those that one
// transaction touches stand together in rows of the table touched, so that being
// told costs a small part of what there is to tell.
type Touched struct {
	ID      int64 // of the row it stands in
	Contact contacts.ID
	Event   int64 // the event that is new, or 0
}

// together is how many touched contacts stand in one row at most. PostgreSQL keeps
// so many in the page itself.
const together = 100

// Touch asks that contacts be looked at again.
func (s *Store) Touch(ctx context.Context, ids []contacts.ID) error {
	list := make([]Touched, len(ids))
	for i, id := range ids {
		list[i].Contact = id
	}
	err := s.db.write(ctx, func(q querier) error { return s.touch(ctx, q, list) })
	if err != nil {
		return fmt.Errorf("cannot touch contacts: %w", err)
	}
	return nil
}

// touch writes touched contacts, in the order of the list.
func (s *Store) touch(ctx context.Context, q querier, list []Touched) error {
	if len(list) == 0 {
		return nil
	}
	who, event := make([]int64, len(list)), make([]int64, len(list))
	for i, t := range list {
		who[i], event[i] = int64(t.Contact), t.Event
	}
	if s.dialect == segments.Postgres {
		// A row in which nobody has news has no events: see newsOf.
		return sendLater(ctx, q, fmt.Sprintf(`insert into touched (contacts, events)
			select p.contacts, case when 0 = all(p.events) then '{}' else p.events end
			from (select ($1::bigint[])[n : n + %[1]d - 1] as contacts, ($2::bigint[])[n : n + %[1]d - 1] as events from generate_series(1, cardinality($1::bigint[]), %[1]d) as n) as p`, together), who, event)
	}
	for from := 0; from < len(who); from += together {
		to := min(from+together, len(who))
		if _, err := q.exec(ctx, `insert into touched (contacts, events) values ($1, $2)`, jsonText(who[from:to]), jsonText(newsOf(event[from:to]))); err != nil {
			return err
		}
	}
	return nil
}

// touchSelected touches the contacts that a query selects as id, and returns how
// many they are.
func (s *Store) touchSelected(ctx context.Context, q querier, query string, args ...any) (n int64, err error) {
	list, empty := `array_agg(x.id order by x.id)`, `'{}'::bigint[]`
	if s.dialect == segments.SQLite {
		list, empty = `json_group_array(x.id order by x.id)`, `'[]'`
	}
	text := fmt.Sprintf(`insert into touched (contacts, events) select %s, %s
		from (select y.id, (row_number() over (order by y.id) - 1) / %d as part from (%s) as y) as x
		group by x.part order by x.part returning %s`, list, empty, together, query, s.touchedLength())
	err = each(ctx, q, text, args, func(scan func(...any) error) error {
		var here int64
		err := scan(&here)
		n += here
		return err
	})
	return n, err
}

// TouchDue touches contacts whose stage or health time alone may have moved by
// now, and clears their mark: the fold that follows sets the next one.
func (s *Store) TouchDue(ctx context.Context, now time.Time, limit int) (n int, err error) {
	err = s.db.write(ctx, func(q querier) error {
		var list []Touched
		b := s.statement()
		text := `update contacts set next_change = null where id in (select id from contacts where next_change <= ` +
			b.arg(ms(now)) + ` order by next_change limit ` + b.arg(limit) + b.lock("for update skip locked") + `) returning id`
		if err := each(ctx, q, text, b.args, func(scan func(...any) error) error {
			var t Touched
			err := scan(&t.Contact)
			list = append(list, t)
			return err
		}); err != nil {
			return err
		}
		n = len(list)
		return s.touch(ctx, q, list)
	})
	if err != nil {
		return 0, fmt.Errorf("cannot look for stages that time has moved: %w", err)
	}
	return n, nil
}

// TouchMatching touches everybody a condition holds for, or everybody when it
// is nil: after an apply that changes the ladder, for instance.
func (s *Store) TouchMatching(ctx context.Context, c *segments.Condition, in Question) (n int64, err error) {
	p, err := s.compile(ctx, in)
	if err != nil {
		return 0, err
	}
	b := s.statement()
	text := b.members(*p, c)
	err = s.db.writeMany(ctx, func(q querier) error {
		n, err = s.touchSelected(ctx, q, text, b.args...)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("cannot touch contacts: %w", err)
	}
	return n, nil
}

// TouchedWaiting is how often touched contacts stand in rows that nobody has taken
// yet.
func (s *Store) TouchedWaiting(ctx context.Context) (n int64, err error) {
	_, err = one(ctx, s.db, `select cast(coalesce(sum(`+s.touchedLength()+`), 0) as bigint) from touched`, nil, &n)
	return n, err
}

// touchedLength is how many contacts stand in a row of touched.
func (s *Store) touchedLength() string {
	if s.dialect == segments.SQLite {
		return `json_array_length(contacts)`
	}
	return `cardinality(contacts)`
}
