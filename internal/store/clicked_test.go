package store

import (
	"fmt"
	"testing"
	"time"

	"rapport/internal/contacts"
)

func TestItIsKnownWhenPeopleClicked(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		ids := people(t, s, "ana@example.com", "ben@example.com")
		event := func(name, key string, ago time.Duration, machine bool) Incoming {
			return Incoming{Email: "ana@example.com", Event: contacts.Event{Name: name, At: day.Add(-ago), Key: key, Machine: machine}}
		}
		in := []Incoming{
			event(contacts.EventClicked, "c1", 100*time.Minute, false),
			event(contacts.EventClicked, "c2", 101*time.Minute, false), // of the same quarter of an hour
			event(contacts.EventClicked, "c3", 3*time.Hour, true),
			event(contacts.EventOpened, "o1", 5*time.Hour, false),
			event(contacts.EventClicked, "c4", 24*time.Hour, false),
		}
		for range 2 { // the second time changes nothing
			must(s.Ingest(ctx, in, day))(t)
		}
		want := []time.Time{day.Add(-24 * time.Hour), day.Add(-105 * time.Minute)}
		equal(t, "clicks", must(s.LoadFacts(ctx, ids))(t)[ids[0]].Clicks, want)
		in = in[:0]
		for i := range 3 {
			in = append(in, event(contacts.EventClicked, fmt.Sprint("old", i), time.Duration(30+i)*time.Hour, false))
			in[i].Email = "ben@example.com"
		}
		must(s.Ingest(ctx, in, day))(t)
		last := must(s.ForgetClicked(ctx, day.Add(-3*time.Hour), 0, 1))(t)
		equal(t, "the last of a part", last, ids[0])
		equal(t, "clicks that nobody has come to", len(must(s.LoadFacts(ctx, ids))(t)[ids[1]].Clicks), 3)
		last = must(s.ForgetClicked(ctx, day.Add(-3*time.Hour), last, 4))(t)
		equal(t, "the last of all", last, contacts.ID(0))
		equal(t, "clicks that were forgotten", len(must(s.LoadFacts(ctx, ids))(t)[ids[1]].Clicks), 0)
		equal(t, "clicks that were not forgotten", must(s.LoadFacts(ctx, ids))(t)[ids[0]].Clicks, want[1:])
		must(s.Erase(ctx, "ana@example.com", day))(t)
		equal(t, "clicks of who was erased", len(must(s.LoadFacts(ctx, ids))(t)[ids[0]].Clicks), 0)
	})
}

func TestClicksOfBeforeTheMigrationAreKnown(t *testing.T) {
	for name, open := range opens {
		t.Run(name, func(t *testing.T) {
			address := open(t)
			db := migrated(t, address, 13)
			for _, row := range []string{"1, 7, 'email.clicked', 900001, 'a', false", "2, 7, 'email.clicked', 1799999, 'b', false",
				"3, 7, 'email.clicked', 2700000, 'c', true", "4, 7, 'email.opened', 3600000, 'd', false", "5, 8, 'email.clicked', 3600000, 'e', false"} {
				if _, err := db.Exec(`insert into events (id, contact_id, name, at, key, machine) values (` + row + `)`); err != nil {
					t.Fatal(err)
				}
			}
			db.Close()
			s := openStore(t, address)
			facts := map[contacts.ID]*contacts.Facts{7: {}, 8: {}}
			check(t, s.loadClicked(t.Context(), s.db, []int64{7, 8}, facts))
			equal(t, "clicks", facts[7].Clicks, []time.Time{time.UnixMilli(900_000).UTC()})
			equal(t, "clicks of another", facts[8].Clicks, []time.Time{time.UnixMilli(3_600_000).UTC()})
		})
	}
}
