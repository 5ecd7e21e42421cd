package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"rapport/internal/contacts"
)

// A turn costs what is new, and not what there is: the events of a contact are
// found through the contact, also by a plan that was made when there were none.
func TestEventsAreFoundContactByContact(t *testing.T) {
	s := openStore(t, opens["postgres"](t))
	ids := people(t, s, "a@example.com", "b@example.com")
	byContact := func(when string) {
		t.Helper()
		b := s.statement()
		text := s.neededEvents(b, []int64{int64(ids[0])}, contacts.Needs{Events: []string{"order.placed", "email.clicked", "email.replied"}})
		var plan []string
		check(t, s.db.write(t.Context(), func(q querier) error {
			return each(t.Context(), q, `explain `+text, b.args, func(scan func(...any) error) error {
				var line string
				err := scan(&line)
				plan = append(plan, line)
				return err
			})
		}))
		reads := slices.DeleteFunc(slices.Clone(plan), func(line string) bool { return !strings.Contains(line, "on events_") })
		good := slices.DeleteFunc(slices.Clone(reads), func(line string) bool { return !strings.Contains(line, "_contact_id_idx on events_") })
		if len(reads) == 0 || len(good) != len(reads) {
			t.Errorf("%s, the events of contacts are read otherwise than by contact:\n%s", when, strings.Join(plan, "\n"))
		}
	}
	byContact("in an empty table")
	var in []Incoming
	for i := range 2000 {
		in = append(in, Incoming{Event: contacts.Event{Name: "order.placed", Key: fmt.Sprint(i), Contact: ids[i%2]}})
	}
	must(s.Ingest(t.Context(), in, day))(t)
	byContact("in one that nobody has counted")
}

// What is new is told whole where it is needed, and by its name where it is not.
func TestNewsAreWholeWhereTheyAreNeeded(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ids := people(t, s, "ana@example.com")
		takeAll(t, s)
		stored := must(s.Ingest(t.Context(), []Incoming{
			{Event: contacts.Event{Name: "order.placed", Key: "o1", Contact: ids[0], At: day, Properties: map[string]any{"total": 89.0}}},
			{Event: contacts.Event{Name: "page.viewed", Key: "p1", Contact: ids[0], At: day, Properties: map[string]any{"page": "/"}}},
		}, day))(t)
		var got []contacts.Event
		in := ReactInput{Now: day, Limit: 10, Needs: func(c *TouchedContact) contacts.Needs {
			equal(t, "the names of what is new", []string{c.News[0].Name, c.News[1].Name}, []string{"order.placed", "page.viewed"})
			return contacts.Needs{Events: []string{"order.placed"}}
		}}
		must(s.React(t.Context(), in, func(touched []TouchedContact) []Reaction {
			got = touched[0].News
			return nil
		}))(t)
		equal(t, "what is new", got, []contacts.Event{
			{ID: stored[0].Event, Contact: ids[0], Name: "order.placed", At: day, Key: "o1", Properties: map[string]any{"total": 89.0}},
			{ID: stored[1].Event, Contact: ids[0], Name: "page.viewed"},
		})
	})
}
