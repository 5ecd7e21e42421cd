package scheduler

import (
	"slices"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/internal/relationship"
	"rapport/internal/store"
)

// brings reports whether what is new may make a friend that somebody brought a
// buyer.
func brings(applied *catalog.Applied, t *store.TouchedContact) bool {
	if applied.Relationship.Programs.Referral == nil {
		return false
	}
	return slices.ContainsFunc(t.News, func(e contacts.Event) bool {
		return e.Name == contacts.EventJoined || e.Name == applied.Relationship.Health.Purchase
	})
}

// referral tells whoever brought a contact that it has bought, and gives the
// reward. The keys are the friend's: each counts once.
func referral(def *relationship.Definition, f *contacts.Facts, now time.Time) []contacts.Event {
	var by contacts.ID
	bought := false
	for i := range f.Events {
		e := &f.Events[i]
		switch {
		case e.Machine || e.At.After(now):
		case e.Name == def.Health.Purchase:
			bought = true
		case e.Name == contacts.EventJoined && by == 0:
			text, _ := e.Properties["by"].(string)
			if id, err := ident.Parse(text); err == nil {
				by = contacts.ID(id)
			}
		}
	}
	if !bought || by == 0 {
		return nil
	}
	friend := ident.Format(int64(f.Contact.ID))
	out := []contacts.Event{{Contact: by, Name: contacts.EventConverted, At: now, Key: "converted:" + friend, Properties: map[string]any{"friend": friend}}}
	if points := def.Programs.Referral.Points; points > 0 {
		out = append(out, contacts.Event{Contact: by, Name: contacts.EventAwarded, At: now, Key: "award:referral:" + friend,
			Properties: map[string]any{"points": float64(points), "for": "bringing a friend"}})
	}
	return out
}
