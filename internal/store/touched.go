package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"rapport/internal/contacts"
	"rapport/segments"
)

// Touched is a contact about whom something new is known.
type Touched struct {
	ID      int64
	Contact contacts.ID
	Event   int64 // the event that is new, or 0
}

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

// touch writes touched rows; the database gives the ids, in the order of the list.
func (s *Store) touch(ctx context.Context, q querier, list []Touched) error {
	if len(list) == 0 {
		return nil
	}
	who, event := make([]int64, len(list)), make([]int64, len(list))
	for i, t := range list {
		who[i], event[i] = int64(t.Contact), t.Event
	}
	b := s.statement()
	from := b.table("r", bigints("contact_id", who), bigints("event_id", event))
	_, err := q.exec(ctx, `insert into touched (contact_id, event_id) select r.contact_id, r.event_id from `+from, b.args...)
	return err
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

// takeTouched takes the oldest touched rows away and returns them, oldest
// first; what another process holds is passed over. They come back when the
// transaction fails. Who then judges the contacts locks them before it reads
// their facts: otherwise a slower process with older facts could have the last
// word.
func (s *Store) takeTouched(ctx context.Context, q querier, now time.Time, limit int) ([]Touched, error) {
	var out []Touched
	b := s.statement()
	text := `delete from touched where id in (select id from touched where not_before <= ` + b.arg(ms(now)) +
		` order by id limit ` + b.arg(limit) + b.lock("for update skip locked") + `) returning id, contact_id, event_id`
	err := each(ctx, q, text, b.args, func(scan func(...any) error) error {
		var t Touched
		err := scan(&t.ID, &t.Contact, &t.Event)
		out = append(out, t)
		return err
	})
	slices.SortFunc(out, func(a, b Touched) int { return cmp.Compare(a.ID, b.ID) })
	return out, err
}

// HoldTouched puts the oldest touched row off, because nobody can work on it,
// and returns it. found is false when none is left.
func (s *Store) HoldTouched(ctx context.Context, now, until time.Time) (t Touched, found bool, err error) {
	b := s.statement()
	text := `update touched set not_before = ` + b.arg(ms(until)) + ` where id in (select id from touched where not_before <= ` +
		b.arg(ms(now)) + ` order by id limit 1` + b.lock("for update skip locked") + `) returning id, contact_id, event_id`
	err = s.db.write(ctx, func(q querier) error {
		found, err = one(ctx, q, text, b.args, &t.ID, &t.Contact, &t.Event)
		return err
	})
	if err != nil {
		return Touched{}, false, fmt.Errorf("cannot put a touched contact off: %w", err)
	}
	return t, found, nil
}

// TouchedWaiting is how many touched rows nobody has taken yet.
func (s *Store) TouchedWaiting(ctx context.Context) (n int64, err error) {
	_, err = one(ctx, s.db, `select count(*) from touched`, nil, &n)
	return n, err
}

// TouchMatching touches everybody a condition holds for, or everybody when it
// is nil: after an apply that changes the ladder, for instance.
func (s *Store) TouchMatching(ctx context.Context, c *segments.Condition, in Question) (n int64, err error) {
	p, err := s.compile(ctx, in)
	if err != nil {
		return 0, err
	}
	where := whereContacts(c, p)
	err = s.db.writeMany(ctx, func(q querier) error {
		n, err = q.exec(ctx, `insert into touched (contact_id, event_id) select c.id, 0 from contacts c where `+where, p.Args...)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("cannot touch contacts: %w", err)
	}
	return n, nil
}
