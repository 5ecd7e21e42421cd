package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/ident"
)

// Incoming is an event that somebody reports. It names its contact by the
// message it is about, else by Contact, else by Email.
type Incoming struct {
	contacts.Event        // ID, Campaign and (of a message) Template are filled in here
	Email          string // as contacts.ParseAddress writes it
	CreateContact  bool   // an unknown Email becomes a new contact
	Source         string // of what follows for consent and suppression: "webhook main", "one click"

	TooSoon  *TooSoon        // what it is if it came too soon after its message was sent; nil: what it says
	Proof    *Proof          // it may turn out to be a person's; nil: what Machine says stays
	Topic    string          // of email.unsubscribed: what is withdrawn; "" is everything
	Suppress string          // a reason: the contact gets nothing from now on
	Consents []ConsentChange // Contact is filled in here, Source and At when they are empty
	Calls    []Call          // to webhooks, if it is new
}

// TooSoon makes an event a machine's when its message was sent only just before:
// who brings it need not look the message up.
type TooSoon struct {
	Within time.Duration
	Key    string // of the event as a machine's
	Why    string // its property "machine"
}

// Result is what became of an Incoming.
type Result struct {
	Contact   contacts.ID
	Event     int64  // 0 for a duplicate and an unmatched one
	Machine   bool   // it counts for nobody
	Duplicate bool   // its key was known: nothing changed
	Unmatched string // why it belongs to nobody, or ""
}

// Ingest stores events and what follows from them in one transaction: when it
// returns they are durable. An event whose key is known changes nothing. A hard
// bounce and a complaint suppress the contact, email.unsubscribed withdraws
// consent, and news of a message that nobody was sure of settles it as sent.
// Times that lie after now are taken as now. The results run parallel to in.
func (s *Store) Ingest(ctx context.Context, in []Incoming, now time.Time) ([]Result, error) {
	if len(in) == 0 {
		return nil, nil
	}
	g, err := s.newIngest(ctx, in, now)
	if err != nil {
		return nil, fmt.Errorf("cannot store %d events: %w", len(in), err)
	}
	if err := s.db.write(ctx, g.run); err != nil {
		return nil, fmt.Errorf("cannot store %d events: %w", len(in), err)
	}
	return g.results, nil
}

// ingest is one call of Ingest.
type ingest struct {
	*Store
	ctx      context.Context
	in       []Incoming
	now      time.Time
	eventIDs []int64
	contacts []int64 // ids for those to create
	database string
	erasure  []byte

	results  []Result
	gone     map[contacts.ID]bool // of the contacts that are known: whether they were erased
	campaign []int64              // of each event
	erased   []bool               // the contact is erased: only what counts is kept
	fresh    []int                // the events that are new
}

func (s *Store) newIngest(ctx context.Context, in []Incoming, now time.Time) (*ingest, error) {
	g := &ingest{Store: s, ctx: ctx, in: slices.Clone(in), now: now}
	var err error
	if g.eventIDs, err = s.reserveEvents(ctx, len(in), now); err != nil {
		return nil, err
	}
	emails := map[string]bool{}
	for i := range g.in {
		x := &g.in[i]
		x.ID = g.eventIDs[i]
		x.Name, x.Key, x.Link, x.Template, x.Source = cleanText(x.Name), cleanText(x.Key), cleanText(x.Link), cleanText(x.Template), cleanText(x.Source)
		x.Properties = cleanMap(x.Properties)
		if x.Suppress != "" && (strength(x.Suppress) < 0 || x.Suppress == contacts.ReasonErased) {
			return nil, fmt.Errorf("event %s suppresses for %q, which is no reason: use hard-bounce, complaint, unsubscribed-all or manual", x.Name, x.Suppress)
		}
		if x.Key == "" {
			x.Key = "event:" + ident.Format(x.ID)
		}
		if x.At.IsZero() || x.At.After(now) {
			x.At = now
		}
		if x.CreateContact && x.Message == 0 && x.Contact == 0 {
			emails[x.Email] = true
		}
	}
	if len(emails) == 0 {
		return g, nil
	}
	first, err := s.reserve(ctx, "contacts", len(emails))
	if err != nil {
		return nil, err
	}
	for i := range int64(len(emails)) {
		g.contacts = append(g.contacts, first+i)
	}
	if g.database, err = s.DatabaseID(ctx); err != nil {
		return nil, err
	}
	g.erasure, err = s.erasureKey(ctx)
	return g, err
}

// run may run again from the beginning when the database asks for it.
func (g *ingest) run(q querier) error {
	g.results = make([]Result, len(g.in))
	g.gone = map[contacts.ID]bool{}
	g.campaign, g.erased = make([]int64, len(g.in)), make([]bool, len(g.in))
	if len(g.contacts) > 0 {
		if err := g.lockAddresses(g.ctx, q, false); err != nil {
			return err
		}
	}
	create, err := g.resolve(q)
	if err != nil {
		return err
	}
	suppressed, err := g.refuseErased(q, create)
	if err != nil {
		return err
	}
	for i := range g.in {
		g.results[i].Machine = g.in[i].Machine
	}
	if err := g.dedupe(q); err != nil {
		return err
	}
	if err := g.create(q, suppressed); err != nil {
		return err
	}
	if err := g.store(q); err != nil {
		return err
	}
	if err := g.follow(q); err != nil {
		return err
	}
	return g.settle(q)
}

// dedupe claims the keys of what belongs to somebody, and notes what is new.
func (g *ingest) dedupe(q querier) error {
	var events []contacts.Event
	for i := range g.in {
		if g.results[i].Unmatched == "" {
			events = append(events, g.in[i].Event)
		}
	}
	first, err := g.insertKeys(g.ctx, q, events)
	if err != nil {
		return err
	}
	g.fresh = g.fresh[:0]
	for i := range g.in {
		switch r := &g.results[i]; {
		case r.Unmatched != "":
		case first[g.in[i].ID]:
			r.Event = g.in[i].ID
			g.fresh = append(g.fresh, i)
		default:
			r.Duplicate = true
		}
	}
	return nil
}

// store writes the new events, sorted by contact, and touches whom they are
// about. What machines do is kept and moves nobody.
func (g *ingest) store(q querier) error {
	slices.SortFunc(g.fresh, func(a, b int) int {
		return cmp.Or(cmp.Compare(g.results[a].Contact, g.results[b].Contact), cmp.Compare(g.in[a].ID, g.in[b].ID))
	})
	rows := make([]eventRow, 0, len(g.fresh))
	var touched []Touched
	for _, i := range g.fresh {
		e := g.in[i].Event
		e.Contact = g.results[i].Contact
		if g.erased[i] {
			e.Properties, e.Link = nil, ""
		}
		rows = append(rows, eventRow{e, g.campaign[i]})
		if !e.Machine {
			touched = append(touched, Touched{Contact: e.Contact, Event: e.ID})
		}
	}
	if err := g.insertEvents(g.ctx, q, rows); err != nil {
		return err
	}
	var calls []Call
	for _, i := range g.fresh {
		if !g.erased[i] { // a call tells who it is about
			calls = append(calls, g.in[i].Calls...)
		}
	}
	if err := g.saveCalls(g.ctx, q, calls, g.now); err != nil {
		return err
	}
	if err := g.keepUnproved(q); err != nil {
		return err
	}
	if err := g.keepClicked(q); err != nil {
		return err
	}
	return g.touch(g.ctx, q, touched)
}

// settle takes every answer to a message as proof that it was sent.
func (g *ingest) settle(q querier) error {
	var messages []int64
	for _, i := range g.fresh {
		if g.in[i].Message != 0 && provesSent(g.in[i].Name) {
			messages = append(messages, g.in[i].Message)
		}
	}
	return g.settleByEvidence(g.ctx, q, uniqueIDs(messages), g.now)
}
