package store

import (
	"context"
	"slices"

	"rapport/internal/contacts"
)

// follow carries out what new events mean for consent and suppression, under
// the contacts' locks.
func (g *ingest) follow(q querier) error {
	var changes []ConsentChange
	reasons := map[contacts.ID]Suppression{}
	for _, i := range g.fresh {
		x, who := &g.in[i], g.results[i].Contact
		for _, c := range consentsOf(x) {
			c.Contact = who
			if err := c.check(g.now); err != nil {
				return err
			}
			changes = append(changes, c)
		}
		if reason := suppressionOf(x); reason != "" && strength(reasons[who].Reason) < strength(reason) {
			reasons[who] = Suppression{Reason: reason, Source: sourceOf(x), At: x.At}
		}
	}
	var ids []contacts.ID
	for _, c := range changes {
		ids = append(ids, c.Contact)
	}
	for who := range reasons {
		ids = append(ids, who)
	}
	if len(ids) == 0 {
		return nil
	}
	if err := g.lockContacts(g.ctx, q, uniqueIDs(ids)); err != nil {
		return err
	}
	_, changed, err := g.applyConsents(g.ctx, q, changes)
	if err != nil {
		return err
	}
	if err := g.touch(g.ctx, q, touchedBy(changed, 0)); err != nil {
		return err
	}
	return g.suppressContacts(g.ctx, q, reasons)
}

// consentsOf is what an event says about consent.
func consentsOf(x *Incoming) []ConsentChange {
	out := slices.Clone(x.Consents)
	if x.Name == contacts.EventUnsubscribed && x.Suppress == "" {
		out = append(out, ConsentChange{Topic: x.Topic, State: contacts.ConsentWithdrawn})
	}
	for i := range out {
		c := &out[i]
		if c.Source == "" {
			c.Source = sourceOf(x)
		}
		if c.At.IsZero() {
			c.At = x.At
		}
		if c.Key == "" {
			c.Key = x.Key
		}
	}
	return out
}

// suppressionOf is the reason for which an event ends all mail, or "".
func suppressionOf(x *Incoming) string {
	switch {
	case x.Suppress != "":
		return x.Suppress
	case x.Name == contacts.EventComplained:
		return contacts.ReasonComplaint
	case x.Name == contacts.EventBounced && x.Properties["type"] == "hard":
		return contacts.ReasonHardBounce
	}
	return ""
}

func sourceOf(x *Incoming) string {
	if x.Source != "" {
		return x.Source
	}
	return x.Name
}

// suppressContacts suppresses contacts that are locked, by their addresses. An
// erased one has no address any more and stays as it is.
func (s *Store) suppressContacts(ctx context.Context, q querier, reasons map[contacts.ID]Suppression) error {
	if len(reasons) == 0 {
		return nil
	}
	wanted := map[string]Suppression{}
	b := s.statement()
	if err := each(ctx, q, `select id, email from contacts where not erased and `+b.in("id", plainIDs(sortedKeys(reasons))), b.args,
		func(scan func(...any) error) error {
			var id contacts.ID
			var email string
			err := scan(&id, &email)
			x := reasons[id]
			x.Email = email
			wanted[email] = x
			return err
		}); err != nil {
		return err
	}
	_, err := s.applySuppressions(ctx, q, wanted)
	return err
}
