package simulate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

// Mark says how the two sides of a row stand to each other.
type Mark string

// Marks of a row.
const (
	Plain      Mark = ""           // nothing to compare
	Met        Mark = "met"        // expected, and so
	Missing    Mark = "missing"    // expected, and not so
	Unexpected Mark = "unexpected" // so, and not expected
)

// Row is a moment of a scenario: what was expected beside what happened.
type Row struct {
	At                 time.Time
	Expected, Happened string
	Mark               Mark

	rank int // within a minute: causes stand before what follows from them
}

// rows are both sides by time. What was met stands in one row.
func (j *judge) rows(met map[int]bool) []Row {
	var out []Row
	taken := map[int]bool{}
	for i, e := range j.scenario.Entries {
		at := e.At.In(j.zone)
		if e.Expect == nil {
			out = append(out, Row{At: at, Happened: eventText(&e), Mark: markOf(j.failed[i], Plain)})
			continue
		}
		for _, part := range parts(e.Expect) {
			row := Row{At: at, Expected: part.text, Mark: Missing, rank: part.rank}
			for n := range j.story {
				if s := &j.story[n]; !taken[n] && within(s.At, at) && part.is(s) {
					taken[n], row.Happened, row.Mark, row.rank = true, tell(s), Met, ranks[s.Kind]
					break
				}
			}
			if part.state && !j.failed[i] {
				row.Mark = Met
			}
			out = append(out, row)
		}
	}
	for n := range j.story {
		s := &j.story[n]
		if text := tell(s); text != "" && !taken[n] {
			mark := Plain
			if sent(s) && !j.scenario.AllowUnexpected && !met[n] || slices.ContainsFunc(j.scenario.Never, func(e workspace.Expectation) bool { return forbids(e, s) != "" }) {
				mark = Unexpected
			}
			out = append(out, Row{At: s.At, Happened: text, Mark: mark, rank: ranks[s.Kind]})
		}
	}
	for _, h := range j.held {
		out = append(out, Row{At: h.at, Happened: h.template + " waits: " + h.reason, rank: ranks[store.EntryMessage]})
	}
	slices.SortStableFunc(out, func(a, b Row) int {
		return cmp.Or(a.At.Truncate(time.Minute).Compare(b.At.Truncate(time.Minute)), cmp.Compare(a.rank, b.rank))
	})
	return out
}

var ranks = map[string]int{store.EntryEvent: 1, store.EntryStage: 2, store.EntryHealth: 2, store.EntryRefusal: 3, store.EntryEnrolment: 3,
	store.EntryMessage: 4, store.EntryGoal: 5, store.EntryEnd: 6}

func markOf(failed bool, otherwise Mark) Mark {
	if failed {
		return Missing
	}
	return otherwise
}

// part is one thing that an entry expects.
type part struct {
	text  string
	is    func(*store.Entry) bool
	state bool // it is asked for by then, and need not happen at that minute
	rank  int
}

func parts(e *workspace.Expectation) (out []part) {
	add := func(value, text, kind string, state bool, is func(*store.Entry) bool) {
		if value != "" {
			out = append(out, part{text + value, func(s *store.Entry) bool { return s.Kind == kind && is(s) }, state, ranks[kind]})
		}
	}
	add(e.Send, "send ", store.EntryMessage, false, func(s *store.Entry) bool { return sent(s) && s.Template == e.Send })
	add(e.Stage, "stage ", store.EntryStage, true, func(s *store.Entry) bool { return s.To == e.Stage })
	add(e.Health, "health ", store.EntryHealth, true, func(s *store.Entry) bool { return s.To == e.Health })
	add(e.Exit, "exit: ", store.EntryEnd, false, func(s *store.Entry) bool { return exited(s) && s.Reason == e.Exit })
	add(e.NotEnrolled, "not enrolled: ", store.EntryRefusal, true, func(s *store.Entry) bool { return s.Reason == e.NotEnrolled })
	for _, name := range sortedKeys(e.Attributes) {
		text := strings.TrimPrefix(name, "attributes.") + " = " + shown(campaigns.Plain(e.Attributes[name]))
		add(text, "", store.EntryEvent, true, func(s *store.Entry) bool { return tell(s) == text })
	}
	return out
}

func eventText(e *workspace.Entry) string {
	text := "event " + e.Event
	if e.Template != "" {
		text += " of " + e.Template
	}
	for _, name := range sortedKeys(e.Properties) {
		text += fmt.Sprintf(", %s %s", name, shown(campaigns.Plain(e.Properties[name])))
	}
	return text
}

// tell writes a line of the story in few words; "" is for what the scenario said
// itself.
func tell(s *store.Entry) string {
	switch s.Kind {
	case store.EntryMessage:
		if s.State == "sent" {
			return "send " + s.Template
		}
		return strings.TrimSuffix(s.Template+" "+s.State+": "+s.Reason, ": ")
	case store.EntryStage, store.EntryHealth:
		return fmt.Sprintf("%s %s (%s)", s.Kind, s.To, s.Reason)
	case store.EntryEnrolment:
		return "enrolled in " + s.Campaign
	case store.EntryGoal:
		return "goal reached"
	case store.EntryEnd:
		return cmp.Or(map[string]string{"exited": "exit: " + s.Reason, "finished": "came to the end of " + s.Campaign}[s.State], s.State)
	case store.EntryRefusal:
		return "not enrolled: " + s.Reason
	case store.EntryEvent:
		if s.Name == contacts.EventChanged {
			return changed(s.Properties)
		}
	}
	return ""
}

// changed tells which attributes an event of the engine's own has changed.
func changed(properties map[string]any) string {
	changes, _ := properties["changes"].(map[string]any)
	var list []string
	for _, name := range sortedKeys(changes) {
		if c, ok := changes[name].(map[string]any); ok {
			list = append(list, strings.TrimPrefix(name, "attributes.")+" = "+shown(c["to"]))
		}
	}
	return strings.Join(list, ", ")
}
