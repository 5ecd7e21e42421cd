package store

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rapport/internal/contacts"
	"rapport/segments"
)

// Whatever came in and was taken in whatever turns, and at whatever moment is asked:
// the answer from tallies is that of the facts, and after the last turn every tally
// is what the events add up to.
func TestTalliesAgreeWithTheEvents(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		round, asked := 0, 0
		var conditions []*segments.Condition
		for _, yaml := range []string{
			"{event: order.placed}", "{not: {event: order.placed, in_last: 60d}}", "{event: order.placed, count: {at_least: 2}, in_last: 365d}",
			"{event: page.viewed, count: {at_most: 1}}", "{event: page.viewed, count: {between: [1, 3]}, in_last: 7d}", "{event: page.viewed, count: {above: 9}, in_last: 365d}",
			"{event: order.placed, sum: {of: total, above: 49.9}}", "{event: order.placed, sum: {of: total, below: 60}, in_last: 60d}", "{event: order.placed, sum: {of: pieces, at_least: 4}, in_last: 365d}",
			"{event: order.placed, pick: first, in_last: 60d}", "{event: order.placed, pick: last, where: {total: {above: 1}}}", "{event: page.viewed, before: 2026-06-01}",
			"{event: order.placed, pick: first, where: {total: {above: 1}}}", "{event: page.viewed, pick: last, where: {pieces: {exists: true}}, in_last: 365d}",
			"{not: {event: order.placed, pick: first, where: {total: {below: 60}}, before: 2026-06-01}}", "{event: page.viewed, where: {total: {is: much}}}",
			"{any: [{event: order.placed, pick: last, where: {total: {at_most: 50}}}, {event: page.viewed, sum: {of: pieces, above: 3}, in_last: 60d}]}",
			"[{attribute: email, contains: example}, {not: {event: order.placed, pick: last, where: {total: {above: 1}}}}]",
			"[{event: order.placed}, {any: [{all: [{event: order.placed, sum: {of: total, above: 40}, in_last: 60d}, {event: order.placed, in_last: 7d}]}, {not: {event: page.viewed}}]}]",
			"[{event: order.placed, in_last: 365d}, {not: {event: order.placed, in_last: 7d}}, {any: [{event: order.placed, sum: {of: total, above: 0}}, {event: page.viewed}]}]",
		} {
			conditions = append(conditions, condition(t, yaml))
		}
		rapid.Check(t, func(t *rapid.T) {
			round++
			choose := func(label string, n int) int { return rapid.IntRange(0, n-1).Draw(t, label) }
			var inputs []ContactInput
			for i := range 4 {
				inputs = append(inputs, ContactInput{Contact: contacts.Contact{Email: fmt.Sprintf("p%d-%d@example.com", round, i)}})
			}
			results, err := s.UpsertContacts(ctx, inputs, day)
			if err != nil {
				t.Fatal(err)
			}
			var ids []contacts.ID
			for _, r := range results {
				ids = append(ids, r.ID)
			}
			now := day.Add(400 * 24 * time.Hour)
			windows := []time.Duration{0, time.Millisecond, time.Hour, 7 * 24 * time.Hour, 60 * 24 * time.Hour, 365 * 24 * time.Hour}
			number := 0
			for range 1 + choose("steps", 8) {
				switch choose("what", 8) {
				case 0, 1, 2, 3, 4:
					var in []Incoming
					for range 1 + choose("events", 6) {
						number++
						e := contacts.Event{Contact: ids[choose("who", len(ids))], Key: fmt.Sprintf("%d/%d", round, number),
							Name: []string{"order.placed", "page.viewed"}[choose("name", 2)], Machine: choose("machine", 5) == 0,
							At: now.Add(-windows[choose("ago", len(windows))]).Add(time.Duration(choose("beside", 3)-1) * time.Millisecond)}
						if choose("worth", 2) == 0 {
							e.Properties = map[string]any{"total": []any{50.0, 0.1, -20.0, 1e12, "much"}[choose("total", 5)], "pieces": 2.0}
						}
						in = append(in, Incoming{Event: e})
						if choose("twice", 8) == 0 {
							in = append(in, in[len(in)-1])
						}
					}
					if _, err := s.Ingest(ctx, in, now); err != nil {
						t.Fatal(err)
					}
				case 5, 6:
					if _, err := s.React(ctx, ReactInput{Now: now, Limit: 1 + choose("turn", 6)}, func([]TouchedContact) []Reaction { return nil }); err != nil {
						t.Fatal(err)
					}
				case 7:
					now = now.Add(windows[choose("later", 4)])
				}
			}
			var gone []contacts.ID
			if choose("erase", 4) == 0 {
				if _, err := s.Erase(ctx, inputs[0].Contact.Email, now); err != nil {
					t.Fatal(err)
				}
				ids, gone = ids[1:], ids[:1]
			}
			moments := []time.Time{now, now.Add(-time.Millisecond), now.Add(-time.Hour), now.Add(time.Hour)}
			asking := Question{Now: moments[choose("asked", len(moments))], Zone: time.UTC}
			facts, err := s.LoadFacts(ctx, ids)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range conditions {
				p := &segments.SQL{Dialect: s.dialect, Now: asking.Now, Zone: time.UTC}
				b := s.statement()
				in := map[contacts.ID]bool{}
				p.Bound = b.among(plainIDs(slices.Concat(ids, gone)))
				text := b.members(*p, c)
				if err := s.db.readMany(ctx, func(q querier) error {
					return each(ctx, q, `select m.id from (`+text+`) as m where `+p.Bound("m.id"), b.args, func(scan func(...any) error) error {
						var id contacts.ID
						err := scan(&id)
						in[id] = true
						return err
					})
				}); err != nil {
					t.Fatal(err)
				}
				for _, id := range gone {
					if in[id] {
						t.Fatalf("%s at %s: somebody who was erased is found\n%s", c, asking.Now, text)
					}
				}
				for _, id := range ids {
					asked++
					if held := c.Match(&segments.Question{Facts: facts[id], Now: asking.Now, Zone: time.UTC}); held != in[id] {
						t.Fatalf("%s at %s: the facts say %v, the database %v\nevents: %+v\n%s", c, asking.Now, held, in[id], facts[id].Events, text)
					}
				}
			}
			for n := 1; n > 0; {
				if n, err = s.React(ctx, ReactInput{Now: now, Limit: 1000}, func([]TouchedContact) []Reaction { return nil }); err != nil {
					t.Fatal(err)
				}
			}
			if s.dialect == segments.Postgres {
				compareTallies(t, s)
			}
		})
		if asked == 0 {
			t.Error("nothing was asked")
		}
	})
}

// compareTallies compares every tally with what the events add up to now.
func compareTallies(t rapid.TB, s *Store) {
	const added = `select contact_id, name, count(*) as number, min(at) as first_at, max(at) as last_at, (array_agg(at order by at desc))[2:8] as earlier,
			coalesce(sum(coalesce((folded->'n'->>'total')::numeric, (folded->'a'->>'total')::numeric)), 0) as total, coalesce(sum((folded->'n'->>'pieces')::numeric), 0) as pieces
		from events where not machine group by contact_id, name`
	const kept = `select contact_id, name, number, first_at, last_at, earlier, coalesce((sums->>'total')::numeric, 0) as total, coalesce((sums->>'pieces')::numeric, 0) as pieces from tallies`
	var more, less int64
	if _, err := one(context.Background(), s.db, `select (select count(*) from (`+added+` except `+kept+`) as x), (select count(*) from (`+kept+` except `+added+`) as y)`, nil, &more, &less); err != nil {
		t.Fatal(err)
	}
	if more > 0 || less > 0 {
		t.Fatalf("%d tallies are not what the events add up to, which are %d", less, more)
	}
}
