package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/internal/store"
)

func (a *app) contactsShow() *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use:   "show EMAIL",
		Short: "Show all that is known of a contact",
		Long: `Show all that is known of a contact: the profile, what it has consented to, how
it moved on the ladder and why, and what happened, newest first.`,
		Example: `  rapport contacts show ana@example.com
  rapport contacts show ana@example.com --limit 200`,
		Args: args("EMAIL"),
		RunE: a.with(func(s *session, given []string) error {
			c, err := s.contact(given[0])
			if err != nil {
				return err
			}
			facts, err := s.facts(c.ID)
			if err != nil {
				return err
			}
			list, _, more, err := s.store.Timeline(s.ctx, c.ID, store.Page{}, limit)
			if err != nil {
				return err
			}
			if s.json {
				return s.print(contactJSON(facts, list, more))
			}
			s.showProfile(facts)
			s.showChanges(facts.Changes)
			s.showTimeline(list, more)
			return nil
		}),
	}
	c.Flags().IntVar(&limit, "limit", 30, "show at most this `many` entries of the timeline")
	return c
}

func (s *session) showProfile(f *contacts.Facts) {
	c := &f.Contact
	title := s.head(c.Email)
	if name := nameOf(c); name != "" {
		title = s.head(plain(name)) + "  " + c.Email
	}
	s.printf("%s\n\n", title)
	t := s.newTable()
	add := func(name, value string) {
		if value != "" {
			t.row(s.faint(name), value)
		}
	}
	add("id", ident.Format(int64(c.ID)))
	add("stage", s.standing(c.Stage, c.StageSince))
	add("health", s.standing(c.Health, c.HealthSince))
	add("language", c.Language)
	add("time zone", c.Timezone)
	add("since", s.when(c.CreatedAt))
	if x := c.Suppression; x != nil {
		add("suppressed", s.paint(s.stdout, styleRed, x.Reason)+" on "+s.when(x.At)+reasonIn(x.Source))
	}
	for _, topic := range topicsOf(f.Consents) {
		k := f.ConsentFor(topic)
		add("consent", topic+" "+s.consentState(k.State)+" on "+s.when(k.At)+reasonIn(k.Source))
	}
	for _, name := range attributesOf(c) {
		v, _ := contacts.Lookup(c.Attributes, name)
		add(plain(name), plain(valueText(v)))
	}
	t.print()
}

// standing is a stage or health with the day it began.
func (s *session) standing(name string, since time.Time) string {
	switch {
	case name == "":
		return s.faint("not judged yet")
	case since.IsZero():
		return s.cyan(name)
	}
	return s.cyan(name) + s.faint(" since "+s.when(since))
}

func (s *session) consentState(state string) string {
	switch state {
	case contacts.ConsentGiven:
		return s.green(state)
	case contacts.ConsentWithdrawn:
		return s.paint(s.stdout, styleRed, state)
	}
	return s.yellow(state)
}

func reasonIn(text string) string {
	if text == "" {
		return ""
	}
	return " (" + plain(text) + ")"
}

func topicsOf(list []contacts.Consent) []string {
	var topics []string
	for _, k := range list {
		if !slices.Contains(topics, k.Topic) {
			topics = append(topics, k.Topic)
		}
	}
	slices.Sort(topics)
	return topics
}

func attributesOf(c *contacts.Contact) []string {
	var names contacts.AttributeNames
	names.Add(c)
	return names.Sorted()
}

// valueText is the value of an attribute or property in one line.
func valueText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		words := make([]string, len(v))
		for i, item := range v {
			words[i] = valueText(item)
		}
		return strings.Join(words, ", ")
	}
	return jsonText(v)
}

func (s *session) showChanges(list []contacts.StageChange) {
	if len(list) == 0 {
		return
	}
	s.printf("\n%s\n", s.head("Ladder and health"))
	t := s.newTable()
	for _, c := range slices.Backward(list) {
		from := c.From
		if from == "" {
			from = "—"
		}
		t.row(s.faint(s.when(c.At)), from+" → "+s.cyan(c.To), s.faint(plain(c.Rule)))
	}
	t.print()
}

func (s *session) showTimeline(list []store.Entry, more bool) {
	s.printf("\n%s\n", s.head("Timeline"))
	if len(list) == 0 {
		s.printf("Nothing has happened yet.\n")
		return
	}
	t := s.newTable()
	for _, e := range list {
		what, detail := s.entry(e)
		t.row(s.faint(s.when(e.At)), what, detail)
	}
	t.print()
	if more {
		s.printf("%s\n", s.faint(fmt.Sprintf("… and more before: --limit %d", 4*len(list))))
	}
}

// entry is a line of the timeline in words.
func (s *session) entry(e store.Entry) (what, detail string) {
	var parts []string
	add := func(label, value string) {
		if value != "" {
			parts = append(parts, label+plain(value))
		}
	}
	switch e.Kind {
	case store.EntryMessage:
		what = s.state(e.State)
		add("", e.Template)
		add("in ", e.Campaign)
		add("— ", e.Reason)
		return "mail " + what, strings.Join(parts, " ")
	case store.EntryConsent:
		add("", e.Name)
		add("— ", e.Reason)
		return "consent " + s.consentState(e.State), strings.Join(parts, " ")
	case store.EntryStage, store.EntryHealth:
		add("— ", e.Reason)
		return e.Kind + " " + s.cyan(e.To), strings.TrimSpace(strings.Join(append([]string{"from " + orDash(e.From)}, parts...), " "))
	case store.EntryEnrolment:
		return "enrolled", plain(e.Campaign)
	case store.EntryGoal:
		return s.green("goal reached"), plain(e.Campaign)
	case store.EntryEnd:
		add("", e.Campaign)
		add("— ", e.Reason)
		return e.State, strings.Join(parts, " ")
	case store.EntryRefusal:
		add("", e.Campaign)
		add("— ", e.Reason)
		return s.yellow("not enrolled"), strings.Join(parts, " ")
	}
	add("", e.Template)
	add("in ", e.Campaign)
	add("", e.Link)
	if changes, ok := e.Properties["changes"].(map[string]any); ok && e.Name == contacts.EventChanged {
		return plain(e.Name), plain(changesText(changes))
	}
	add("", propertiesText(e.Properties))
	if e.Machine {
		add("", "(a machine)")
	}
	return plain(e.Name), strings.Join(parts, " ")
}

func orDash(text string) string {
	if text == "" {
		return "—"
	}
	return plain(text)
}

// propertiesText is the properties of an event as name=value, by name.
func propertiesText(m map[string]any) string {
	var parts []string
	for name, v := range m {
		parts = append(parts, name+"="+valueText(v))
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

// changesText is what a contact.changed event tells: "city Kiel → Hamburg".
func changesText(m map[string]any) string {
	var parts []string
	for field, v := range m {
		change, ok := v.(map[string]any)
		if !ok {
			continue
		}
		side := func(name string) string {
			if change[name] == nil || change[name] == "" {
				return "—"
			}
			return valueText(change[name])
		}
		parts = append(parts, field+" "+side("from")+" → "+side("to"))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// state colours the state of a message.
func (a *app) state(state string) string {
	switch state {
	case "sent":
		return a.green(state)
	case "failed":
		return a.paint(a.stdout, styleRed, state)
	case "unknown", "skipped":
		return a.yellow(state)
	}
	return state
}

// contactJSON is what show prints for programs.
func contactJSON(f *contacts.Facts, list []store.Entry, more bool) any {
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
