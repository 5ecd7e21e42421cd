package store

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"rapport/internal/contacts"
	"rapport/segments"
)

// news are touched contacts, the first of them about event 1.
func news(first, n int) []Touched {
	var list []Touched
	for i := range n {
		list = append(list, Touched{Contact: contacts.ID(first + i), Event: int64(i + 1)})
	}
	return list
}

// taken takes touched contacts away as a turn does.
func taken(t *testing.T, s *Store, now time.Time, limit int) (list []Touched) {
	t.Helper()
	check(t, s.db.write(t.Context(), func(q querier) (err error) {
		list, err = s.takeTouched(t.Context(), q, now, limit)
		return err
	}))
	for i := range list {
		list[i].ID = 0
	}
	return list
}

func TestTouchedContactsAreTakenInTheirOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		first, second := news(1000, 230), news(5000, 3)
		check(t, s.db.write(ctx, func(q querier) error { return s.touch(ctx, q, first) }))
		check(t, s.db.write(ctx, func(q querier) error { return s.touch(ctx, q, second) }))
		check(t, s.Touch(ctx, []contacts.ID{7, 8}))
		equal(t, "rows", count(t, s, `select count(*) from touched`), int64(5))
		equal(t, "waiting", must(s.TouchedWaiting(ctx))(t), int64(235))

		equal(t, "the first", taken(t, s, day, 1), first[:1])
		equal(t, "the next ones of its row", taken(t, s, day, 30), first[1:31])
		equal(t, "the rest of it", taken(t, s, day, 69), first[31:100])
		equal(t, "across rows", taken(t, s, day, 131), append(slices.Clone(first[100:]), second[0]))
		equal(t, "the last", taken(t, s, day, 1000), append(second[1:], Touched{Contact: 7}, Touched{Contact: 8}))
		equal(t, "none", taken(t, s, day, 250), []Touched(nil))
		equal(t, "waiting in the end", must(s.TouchedWaiting(ctx))(t), int64(0))
	})
}

// A turn takes as many contacts from rows with one of them each as from full ones.
func TestManySmallRowsMakeOneTurn(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		all := news(1000, 450)
		check(t, s.db.write(t.Context(), func(q querier) error {
			for i := range all {
				check(t, s.touch(t.Context(), q, all[i:i+1]))
			}
			return nil
		}))
		equal(t, "a turn", taken(t, s, day, 437), all[:437])
		equal(t, "the rest", taken(t, s, day, 437), all[437:])
	})
}

// What has piled up is looked at contact by contact, and before what comes later.
func TestWhatWaitsIsPutInOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		touch := func(list []Touched) {
			check(t, s.db.write(ctx, func(q querier) error { return s.touch(ctx, q, list) }))
		}
		touch(news(1000, 150))
		row := must(s.NewestTouched(ctx))(t)
		equal(t, "after the newest", must(s.TouchedAfter(ctx, row))(t), int64(0))
		touch([]Touched{{Contact: 1001, Event: 900}})
		touch([]Touched{{Contact: 1000, Event: 901}, {Contact: 1001, Event: 899}})
		equal(t, "after the first rows", must(s.TouchedAfter(ctx, row))(t), int64(3))
		equal(t, "in order", must(s.OrderTouched(ctx, day, 1000))(t), 153)
		touch([]Touched{{Contact: 1, Event: 902}})
		equal(t, "the first", taken(t, s, day, 5), []Touched{{Contact: 1000, Event: 1}, {Contact: 1000, Event: 901},
			{Contact: 1001, Event: 2}, {Contact: 1001, Event: 899}, {Contact: 1001, Event: 900}})
		equal(t, "the next", taken(t, s, day, 148), news(1000, 150)[2:])
		equal(t, "what came later", taken(t, s, day, 100), []Touched{{Contact: 1, Event: 902}})
		equal(t, "none in order", must(s.OrderTouched(ctx, day, 1000))(t), 0)
	})
}

func TestWhoIsPutOffHoldsUpNobodyOfTheirRow(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		list := news(1000, 3)
		again := []Touched{{Contact: 1007, Event: 77}, {Contact: list[1].Contact, Event: 78}}
		alone := []Touched{{Contact: list[1].Contact}}
		for _, rows := range [][]Touched{list, again, alone} {
			check(t, s.db.write(ctx, func(q querier) error { return s.touch(ctx, q, rows) }))
		}
		held, found, err := s.HoldTouched(ctx, list[1].Contact, day, later(time.Hour))
		check(t, err)
		equal(t, "found", found, true)
		id := held.ID
		held.ID = 0
		equal(t, "who is put off", held, list[1])
		equal(t, "its row", count(t, s, fmt.Sprintf(`select count(*) from touched where id = %d and not_before = %d`, id, ms(later(time.Hour)))), int64(1))
		equal(t, "waiting", must(s.TouchedWaiting(ctx))(t), int64(6))
		equal(t, "the others", taken(t, s, day, 100), []Touched{list[0], list[2], again[0]})
		_, found, err = s.HoldTouched(ctx, list[1].Contact, day, later(time.Hour))
		check(t, err)
		equal(t, "found where it waits no more", found, false)
		equal(t, "an hour later", taken(t, s, later(time.Hour), 100), []Touched{list[1], again[1], alone[0]})
	})
}

// A turn that fails says whom it was about, so that no other contact is put off who
// is the oldest by then because another scheduler has the one in hand.
func TestATurnThatFailsSaysWhomItWasAbout(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		ids := people(t, s, "a@example.com", "b@example.com")
		takeAll(t, s)
		check(t, s.Touch(ctx, ids))
		who := ids[0]
		fails := func([]TouchedContact) []Reaction {
			return []Reaction{{Contact: who, Wake: []int64{1}, State: &StateChange{Contact: who, Stage: "\x00"}}}
		}
		if s.dialect == segments.SQLite { // takes any text
			fails = func([]TouchedContact) []Reaction { return []Reaction{{Contact: who, Enrol: make([]NewEnrolment, 1)}} }
			_, err := s.db.exec(ctx, `create trigger full before insert on enrolments begin select raise(abort, 'full'); end`)
			check(t, err)
		}
		_, err := s.React(ctx, ReactInput{Now: day, Limit: 1}, fails)
		var turn *TurnError
		if !errors.As(err, &turn) {
			t.Fatalf("%v is not of a turn", err)
		}
		equal(t, "about whom", turn.Touched, []Touched{{ID: turn.Touched[0].ID, Contact: who}})
		_, found, err := s.HoldTouched(ctx, who, day, later(time.Hour))
		check(t, err)
		equal(t, "found", found, true)
		equal(t, "who goes on", taken(t, s, day, 100), []Touched{{Contact: ids[1]}})
	})
}

// Who was only touched did nothing that tallies do not tell, however often their row
// is written; who did something stays asked of the events.
func TestOnlyWhoDidSomethingIsNotTallied(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		silent, asked := `'{}'`, func() int64 { return count(t, s, `select count(*) from (`+untallied(day)+`) as u`) }
		if s.dialect == segments.SQLite { // it has no tallies, and the same rows
			silent, asked = `'[]'`, func() int64 {
				return count(t, s, `select coalesce(sum(json_array_length(contacts)), 0) from touched where events <> '[]'`)
			}
		}
		check(t, s.Touch(ctx, []contacts.ID{2, 1}))
		equal(t, "not tallied", asked(), int64(0))
		equal(t, "in order", must(s.OrderTouched(ctx, day, 1000))(t), 2)
		equal(t, "not tallied in order", asked(), int64(0))
		_, found, err := s.HoldTouched(ctx, 2, day, later(time.Hour))
		check(t, err)
		equal(t, "found", found, true)
		equal(t, "not tallied when one is put off", asked(), int64(0))
		equal(t, "rows", count(t, s, `select count(*) from touched where events = `+silent), int64(2))

		// The second row has events, the first and the third have none, as they are
		// written and when they are written again.
		var list []Touched
		for i := range 250 {
			list = append(list, Touched{Contact: contacts.ID(10 + i)})
		}
		list[120].Event, list[197].Event = 5, 6
		check(t, s.db.write(ctx, func(q querier) error { return s.touch(ctx, q, list) }))
		equal(t, "rows of silent ones as they are written", count(t, s, `select count(*) from touched where events = `+silent), int64(4))
		equal(t, "not tallied of the row with events", asked(), int64(100))
		equal(t, "in order", must(s.OrderTouched(ctx, later(time.Hour), 1000))(t), 252)
		equal(t, "rows of silent ones", count(t, s, `select count(*) from touched where events = `+silent), int64(2))
		equal(t, "not tallied of a row with events", asked(), int64(100))
		got := taken(t, s, later(time.Hour), 1000)
		equal(t, "taken", got, append([]Touched{{Contact: 1}, {Contact: 2}}, list...))
	})
}

func TestTouchedContactsOfBeforeTheMigrationAreTaken(t *testing.T) {
	for name, open := range opens {
		t.Run(name, func(t *testing.T) {
			address := open(t)
			db := migrated(t, address, 17)
			for i := range 250 {
				if _, err := db.Exec(fmt.Sprintf(`insert into touched (contact_id, event_id) values (%d, %d)`, 1000+i, i+1)); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := db.Exec(fmt.Sprintf(`insert into touched (contact_id, event_id, not_before) values (7, 8, %d)`, ms(later(time.Hour)))); err != nil {
				t.Fatal(err)
			}
			db.Close()
			s := openStore(t, address)
			equal(t, "rows", count(t, s, `select count(*) from touched`), int64(4))
			equal(t, "what is new", taken(t, s, day, 1000), news(1000, 250))
			equal(t, "who was put off", taken(t, s, later(time.Hour), 1000), []Touched{{Contact: 7, Event: 8}})
			check(t, s.Touch(t.Context(), []contacts.ID{9}))
			equal(t, "a new one", taken(t, s, day, 1000), []Touched{{Contact: 9}})
		})
	}
}
