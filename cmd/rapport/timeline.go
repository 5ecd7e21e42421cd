package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"rapport/internal/contacts"
	"rapport/internal/store"
)

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

// jsonText is a value on one line, for people.
func jsonText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}
