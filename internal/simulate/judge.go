package simulate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

// judge compares what a scenario says with what happened.
type judge struct {
	scenario *workspace.Scenario
	zone     *time.Location
	story    []store.Entry // of the contact, oldest first

	problems []Problem
	failed   map[int]bool // entries, by number
	held     []held
}

// held is a message that waits.
type held struct {
	at               time.Time
	template, reason string
}

func (j *judge) fault(line, column int, format string, args ...any) {
	j.problems = append(j.problems, Problem{File: j.scenario.File, Line: line, Column: column, Message: fmt.Sprintf(format, args...)})
}

func (j *judge) entryFault(i int, format string, args ...any) {
	if j.failed == nil {
		j.failed = map[int]bool{}
	}
	j.failed[i] = true
	e := &j.scenario.Entries[i]
	j.fault(e.Line, e.Column, format, args...)
}

// begins compares where the contact stands with where the scenario puts it.
func (j *judge) begins(f *contacts.Facts) {
	want, is := j.scenario.Contact, f.Contact
	if want.Stage != "" && is.Stage != want.Stage {
		j.fault(j.scenario.Line, j.scenario.Column, "the contact begins as %s, and what it is given makes it %s", want.Stage, is.Stage)
	}
	if want.Health != "" && is.Health != want.Health {
		j.fault(j.scenario.Line, j.scenario.Column, "the contact begins with health %s, and what it is given makes it %s", want.Health, is.Health)
	}
}

func (j *judge) noMail(i int) {
	e := &j.scenario.Entries[i]
	what := "a message"
	if e.Template != "" {
		what = "the message " + e.Template
	}
	j.entryFault(i, "%s is about %s, and none was sent by %s", e.Event, what, e.At)
}

func (j *judge) waits(at time.Time, template, reason string) {
	j.held = append(j.held, held{at, template, reason})
}

// holds reports whether the state that an entry expects is there.
func (j *judge) holds(i int, f *contacts.Facts) bool { return len(j.differ(i, f)) == 0 }

// look notes what is different from what an entry expects of the state.
func (j *judge) look(i int, f *contacts.Facts) {
	for _, text := range j.differ(i, f) {
		j.entryFault(i, "%s", text)
	}
}

func (j *judge) differ(i int, f *contacts.Facts) (out []string) {
	e := j.scenario.Entries[i]
	want := e.Expect
	if want.Stage != "" && want.Stage != f.Contact.Stage {
		out = append(out, fmt.Sprintf("stage %s is expected at %s, and it is %s", want.Stage, e.At, f.Contact.Stage))
	}
	if want.Health != "" && want.Health != f.Contact.Health {
		out = append(out, fmt.Sprintf("health %s is expected at %s, and it is %s", want.Health, e.At, f.Contact.Health))
	}
	for _, name := range sortedKeys(want.Attributes) {
		is, found := f.Contact.Field(strings.TrimPrefix(name, "attributes."))
		wanted := shown(campaigns.Plain(want.Attributes[name]))
		switch {
		case !found:
			out = append(out, fmt.Sprintf("attribute %s is expected to be %s at %s, and it has no value", name, wanted, e.At))
		case shown(is) != wanted:
			out = append(out, fmt.Sprintf("attribute %s is expected to be %s at %s, and it is %s", name, wanted, e.At, shown(is)))
		}
	}
	return out
}

func shown(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

// verdict compares everything, once the clock has run to the end.
func (j *judge) verdict() Verdict {
	met := map[int]bool{} // entries of the story that something expects
	for i, e := range j.scenario.Entries {
		if e.Expect == nil {
			continue
		}
		at := e.At.In(j.zone)
		j.meet(i, met, e.Expect.Send, func(s *store.Entry) bool { return sent(s) && s.Template == e.Expect.Send && within(s.At, at) },
			func() string {
				return fmt.Sprintf("%s is expected at %s, and %s", e.Expect.Send, e.At, j.insteadOf(e.Expect.Send))
			})
		j.meet(i, met, e.Expect.Exit, func(s *store.Entry) bool { return exited(s) && s.Reason == e.Expect.Exit && within(s.At, at) },
			func() string {
				return fmt.Sprintf("exit for %q is expected at %s, and %s", e.Expect.Exit, e.At, j.ending())
			})
		j.meet(i, met, e.Expect.NotEnrolled, func(s *store.Entry) bool {
			return s.Kind == store.EntryRefusal && s.Reason == e.Expect.NotEnrolled && !s.At.Before(at)
		}, func() string {
			return fmt.Sprintf("not enrolled for %q is expected at %s, and %s", e.Expect.NotEnrolled, e.At, j.beginning())
		})
	}
	j.rest(met)
	j.never()
	slices.SortStableFunc(j.problems, func(a, b Problem) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column)) })
	return Verdict{Scenario: *j.scenario, Problems: j.problems, Timeline: j.rows(met), Zone: j.zone}
}

// meet looks for the line of the story that an expectation is about.
func (j *judge) meet(i int, met map[int]bool, wanted string, is func(*store.Entry) bool, instead func() string) {
	if wanted == "" {
		return
	}
	for n := range j.story {
		if !met[n] && is(&j.story[n]) {
			met[n] = true
			return
		}
	}
	j.entryFault(i, "%s", instead())
}

// rest finds mail that nothing expects, and mail that could not be made.
func (j *judge) rest(met map[int]bool) {
	for n, s := range j.story {
		switch {
		case s.Kind == store.EntryMessage && s.State == string(campaigns.Failed):
			j.fault(j.scenario.Line, j.scenario.Column, "%s could not be sent at %s: %s", s.Template, j.stamp(s.At), s.Reason)
		case sent(&s) && !met[n] && !j.scenario.AllowUnexpected:
			j.fault(j.scenario.Line, j.scenario.Column, "%s was sent at %s, and nothing expects it", s.Template, j.stamp(s.At))
		}
	}
}

// never finds what must never be so.
func (j *judge) never() {
	for _, never := range j.scenario.Never {
		for _, s := range j.story {
			if what := forbids(never, &s); what != "" {
				j.fault(never.Line, never.Column, "%s must never be, and was at %s", what, j.stamp(s.At))
			}
		}
	}
}

// forbids says what of an expectation a line of the story is, or "".
func forbids(never workspace.Expectation, s *store.Entry) string {
	switch {
	case sent(s) && s.Template == never.Send:
		return "send " + never.Send
	case s.Kind == store.EntryStage && s.To == never.Stage:
		return "stage " + never.Stage
	case s.Kind == store.EntryHealth && s.To == never.Health:
		return "health " + never.Health
	case exited(s) && s.Reason == never.Exit:
		return fmt.Sprintf("exit %q", never.Exit)
	case s.Kind == store.EntryRefusal && s.Reason == never.NotEnrolled:
		return fmt.Sprintf("not enrolled %q", never.NotEnrolled)
	}
	return ""
}

// insteadOf tells what became of a template's mail.
func (j *judge) insteadOf(template string) string {
	for _, s := range j.story {
		if s.Kind != store.EntryMessage || s.Template != template {
			continue
		}
		switch {
		case sent(&s):
			return "was sent at " + j.stamp(s.At) + j.because(template)
		case s.State == string(campaigns.Queued):
			return "it waits: " + s.Reason
		}
		return "was " + s.State + " at " + j.stamp(s.At) + ": " + s.Reason
	}
	if end := j.ending(); end != "" {
		return "was not sent: " + end
	}
	return "was not sent"
}

// because is why a message had to wait, or "".
func (j *judge) because(template string) string {
	for _, h := range j.held {
		if h.template == template {
			return ": " + h.reason
		}
	}
	return ""
}

// ending tells how the enrolment ended.
func (j *judge) ending() string {
	for _, s := range j.story {
		switch {
		case exited(&s):
			return fmt.Sprintf("the contact left the campaign at %s for %q", j.stamp(s.At), s.Reason)
		case s.Kind == store.EntryEnd:
			return "the campaign came to its end at " + j.stamp(s.At)
		}
	}
	return j.beginning()
}

// beginning tells how the enrolment began, or did not.
func (j *judge) beginning() string {
	refused := ""
	for _, s := range j.story {
		switch s.Kind {
		case store.EntryEnrolment:
			return "the contact is in the campaign since " + j.stamp(s.At)
		case store.EntryRefusal:
			refused = ": " + s.Reason
		}
	}
	return "the contact was never enrolled" + refused
}

func (j *judge) stamp(t time.Time) string { return t.In(j.zone).Format("2006-01-02 15:04") }

func sent(s *store.Entry) bool {
	return s.Kind == store.EntryMessage && s.State == string(campaigns.Sent)
}

func exited(s *store.Entry) bool {
	return s.Kind == store.EntryEnd && s.State == string(campaigns.Exited)
}

// within reports whether a moment lies in the minute that begins at start.
func within(t, start time.Time) bool {
	return !t.Before(start) && t.Before(start.Add(time.Minute))
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
