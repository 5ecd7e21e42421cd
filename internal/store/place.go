package store

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"rapport/internal/contacts"
)

// Rules are those of one version of the workspace, for contacts who are new: they
// are given their place as they are written, so that nobody has to look at them
// again.
type Rules struct {
	Version int64
	// Meet is where a contact stands of whom nothing else is known; f may be
	// changed. more says that something follows beside it, so that the contact has
	// to be looked at.
	Meet func(f *contacts.Facts, now time.Time) (state StateChange, more bool)
}

// place is where a new contact stands.
type place struct {
	StateChange
	more bool
}

// noHealth is the health of whom nobody has looked at.
const noHealth = "none"

// meet gives those who seem to be new their places, before the transaction. Their
// ids are those from first on, in their order.
func (u *upsert) meet(first contacts.ID) {
	if u.rules == nil {
		return
	}
	acts := make([][]contacts.Consent, len(u.fresh))
	add := func(who contacts.ID, c contacts.Consent) {
		c.At = at(ms(c.At)) // as it will be read
		acts[who-first] = append(acts[who-first], c)
	}
	for _, c := range u.told.past {
		add(c.Contact, contacts.Consent{Topic: c.Topic, State: c.State, Source: c.Source, At: c.At, Key: c.Key})
	}
	for _, of := range u.told.moved {
		add(of.contact, u.told.records[of].now)
	}
	for n, c := range u.fresh {
		f := contacts.Facts{Contact: c.Contact, Consents: acts[n]}
		for _, said := range f.Consents {
			f.Events = append(f.Events, consentEvent(c.ID, said))
		}
		inOrder(&f)
		c.place = &place{}
		c.place.StateChange, c.place.more = u.rules.Meet(&f, u.now)
	}
}

// inOrder puts what is known of a contact into its order.
func inOrder(f *contacts.Facts) {
	slices.SortStableFunc(f.Consents, contacts.CompareConsents)
	slices.SortFunc(f.Events, func(a, b contacts.Event) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Key, b.Key), cmp.Compare(a.ID, b.ID))
	})
}

// placing reports whether the places that new contacts were given are those of the
// version that runs. It runs until the transaction ends: an apply looks at
// everybody again, and would not see who is written at that moment.
func (u *upsert) placing(q querier) (bool, error) {
	if u.rules == nil {
		return false, nil
	}
	var version string
	b := u.statement()
	_, err := one(u.ctx, q, `select value from settings where key = 'version'`+b.lock("for share"), nil, &version)
	return version == strconv.FormatInt(u.rules.Version, 10), err
}

// savePlaces writes what is not in the contact's own row.
func (s *Store) savePlaces(ctx context.Context, q querier, list []*freshContact) error {
	var rows []historyRow
	var scored []StateChange
	for _, c := range list {
		if c.place == nil {
			continue
		}
		if len(c.place.Changes) > 0 {
			rows = append(rows, historyRows(c.place.StateChange)...)
		}
		if len(c.place.Scores) > 0 {
			scored = append(scored, c.place.StateChange)
		}
	}
	if err := s.insertHistory(ctx, q, rows); err != nil {
		return err
	}
	return s.saveScores(ctx, q, scored)
}
