package store

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"rapport/internal/contacts"
	"rapport/segments"
)

// did stores events of contacts, the n-th of a key of its own.
func did(t *testing.T, s *Store, key string, n int, who ...contacts.ID) {
	t.Helper()
	var in []Incoming
	for i := range n {
		in = append(in, Incoming{Event: contacts.Event{Name: []string{"order.placed", "page.viewed", "app.opened"}[i%3], Key: fmt.Sprint(key, i), Contact: who[i%len(who)],
			At: later(-time.Duration(i) * time.Hour), Machine: i%10 == 7, Properties: map[string]any{"total": 0.1 * float64(i), "pieces": i}}})
	}
	_, err := s.Ingest(t.Context(), in, day)
	check(t, err)
}

// wrong are the contacts of whom tallies say something else than their events,
// looked for a few at a time.
func wrong(t *testing.T, s *Store, looked int) (ids []contacts.ID) {
	t.Helper()
	sum := 0
	for after := contacts.ID(0); ; {
		c := must(s.CheckTallies(t.Context(), after, 3))(t)
		if ids = append(ids, c.Wrong...); c.Looked == 0 {
			break
		}
		sum, after = sum+c.Looked, c.Last
	}
	equal(t, "contacts that were looked at", sum, looked)
	return ids
}

func TestWrongTalliesAreFoundAndMended(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ids := people(t, s, "a@example.com", "b@example.com", "c@example.com", "d@example.com", "e@example.com", "f@example.com", "g@example.com", "h@example.com")
		did(t, s, "early", 200, ids[:7]...)
		drain(t, s, day)
		did(t, s, "late", 50, ids[:6]...) // waits to be counted
		if s.dialect == segments.SQLite {
			equal(t, "without tallies", wrong(t, s, 0), []contacts.ID(nil))
			check(t, s.MendTallies(t.Context(), ids))
			return
		}
		equal(t, "wrong at first", wrong(t, s, 8), []contacts.ID(nil))
		for i, text := range []string{
			`update tallies set number = number + 1 where name = 'order.placed' and contact_id = $1`,
			`update tallies set sums = '{"total": 1}' where name = 'page.viewed' and contact_id = $1`,
			`update tallies set earlier = earlier[2:] where name = 'app.opened' and contact_id = $1`,
			`update tallies set first_at = first_at - 1 where name = 'app.opened' and contact_id = $1`,
			`delete from tallies where name = 'page.viewed' and contact_id = $1`,
			`update tallies set contact_id = $1 + 0 where contact_id = $1`, // nothing
			`update tallies set last_at = last_at + 1 where name = 'order.placed' and contact_id = $1`,
			`insert into tallies (contact_id, name, number, first_at, last_at, earlier) values ($1, 'of.nobody', 1, 1, 1, '{}')`,
		} {
			_, err := s.db.exec(t.Context(), text, int64(ids[i]))
			check(t, err)
		}
		found := wrong(t, s, 8)
		equal(t, "who was found", found, []contacts.ID{ids[0], ids[1], ids[2], ids[3], ids[4], ids[6], ids[7]})
		check(t, s.MendTallies(t.Context(), found))
		equal(t, "wrong after it was mended", wrong(t, s, 8), []contacts.ID(nil))
		drain(t, s, day)
		compareTallies(t, s)
	})
}

// While events come in, are counted and put in order, every look at tallies finds
// them right, and counting again takes no news away and counts none twice.
func TestTalliesAreMendedWhileTheEngineRuns(t *testing.T) {
	s := openStore(t, opens["postgres"](t))
	const contactsOf, rounds = 12, 25
	emails := make([]string, contactsOf)
	for i := range emails {
		emails[i] = fmt.Sprintf("p%d@example.com", i)
	}
	ids := people(t, s, emails...)
	var writing, looking sync.WaitGroup
	for side := range 3 {
		writing.Go(func() {
			for round := range rounds {
				did(t, s, fmt.Sprint(side, "/", round, "/"), 20, ids...)
			}
		})
	}
	over := make(chan struct{})
	until := func(f func() error) {
		looking.Go(func() {
			for {
				if err := f(); err != nil {
					t.Error(err)
					return
				}
				select {
				case <-over:
					return
				default:
				}
			}
		})
	}
	for range 2 {
		until(func() error {
			_, err := s.React(t.Context(), ReactInput{Now: day, Limit: 7}, func([]TouchedContact) []Reaction { return nil })
			return err
		})
	}
	until(func() error { _, err := s.OrderTouched(t.Context(), day, 500); return err })
	until(func() error { return s.MendTallies(t.Context(), ids) })
	until(func() error {
		c, err := s.CheckTallies(t.Context(), 0, 1000)
		if len(c.Wrong) > 0 {
			t.Errorf("%d of %d are counted wrong while the engine runs", len(c.Wrong), c.Looked)
		}
		return err
	})
	writing.Wait()
	close(over)
	looking.Wait()
	drain(t, s, day)
	compareTallies(t, s)
	equal(t, "events that were counted", count(t, s, `select cast(sum(number) as bigint) from tallies`), count(t, s, `select count(*) from events where not machine`))
}
