package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rapport/internal/contacts"
)

// ContactInput is what a source says about one person.
type ContactInput struct {
	// Contact names the person by Email, as contacts.ParseAddress writes it.
	// Profile fields and attributes that are set are merged in. Seed and
	// CreatedAt are used when the contact is new; by default they are derived
	// from the id and now.
	Contact  contacts.Contact
	Set      map[string]any // more fields, as in AttributeChange; they win
	Consents []contacts.Consent
	Source   string // of consents that name none
}

// ContactResult is what became of a ContactInput.
type ContactResult struct {
	ID       contacts.ID
	Created  bool
	Changed  bool     // the profile of a contact that was there is different now
	Rejected string   // why nothing was stored, or ""
	Refused  []string // consents that were not taken, with the reason
}

// UpsertContacts adds people and merges what is said of those who are known.
// It is the way of imports: a consent in it never makes mailable who has
// withdrawn, and an address on the suppression list stays there (rule 27). Two
// inputs with one address are merged in their order. Give it up to a few
// thousand at a time; each call is one transaction, or none when it brings
// nothing new.
func (s *Store) UpsertContacts(ctx context.Context, in []ContactInput, now time.Time) ([]ContactResult, error) {
	return s.upsertContacts(ctx, upsertOrder{in: in, now: now})
}

// upsertOrder is what one call is given.
type upsertOrder struct {
	in    []ContactInput
	now   time.Time
	rules *Rules // by which new contacts are given their place; nil: whoever looks at them does
	// strangers says that hardly anybody is known, so that it is found out by
	// inserting them.
	strangers bool
}

func (s *Store) upsertContacts(ctx context.Context, o upsertOrder) ([]ContactResult, error) {
	u, err := s.newUpsert(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("cannot store contacts: %w", err)
	}
	if u.idle() {
		return u.results, nil
	}
	if err := s.db.write(ctx, u.run); err != nil {
		return nil, fmt.Errorf("cannot store contacts: %w", err)
	}
	return u.results, nil
}

// upsert is one call of UpsertContacts. Most of the work is done before the
// transaction: whoever seems to be new is made ready to be written, and of those
// who are known only the ones are locked of whom something seems to be different.
// The transaction decides; what was read before it may have changed.
type upsert struct {
	*Store
	upsertOrder
	ctx      context.Context
	erasure  []byte
	eventIDs []int64

	emails  []string         // in the order of the input, each once
	byEmail map[string][]int // the inputs of an address
	fresh   []*freshContact  // who seem to be new, in the order of their addresses
	told    weighed          // what the inputs say of their consents
	differ  []string         // addresses of those who are known and seem to be different

	before  []ContactResult // what is known before the transaction
	results []ContactResult
	known   map[string]contacts.ID // who were there, and are locked
}

func (s *Store) newUpsert(ctx context.Context, o upsertOrder) (*upsert, error) {
	u := &upsert{Store: s, upsertOrder: o, ctx: ctx, byEmail: make(map[string][]int, len(o.in)), before: make([]ContactResult, len(o.in))}
	for i := range u.in {
		email := u.in[i].Contact.Email
		if u.byEmail[email] == nil {
			u.emails = append(u.emails, email)
		}
		u.byEmail[email] = append(u.byEmail[email], i)
	}
	if _, ok := u.byEmail[""]; ok {
		u.reject(u.before, "", "there is no address")
		u.emails = slices.DeleteFunc(u.emails, func(email string) bool { return email == "" })
	}
	strangers := u.emails
	var err error
	if !u.strangers {
		if strangers, err = u.compare(); err != nil {
			return nil, err
		}
	}
	if u.erasure, err = s.erasureKey(ctx); err != nil {
		return nil, err
	}
	if u.eventIDs, err = s.reserveEvents(ctx, len(u.emails), u.now); err != nil {
		return nil, err
	}
	if err := u.prepare(strangers); err != nil {
		return nil, err
	}
	u.results = slices.Clone(u.before)
	return u, nil
}

// idle reports whether there is nothing to write.
func (u *upsert) idle() bool { return len(u.fresh) == 0 && len(u.differ) == 0 }

func (u *upsert) reject(results []ContactResult, email, why string) {
	for _, i := range u.byEmail[email] {
		results[i].Rejected, results[i].Refused = why, nil
	}
}

// compare reads who is known, without a lock, notes who of them seems to be
// different, and returns the addresses of the others.
func (u *upsert) compare() (strangers []string, err error) {
	b := u.statement()
	list, err := u.contactsWhere(u.ctx, u.db, b, b.inText("c.email", u.emails))
	if err != nil {
		return nil, err
	}
	known := make(map[string]*contacts.Contact, len(list))
	ids := make([]contacts.ID, len(list))
	for i := range list {
		known[list[i].Email], ids[i] = &list[i], list[i].ID
	}
	var consents map[contacts.ID][]contacts.Consent
	if len(ids) > 0 && slices.ContainsFunc(u.in, func(in ContactInput) bool { return len(in.Consents) > 0 }) {
		if consents, err = u.Consents(u.ctx, ids); err != nil {
			return nil, err
		}
	}
	for _, email := range u.emails {
		c := known[email]
		if c == nil {
			strangers = append(strangers, email)
			continue
		}
		for _, i := range u.byEmail[email] {
			u.before[i].ID = c.ID
		}
		if u.agrees(email, consents[c.ID]) && len(merge(c, u.said(email))) == 0 {
			continue
		}
		u.differ = append(u.differ, email)
	}
	return strangers, nil
}

// agrees reports whether what the inputs say of consent is known.
func (u *upsert) agrees(email string, known []contacts.Consent) bool {
	for _, i := range u.byEmail[email] {
		for _, said := range u.in[i].Consents {
			if !slices.ContainsFunc(known, func(k contacts.Consent) bool { return k.Topic == said.Topic && k.State == said.State }) {
				return false
			}
		}
	}
	return true
}

// run may run again from the beginning when the database asks for it.
func (u *upsert) run(q querier) error {
	u.results, u.known = slices.Clone(u.before), make(map[string]contacts.ID, len(u.differ))
	if err := u.lockAddresses(u.ctx, q, false); err != nil {
		return err
	}
	look, late, err := u.create(q)
	if err != nil {
		return err
	}
	if err := u.change(q, slices.Concat(u.differ, late)); err != nil {
		return err
	}
	agreed, err := u.consent(q)
	if err != nil {
		return err
	}
	return u.touch(u.ctx, q, touchedBy(uniqueIDs(append(look, agreed...)), 0))
}

// change merges what is said of contacts that were there.
func (u *upsert) change(q querier, emails []string) error {
	if len(emails) == 0 {
		return nil
	}
	b := u.statement()
	list, err := u.contactsWhere(u.ctx, q, b, b.inText("c.email", emails)+` order by c.id`+b.lock("for update"))
	if err != nil {
		return err
	}
	var changed []contacts.Contact
	var events []contacts.Event
	for _, c := range list {
		if fields := merge(&c, u.said(c.Email)); len(fields) > 0 {
			e := changedEvent(c.ID, fields, changeKey(c.ID, fields, u.now), u.now)
			e.ID = u.eventIDs[len(events)]
			events, changed = append(events, e), append(changed, c)
			u.results[u.byEmail[c.Email][0]].Changed = true
		}
		u.known[c.Email] = c.ID
		for _, i := range u.byEmail[c.Email] {
			u.results[i].ID = c.ID
		}
	}
	for _, email := range emails {
		if _, found := u.known[email]; !found {
			u.reject(u.results, email, "the contact was erased at this moment")
		}
	}
	if err := u.saveProfiles(u.ctx, q, changed, u.now); err != nil {
		return err
	}
	return u.tellReserved(u.ctx, q, events)
}

// consent records what the inputs say of the consents of contacts that were
// there. It returns whose record has changed.
func (u *upsert) consent(q querier) ([]contacts.ID, error) {
	var changes []ConsentChange
	var of []int
	for i := range u.in {
		if id, ok := u.known[u.in[i].Contact.Email]; ok {
			u.results[i].Refused = nil // of when it seemed to be new
			for _, change := range u.acts(i, id, u.results) {
				changes, of = append(changes, change), append(of, i)
			}
		}
	}
	refused, changed, err := u.applyConsents(u.ctx, q, changes)
	if err != nil {
		return nil, err
	}
	noteRefused(u.results, of, refused)
	return changed, nil
}

// acts are what an input says of the consents of its contact.
func (u *upsert) acts(i int, id contacts.ID, results []ContactResult) []ConsentChange {
	changes := make([]ConsentChange, 0, len(u.in[i].Consents))
	for _, said := range u.in[i].Consents {
		change := ConsentChange{Contact: id, Topic: said.Topic, State: said.State, Source: said.Source, At: said.At, Key: said.Key, Imported: true}
		if change.Source == "" {
			change.Source = u.in[i].Source
		}
		if err := change.check(u.now); err != nil {
			results[i].Refused = append(results[i].Refused, err.Error())
			continue
		}
		changes = append(changes, change)
	}
	return changes
}

// noteRefused notes why acts were not taken; of is the input of each.
func noteRefused(results []ContactResult, of []int, refused []string) {
	for n, why := range refused {
		if why != "" {
			results[of[n]].Refused = append(results[of[n]].Refused, why)
		}
	}
}

// said is everything that the inputs set for an address; the later one wins.
func (u *upsert) said(email string) map[string]any {
	all := said(u.in[u.byEmail[email][0]])
	for _, i := range u.byEmail[email][1:] {
		maps.Copy(all, said(u.in[i]))
	}
	return all
}

// said is everything one input sets.
func said(in ContactInput) map[string]any {
	set := make(map[string]any, len(in.Set)+len(in.Contact.Attributes)+4)
	for name, value := range in.Contact.Attributes {
		set["attributes."+name] = value
	}
	for field, value := range map[string]string{"first_name": in.Contact.FirstName, "last_name": in.Contact.LastName,
		"language": in.Contact.Language, "timezone": in.Contact.Timezone} {
		if value != "" {
			set[field] = value
		}
	}
	var c contacts.Contact
	for field, value := range in.Set {
		if builtIn(&c, field) == nil {
			field = "attributes." + strings.TrimPrefix(field, "attributes.")
		}
		set[field] = value
	}
	return set
}
