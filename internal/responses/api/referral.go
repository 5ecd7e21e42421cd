package api

import (
	"context"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/internal/store"
)

// joining is how long after a contact came into being it may still be said who
// brought it: who fails on the way says it again.
const joining = time.Hour

// referred notes who brought new contacts, and gives these what the program has
// for friends. A code that is none of ours, or of the contact's own, is passed
// over: it was typed or copied by strangers.
func (a *api) referred(ctx context.Context, codes []string, results []store.ContactResult, now time.Time) error {
	program := a.Settings().Referral
	if program == nil || a.Tokens == nil {
		return nil
	}
	var gifts []store.AttributeChange
	var joined []store.Incoming
	for i, code := range codes {
		if code == "" || results[i].Rejected != "" {
			continue
		}
		by, err := a.Tokens.VerifyReferral(code)
		if err != nil || contacts.ID(by) == results[i].ID {
			continue
		}
		friend, found, err := a.Store.Contact(ctx, results[i].ID)
		if err != nil {
			return err
		}
		if !found || friend.CreatedAt.Before(now.Add(-joining)) {
			continue
		}
		key := "referral:" + ident.Format(int64(friend.ID))
		if len(program.Friend) > 0 {
			gifts = append(gifts, store.AttributeChange{Contact: friend.ID, Set: program.Friend, Key: key + ":gift"})
		}
		joined = append(joined, store.Incoming{Source: "api", Event: contacts.Event{
			Contact: friend.ID, Name: contacts.EventJoined, At: now, Key: key, Properties: map[string]any{"by": ident.Format(by)},
		}})
	}
	if len(joined) == 0 {
		return nil
	}
	if err := a.Store.SetAttributes(ctx, gifts, now); err != nil {
		return err
	}
	_, err := a.Ingest.Ingest(ctx, joined, now)
	return err
}
