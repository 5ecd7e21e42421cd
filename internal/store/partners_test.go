package store

import (
	"testing"

	"rapport/internal/contacts"
)

func TestWhatCameThroughPartnersIsCounted(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		ids := people(t, s, "ana@example.com", "ben@example.com", "carl@example.com", "dora@example.com")
		var changes []AttributeChange
		for i, partner := range []any{"velo-club", "Velo-Club", nil, "velo-club"} {
			changes = append(changes, AttributeChange{Contact: ids[i], Set: map[string]any{"attributes.partner": partner}, Key: string(rune('a' + i))})
		}
		check(t, s.SetAttributes(ctx, changes, day))
		var in []Incoming
		for i, total := range []any{10.25, 20.0, 99.0, 5.0} {
			in = append(in, Incoming{Event: contacts.Event{Contact: ids[i], Name: "order.placed", At: day, Key: string(rune('k' + i)), Properties: map[string]any{"total": total}}})
		}
		in = append(in, Incoming{Event: contacts.Event{Contact: ids[0], Name: "order.placed", At: day, Key: "z", Properties: map[string]any{"total": "much"}}})
		must(s.Ingest(ctx, in, day))(t)
		must(s.Erase(ctx, "dora@example.com", day))(t)
		got := must(s.BroughtBy(ctx, "partner", Purchases{Event: "order.placed", Value: "total", Now: day}))(t)
		equal(t, "brought", got, []Brought{{Partner: "velo-club", Contacts: 2, Buyers: 2, Orders: 3, Value: 30.25}})
	})
}
