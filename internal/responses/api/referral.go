package api

import (
	"context"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/internal/relationship"
	"rapport/internal/store"
)

// joining is how long after a contact came into being it may still be said who
// brought it: who fails on the way says it again.
const joining = time.Hour

// referred notes who brought new contacts: a partner, or a contact, and then it
// gives these what the program has for friends. A code that is none of ours, or of the contact's own, is passed
// over: it was typed or copied by strangers.
func (a *api) referred(ctx context.Context, codes []string, results []store.ContactResult, now time.Time) error {
	programs := a.Settings().Programs
	if programs == nil {
		return nil
	}
	program := programs.Referral
	var gifts []store.AttributeChange
	var joined []store.Incoming
	for i, code := range codes {
		if code == "" || results[i].Rejected != "" {
			continue
		}
		partner, by := programs.PartnerOf(code), int64(0)
		if partner == nil {
			if by = a.broughtBy(program, code); by == 0 || contacts.ID(by) == results[i].ID {
				continue
			}
		}
		friend, found, err := a.Store.Contact(ctx, results[i].ID)
		if err != nil {
			return err
		}
		if !found || friend.CreatedAt.Before(now.Add(-joining)) {
			continue
		}
		if partner != nil {
			// The first counts, and there is one: by its key it is written once.
			if _, known := friend.Attributes[relationship.PartnerAttribute]; !known {
				gifts = append(gifts, store.AttributeChange{Contact: friend.ID, Key: "partner:" + ident.Format(int64(friend.ID)),
					Set: map[string]any{"attributes." + relationship.PartnerAttribute: partner.Name}})
			}
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
	if err := a.Store.SetAttributes(ctx, gifts, now); err != nil || len(joined) == 0 {
		return err
	}
	_, err := a.Ingest.Ingest(ctx, joined, now)
	return err
}

// broughtBy is the contact whose link a code is of; 0 without such a program, and
// for a code that is none of ours.
func (a *api) broughtBy(program *relationship.Referral, code string) int64 {
	if program == nil || a.Tokens == nil {
		return 0
	}
	by, err := a.Tokens.VerifyReferral(code)
	if err != nil {
		return 0
	}
	return by
}
