package store

import (
	"context"
	"fmt"
	"time"

	"rapport/internal/contacts"
)

// clickedTo is how exactly it is kept when somebody clicked: zones differ by
// quarters of an hour.
const clickedTo = 15 * time.Minute

// keepClicked notes when people clicked, of the clicks that are new. A click that
// turns out to be a person's later comes in again as one.
func (g *ingest) keepClicked(q querier) error {
	var contact, when []int64
	for _, i := range g.fresh {
		if x := &g.in[i]; x.Name == contacts.EventClicked && !x.Machine && !g.erased[i] {
			contact, when = append(contact, int64(g.results[i].Contact)), append(when, ms(x.At.Truncate(clickedTo)))
		}
	}
	if len(contact) == 0 {
		return nil
	}
	b := g.statement()
	from := b.table("r", bigints("contact_id", contact), bigints("at", when))
	_, err := q.exec(g.ctx, `insert into clicked (contact_id, at) select r.contact_id, r.at from `+from+` where true on conflict do nothing`, b.args...)
	return err
}

func (s *Store) loadClicked(ctx context.Context, q querier, ids []int64, facts map[contacts.ID]*contacts.Facts) error {
	b := s.statement()
	return each(ctx, q, `select contact_id, at from clicked where `+b.in("contact_id", ids)+` order by contact_id, at`, b.args,
		func(scan func(...any) error) error {
			var who contacts.ID
			var when int64
			err := scan(&who, &when)
			if f := facts[who]; f != nil {
				f.Clicks = append(f.Clicks, at(when))
			}
			return err
		})
}

// ForgetClicked forgets when the next contacts behind one clicked before a moment,
// of about as many clicks as limit says. last is the one to go on behind, and 0 when
// there is none left. All of it goes through the whole table: once a night is enough.
func (s *Store) ForgetClicked(ctx context.Context, before time.Time, after contacts.ID, limit int) (last contacts.ID, err error) {
	err = s.db.write(ctx, func(q querier) error {
		var n int
		if _, err := one(ctx, q, `select coalesce(max(contact_id), 0), count(*) from (select contact_id from clicked where contact_id > $1 order by contact_id limit $2) as x`,
			[]any{int64(after), limit}, &last, &n); err != nil {
			return err
		}
		_, err := q.exec(ctx, `delete from clicked where contact_id > $1 and contact_id <= $2 and at < $3`, int64(after), int64(last), ms(before))
		if n < limit {
			last = 0
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("cannot forget old clicks: %w", err)
	}
	return last, nil
}
