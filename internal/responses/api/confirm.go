package api

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/store"
)

// said records what contacts have said themselves. Consent to a topic with double
// opt-in is pending until it is confirmed, and the mail that asks for that goes
// on such an act alone (semantics.md, rule 11): an import never asks.
func (a *api) said(ctx context.Context, acts []store.ConsentChange, now time.Time) error {
	if len(acts) == 0 {
		return nil
	}
	double := a.Settings().Double
	var ids []contacts.ID
	for _, act := range acts {
		if slices.Contains(double, act.Topic) {
			ids = append(ids, act.Contact)
		}
	}
	if len(ids) == 0 {
		_, err := a.Store.SetConsent(ctx, acts, now)
		return err
	}
	known, err := a.Store.Consents(ctx, ids)
	if err != nil {
		return err
	}
	var record []store.ConsentChange
	var asks []store.Incoming
	for _, act := range acts {
		given := slices.ContainsFunc(known[act.Contact], func(c contacts.Consent) bool { return c.Topic == act.Topic && c.State == contacts.ConsentGiven })
		if act.State == contacts.ConsentWithdrawn || !slices.Contains(double, act.Topic) {
			record = append(record, act)
			continue
		}
		if given {
			continue // it was confirmed before
		}
		act.State = contacts.ConsentPending
		record, asks = append(record, act), append(asks, asking(act, now))
	}
	if len(record) > 0 {
		if _, err := a.Store.SetConsent(ctx, record, now); err != nil {
			return err
		}
	}
	// Who fails between the two is not answered, and says it again.
	if len(asks) > 0 {
		_, err = a.Ingest.Ingest(ctx, asks, now)
	}
	return err
}

// asking asks for the confirmation of a consent.
func asking(act store.ConsentChange, now time.Time) store.Incoming {
	at := act.At
	if at.IsZero() || at.After(now) {
		at = now
	}
	return store.Incoming{Source: act.Source, Event: contacts.Event{
		Contact: act.Contact, Name: contacts.EventRequested, At: now,
		Key:        fmt.Sprintf("confirmation:%d:%s:%d", act.Contact, act.Topic, at.UnixMilli()),
		Properties: map[string]any{"topic": act.Topic, "source": act.Source},
	}}
}
