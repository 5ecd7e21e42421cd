package store

import (
	"slices"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/ident"
)

// resolve finds whom each event is about, a statement for each way of naming
// them, and returns the addresses of contacts to create.
func (g *ingest) resolve(q querier) (create []string, err error) {
	if err := g.byMessage(q); err != nil {
		return nil, err
	}
	if create, err = g.byEmail(q); err != nil {
		return nil, err
	}
	return create, g.byContact(q)
}

func (g *ingest) byMessage(q querier) error {
	type about struct {
		contact  contacts.ID
		campaign int64
		template string
		sent     time.Time // zero: it is not, as far as is known
	}
	var ids []int64
	for i := range g.in {
		if g.in[i].Message != 0 {
			ids = append(ids, g.in[i].Message)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	found := map[int64]about{}
	b := g.statement()
	if err := each(g.ctx, q, `select m.id, m.contact_id, m.campaign_id, m.template,
		case when m.state = 'sent' then m.decided_at end, c.erased from messages m
		left join contacts c on c.id = m.contact_id where `+b.inKeys("m.id", uniqueIDs(ids)), b.args,
		func(scan func(...any) error) error {
			var id int64
			var a about
			var sent *int64
			var gone *bool
			err := scan(&id, &a.contact, &a.campaign, &a.template, &sent, &gone)
			a.sent = atNull(sent)
			if found[id] = a; gone != nil {
				g.gone[a.contact] = *gone
			}
			return err
		}); err != nil {
		return err
	}
	for i := range g.in {
		x := &g.in[i]
		if x.Message == 0 {
			continue
		}
		a, ok := found[x.Message]
		if !ok {
			g.results[i].Unmatched = "there is no message " + ident.Format(x.Message)
			continue
		}
		g.results[i].Contact, g.campaign[i], x.Template = a.contact, a.campaign, a.template
		if soon := x.TooSoon; soon != nil && !a.sent.IsZero() && x.At.Sub(a.sent) < soon.Within {
			x.Machine, x.Key, x.Properties = true, soon.Key, map[string]any{"machine": soon.Why}
		}
	}
	return nil
}

func (g *ingest) byEmail(q querier) (create []string, err error) {
	named := func(i int) bool { return g.in[i].Message == 0 && g.in[i].Contact == 0 }
	var emails []string
	for i := range g.in {
		if named(i) {
			emails = append(emails, g.in[i].Email)
		}
	}
	if len(emails) == 0 {
		return nil, nil
	}
	slices.Sort(emails)
	found, err := g.contactIDs(q, slices.Compact(emails))
	if err != nil {
		return nil, err
	}
	for i := range g.in {
		if !named(i) {
			continue
		}
		x, r := &g.in[i], &g.results[i]
		switch id, ok := found[x.Email]; {
		case ok:
			r.Contact = id
		case x.Email == "":
			r.Unmatched = "it names no contact"
		case !x.CreateContact:
			r.Unmatched = "there is no contact with this address"
		default:
			create = append(create, x.Email)
		}
	}
	slices.Sort(create)
	return slices.Compact(create), nil
}

// byContact looks whether the contacts exist and who was erased: news of an
// erased contact's message still count, everything else is turned away.
func (g *ingest) byContact(q querier) error {
	var ids []contacts.ID
	for i := range g.in {
		r := &g.results[i]
		if r.Contact == 0 && r.Unmatched == "" && g.in[i].Contact != 0 {
			r.Contact = g.in[i].Contact
		}
		if _, known := g.gone[r.Contact]; r.Contact != 0 && !known {
			ids = append(ids, r.Contact)
		}
	}
	if len(ids) > 0 {
		b := g.statement()
		if err := each(g.ctx, q, `select id, erased from contacts where `+b.in("id", plainIDs(uniqueIDs(ids))), b.args,
			func(scan func(...any) error) error {
				var id contacts.ID
				var gone bool
				err := scan(&id, &gone)
				g.gone[id] = gone
				return err
			}); err != nil {
			return err
		}
	}
	for i := range g.in {
		r := &g.results[i]
		if r.Contact == 0 {
			continue
		}
		gone, known := g.gone[r.Contact]
		switch {
		case !known:
			r.Unmatched, r.Contact = "there is no such contact", 0
		case gone && g.in[i].Message == 0:
			r.Unmatched, r.Contact = "this contact was erased", 0
		default:
			g.erased[i] = gone
		}
	}
	return nil
}

// refuseErased turns away events that would make a contact of an address that
// was erased, and returns the suppressions of the other new addresses.
func (g *ingest) refuseErased(q querier, emails []string) (map[string]Suppression, error) {
	if len(emails) == 0 {
		return nil, nil
	}
	look := slices.Clone(emails)
	for _, email := range emails {
		look = append(look, erasedMark(g.erasure, email))
	}
	suppressed, err := g.suppressionsOf(g.ctx, q, look)
	if err != nil {
		return nil, err
	}
	for i := range g.in {
		r := &g.results[i]
		if r.Contact != 0 || r.Unmatched != "" {
			continue
		}
		if _, erased := suppressed[erasedMark(g.erasure, g.in[i].Email)]; erased {
			r.Unmatched = "this address was erased"
		}
	}
	return suppressed, nil
}

// create makes the contacts that new events name for the first time.
func (g *ingest) create(q querier, suppressed map[string]Suppression) error {
	var emails []string
	for _, i := range g.fresh {
		if g.results[i].Contact == 0 {
			emails = append(emails, g.in[i].Email)
		}
	}
	if len(emails) == 0 {
		return nil
	}
	slices.Sort(emails)
	emails = slices.Compact(emails)
	var list []*freshContact
	for n, email := range emails {
		id := contacts.ID(g.contacts[n])
		c := contacts.Contact{ID: id, Email: email, Seed: seedOf(g.database, id), CreatedAt: g.now}
		if x, ok := suppressed[email]; ok {
			c.Suppression = &contacts.Suppression{Reason: x.Reason, At: x.At, Source: x.Source}
		}
		list = append(list, fresh(c))
	}
	if _, err := g.insertContacts(g.ctx, q, list, g.now); err != nil {
		return err
	}
	ids, err := g.contactIDs(q, emails) // some may be another's who was faster
	for _, i := range g.fresh {
		if r := &g.results[i]; r.Contact == 0 {
			r.Contact = ids[g.in[i].Email]
		}
	}
	return err
}

func (g *ingest) contactIDs(q querier, emails []string) (map[string]contacts.ID, error) {
	ids := map[string]contacts.ID{}
	b := g.statement()
	err := each(g.ctx, q, `select email, id, erased from contacts where `+b.inText("email", emails), b.args, func(scan func(...any) error) error {
		var email string
		var id contacts.ID
		var gone bool
		err := scan(&email, &id, &gone)
		ids[email], g.gone[id] = id, gone
		return err
	})
	return ids, err
}
