package main

import (
	"time"

	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/internal/store"
)

// contactJSON is what show prints for programs.
func contactJSON(f *contacts.Facts, list []store.Entry, more bool) map[string]any {
	c := &f.Contact
	type consent struct {
		Topic  string    `json:"topic"`
		State  string    `json:"state"`
		Source string    `json:"source"`
		At     time.Time `json:"at"`
	}
	type change struct {
		Kind  string    `json:"kind"`
		From  string    `json:"from"`
		To    string    `json:"to"`
		Rule  string    `json:"rule"`
		Event string    `json:"event,omitempty"`
		At    time.Time `json:"at"`
	}
	consents, changes, timeline := []consent{}, []change{}, []entryJSON{}
	for _, topic := range topicsOf(f.Consents) {
		k := f.ConsentFor(topic)
		consents = append(consents, consent{k.Topic, k.State, k.Source, k.At.UTC()})
	}
	for _, x := range f.Changes {
		changes = append(changes, change{x.Kind, x.From, x.To, x.Rule, idText(x.Event), x.At.UTC()})
	}
	for _, e := range list {
		timeline = append(timeline, entryJSON{At: e.At.UTC(), Kind: e.Kind, ID: idText(e.ID), Name: e.Name, Campaign: e.Campaign, Template: e.Template,
			Link: e.Link, State: e.State, Reason: e.Reason, From: e.From, To: e.To, Machine: e.Machine, Properties: e.Properties})
	}
	out := map[string]any{
		"id": idText(int64(c.ID)), "email": c.Email, "first_name": c.FirstName, "last_name": c.LastName, "language": c.Language,
		"timezone": c.Timezone, "created_at": c.CreatedAt.UTC(), "attributes": c.Attributes, "stage": c.Stage, "health": c.Health,
		"consents": consents, "changes": changes, "timeline": timeline, "more": more,
	}
	if x := c.Suppression; x != nil {
		out["suppressed"] = map[string]any{"reason": x.Reason, "source": x.Source, "at": x.At.UTC()}
	}
	return out
}

// entryJSON is a line of the timeline for programs.
type entryJSON struct {
	At         time.Time      `json:"at"`
	Kind       string         `json:"kind"`
	ID         string         `json:"id,omitempty"`
	Name       string         `json:"name,omitempty"`
	Campaign   string         `json:"campaign,omitempty"`
	Template   string         `json:"template,omitempty"`
	Link       string         `json:"link,omitempty"`
	State      string         `json:"state,omitempty"`
	Reason     string         `json:"reason,omitempty"`
	From       string         `json:"from,omitempty"`
	To         string         `json:"to,omitempty"`
	Machine    bool           `json:"machine,omitempty"`
	Properties map[string]any `json:"properties,omitempty"`
}

// idText is an id as people see it, "" for none.
func idText(id int64) string {
	if id == 0 {
		return ""
	}
	return ident.Format(id)
}
