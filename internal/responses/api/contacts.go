package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
	"rapport/internal/responses"
	"rapport/internal/store"
)

// Contact is a person as other programs tell of them. What is left out stays
// as it is.
type Contact struct {
	Email      string         `json:"email" doc:"The address." example:"ana@example.com"`
	FirstName  string         `json:"first_name,omitempty"`
	LastName   string         `json:"last_name,omitempty"`
	Language   string         `json:"language,omitempty" doc:"BCP 47." example:"de"`
	Timezone   string         `json:"timezone,omitempty" doc:"An IANA name." example:"Europe/Berlin"`
	Attributes map[string]any `json:"attributes,omitempty" doc:"Merged into what is known; null removes one."`
	Consents   []Consent      `json:"consents,omitempty"`
	ReferredBy string         `json:"referred_by,omitempty" doc:"Who brought them: the parameter of this name with which they came to your website. It counts for who is new."`
}

// Consent is what a contact has allowed.
type Consent struct {
	Topic  string `json:"topic" example:"guides"`
	State  string `json:"state,omitempty" enum:"given,withdrawn,pending" doc:"given unless said."`
	Source string `json:"source" doc:"Where it was said; it must be shown one day." example:"checkout form"`
	At     string `json:"at,omitempty" format:"date-time" doc:"When it was said (RFC 3339); now unless said."`
	OwnAct bool   `json:"own_act,omitempty" doc:"The contact has said it themselves, in this form: only then can it bring back what was withdrawn, and only then is a topic with double opt-in asked to be confirmed by mail."`
}

// ContactView is a contact as it is shown.
type ContactView struct {
	ID          int64            `json:"id"`
	Email       string           `json:"email"`
	FirstName   string           `json:"first_name,omitempty"`
	LastName    string           `json:"last_name,omitempty"`
	Language    string           `json:"language,omitempty"`
	Timezone    string           `json:"timezone,omitempty"`
	Attributes  map[string]any   `json:"attributes,omitempty"`
	Stage       string           `json:"stage,omitempty"`
	StageSince  time.Time        `json:"stage_since,omitzero"`
	Health      string           `json:"health,omitempty"`
	HealthSince time.Time        `json:"health_since,omitzero"`
	Suppressed  *SuppressionView `json:"suppressed,omitempty" doc:"Why no mail goes there, if so."`
	Consents    []ConsentView    `json:"consents"`
	CreatedAt   time.Time        `json:"created_at"`
	UpdatedAt   time.Time        `json:"updated_at"`
}

// SuppressionView says why an address gets no mail.
type SuppressionView struct {
	Reason string    `json:"reason"`
	Source string    `json:"source,omitempty"`
	At     time.Time `json:"at"`
}

// ConsentView is a consent as it stands.
type ConsentView struct {
	Topic  string    `json:"topic"`
	State  string    `json:"state"`
	Source string    `json:"source,omitempty"`
	At     time.Time `json:"at"`
}

// Stored is what became of one contact.
type Stored struct {
	Email   string   `json:"email"`
	ID      int64    `json:"id"`
	Created bool     `json:"created"`
	Changed bool     `json:"changed"`
	Refused []string `json:"refused,omitempty" doc:"Consents that were not taken, and why."`
}

type contactsAnswer struct {
	Body struct {
		Contacts []Stored `json:"contacts"`
	}
}

type contactAnswer struct{ Body ContactView }

func (a *api) contacts() {
	for _, m := range []struct{ method, id string }{{http.MethodPut, "put-contacts"}, {http.MethodPost, "add-contacts"}} {
		op := a.operation(m.method, "/contacts", m.id, "Add or change one contact, or up to 1000 of them", ContactsWrite)
		registerList[Contact](a, op, a.putContacts)
	}
	op := a.operation(http.MethodGet, "/contacts/{email}", "get-contact", "One contact", ContactsRead)
	op.Errors = append(op.Errors, http.StatusNotFound)
	huma.Register(a, op, a.getContact)
}

func (a *api) putContacts(ctx context.Context, q *rawInput) (*contactsAnswer, error) {
	list, err := split(q.RawBody)
	if err != nil {
		return nil, err
	}
	topics := a.Settings().Topics
	var in []store.ContactInput
	var own [][]store.ConsentChange
	var codes []string
	var index []int
	var bad []responses.BadEvent
	for i, raw := range list {
		c, acts, code, wrong := parseContact(raw, topics)
		if wrong != "" {
			bad = append(bad, responses.BadEvent{Index: i, Error: wrong})
			continue
		}
		in, own, index, codes = append(in, c), append(own, acts), append(index, i), append(codes, code)
	}
	out := &contactsAnswer{}
	out.Body.Contacts = []Stored{}
	if len(in) > 0 {
		now := a.Now()
		results, err := a.Store.UpsertContacts(ctx, in, now)
		if err != nil {
			return nil, a.unavailable("put-contacts", err)
		}
		var acts []store.ConsentChange
		for i, r := range results {
			if r.Rejected != "" {
				bad = append(bad, responses.BadEvent{Index: index[i], Error: r.Rejected})
				continue
			}
			for _, act := range own[i] {
				act.Contact = r.ID
				acts = append(acts, act)
			}
			out.Body.Contacts = append(out.Body.Contacts, Stored{Email: in[i].Contact.Email, ID: int64(r.ID), Created: r.Created, Changed: r.Changed, Refused: r.Refused})
		}
		if err := a.said(ctx, acts, now); err != nil {
			return nil, a.unavailable("put-contacts", err)
		}
		if err := a.referred(ctx, codes, results, now); err != nil {
			return nil, a.unavailable("put-contacts", err)
		}
		for _, s := range out.Body.Contacts {
			a.Changed(ctx, contacts.ID(s.ID))
		}
	}
	if len(bad) > 0 {
		p := faulty(inOrder(bad), "contacts")
		p.Accepted = len(out.Body.Contacts)
		return nil, p
	}
	return out, nil
}

// parseContact turns an entry into what the store takes; acts are the consents
// that are the contact's own act.
func parseContact(raw json.RawMessage, topics []string) (in store.ContactInput, acts []store.ConsentChange, code, wrong string) {
	var c Contact
	if wrong := responses.DecodeStrict(raw, &c, "email, first_name, last_name, language, timezone, attributes, consents and referred_by"); wrong != "" {
		return in, nil, "", wrong
	}
	if c.Email == "" {
		return in, nil, "", "email is missing"
	}
	email, err := contacts.ParseAddress(c.Email)
	if err != nil {
		return in, nil, "", "email: " + err.Error()
	}
	if c.Timezone != "" {
		if _, err := calendar.LoadZone(c.Timezone); err != nil {
			return in, nil, "", "timezone " + responses.Quote(c.Timezone) + " is not known: use an IANA name such as Europe/Berlin"
		}
	}
	in.Contact = contacts.Contact{Email: email, FirstName: c.FirstName, LastName: c.LastName, Language: c.Language, Timezone: c.Timezone}
	in.Source = "api"
	in.Set = make(map[string]any, len(c.Attributes))
	for name, value := range c.Attributes {
		in.Set["attributes."+name] = value
	}
	for _, said := range c.Consents {
		one, wrong := parseConsent(said, topics)
		if wrong != "" {
			return in, nil, "", wrong
		}
		if said.OwnAct {
			acts = append(acts, store.ConsentChange{Topic: one.Topic, State: one.State, Source: one.Source, At: one.At})
		} else {
			in.Consents = append(in.Consents, one)
		}
	}
	return in, acts, c.ReferredBy, ""
}

func parseConsent(c Consent, topics []string) (out contacts.Consent, wrong string) {
	out = contacts.Consent{Topic: c.Topic, State: c.State, Source: c.Source}
	if out.State == "" {
		out.State = contacts.ConsentGiven
	}
	switch {
	case !slices.Contains(topics, c.Topic):
		return out, "there is no topic " + responses.Quote(c.Topic) + " in the workspace"
	case c.Source == "":
		return out, "the consent to " + c.Topic + " needs a source: where it was said"
	case out.State != contacts.ConsentGiven && out.State != contacts.ConsentWithdrawn && out.State != contacts.ConsentPending:
		return out, "the consent to " + c.Topic + " is " + responses.Quote(out.State) + ": it must be given, withdrawn or pending"
	}
	if c.At != "" {
		at, err := time.Parse(time.RFC3339, c.At)
		if err != nil {
			return out, "the consent to " + c.Topic + ": at " + responses.Quote(c.At) + " is no time: write it as 2026-03-02T09:30:00Z (RFC 3339)"
		}
		out.At = at
	}
	return out, ""
}

func (a *api) getContact(ctx context.Context, q *struct {
	Email string `path:"email"`
}) (*contactAnswer, error) {
	email, err := contacts.ParseAddress(q.Email)
	if err != nil {
		return nil, huma.Error404NotFound("there is no contact with this address")
	}
	c, found, err := a.Store.ContactByEmail(ctx, email)
	if err != nil {
		return nil, a.unavailable("get-contact", err)
	}
	if !found || c.Erased {
		return nil, huma.Error404NotFound("there is no contact with this address")
	}
	consents, err := a.Store.Consents(ctx, []contacts.ID{c.ID})
	if err != nil {
		return nil, a.unavailable("get-contact", err)
	}
	v := ContactView{ID: int64(c.ID), Email: c.Email, FirstName: c.FirstName, LastName: c.LastName, Language: c.Language, Timezone: c.Timezone,
		Attributes: c.Attributes, Stage: c.Stage, StageSince: c.StageSince, Health: c.Health, HealthSince: c.HealthSince,
		Consents: []ConsentView{}, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt}
	if s := c.Suppression; s != nil {
		v.Suppressed = &SuppressionView{s.Reason, s.Source, s.At}
	}
	for _, k := range consents[c.ID] {
		v.Consents = append(v.Consents, ConsentView{k.Topic, k.State, k.Source, k.At})
	}
	return &contactAnswer{v}, nil
}
