package campaigns

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
	"rapport/internal/strict"
	"rapport/segments"
)

// A story is one enrolment told along its time line, with the answers that
// the rest of the engine would give.
type story struct {
	t        *testing.T
	pinned   *Definition
	current  *Definition
	e        Enrolment
	outcomes []Outcome
	facts    contacts.Facts
	permit   Permit
	segments segments.Set
	zone     *time.Location
	last     Decision
}

const enrolmentID = 7 << 10

var berlin = mustZone("Europe/Berlin")

func mustZone(name string) *time.Location {
	zone, err := calendar.LoadZone(name)
	if err != nil {
		panic(err)
	}
	return zone
}

// at is a moment in Berlin.
func at(text string) time.Time {
	for _, form := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(form, text, berlin); err == nil {
			return t
		}
	}
	panic("not a time: " + text)
}

// head is what every campaign of these tests has before its own lines.
const head = `
campaign: welcome
topic: guides
sender: mia
start: { schedule: "0 9 * * *" }
`

// decode reads a campaign and returns its findings.
func decode(text string, env *segments.Env, refs *References) (*Definition, []strict.Finding) {
	var findings strict.Findings
	n, ok := strict.Parse("campaigns/welcome.yaml", []byte(text), &findings)
	if !ok {
		return nil, findings.All()
	}
	d, _ := Decode(n, env, refs)
	return d, findings.All()
}

// define reads a campaign that has no errors.
func define(t testing.TB, text string) *Definition {
	t.Helper()
	d, findings := decode(text, nil, nil)
	for _, f := range findings {
		if !f.Warning {
			t.Fatalf("the campaign of this test is wrong:\n%s", strict.Render(f, false))
		}
	}
	if _, err := d.AssignNumbers(nil); err != nil {
		t.Fatal(err)
	}
	return d
}

func begin(t *testing.T, d *Definition, from string) *story {
	t.Helper()
	s := &story{t: t, pinned: d, zone: berlin}
	s.facts.Contact = contacts.Contact{ID: 1, Email: "ana@example.com", CreatedAt: at("2026-01-01 00:00"), Seed: 99}
	s.consent("guides", contacts.ConsentGiven, "2026-01-01 00:00")
	s.e = Begin(enrolmentID, 1, Enrol, at(from))
	return s
}

func (s *story) input(now string) Input {
	return Input{
		Pinned: s.pinned, Current: s.current, Enrolment: s.e, Outcomes: s.outcomes,
		Question: segments.Question{Facts: &s.facts, Segments: s.segments},
		Permit:   s.permit, Now: at(now), Zone: s.zone,
	}
}

// next asks the machine at a moment and applies what it says.
func (s *story) next(now string) Decision {
	s.t.Helper()
	in := s.input(now)
	kept := copyOf(s.t, s.e)
	s.last = Next(in)
	if diff := cmp.Diff(kept, in.Enrolment); diff != "" {
		s.t.Fatalf("Next has changed its input:\n%s", diff)
	}
	s.e = copyOf(s.t, s.last.Enrolment)
	return s.last
}

// copyOf takes an enrolment through JSON, as the store does.
func copyOf(t testing.TB, e Enrolment) Enrolment {
	t.Helper()
	back, err := jsonOf(e)
	if err != nil {
		t.Fatal(err)
	}
	return back
}

// settled reports the outcome of the message that the story is parked for.
func (s *story) settled(state MessageState, reason, when string) {
	s.t.Helper()
	if s.e.State != Parked {
		s.t.Fatalf("parked for nothing: %+v", s.e)
	}
	step := s.pinned.Step(s.e.Position)
	s.outcomes = append(s.outcomes, Outcome{
		Message: s.e.ID | int64(step.Number), Step: step.ID, State: state, Reason: reason, At: at(when),
	})
}

func (s *story) event(name, when string, properties map[string]any) {
	id := int64(len(s.facts.Events) + 1)
	s.facts.Events = append(s.facts.Events, contacts.Event{
		ID: id, Contact: 1, Name: name, At: at(when), Key: name + when, Properties: properties,
	})
}

// mail is an event about the message of a step.
func (s *story) mail(name, template, when string) {
	s.event(name, when, nil)
	e := &s.facts.Events[len(s.facts.Events)-1]
	e.Campaign, e.Template = s.pinned.Name, template
	for _, send := range s.pinned.Sends() {
		if send.Send.Template == template {
			e.Message = s.e.ID | int64(send.Number)
		}
	}
}

func (s *story) consent(topic, state, when string) {
	s.facts.Consents = append(s.facts.Consents, contacts.Consent{Topic: topic, State: state, At: at(when), Source: "test"})
}

// parked checks that the last decision planned a message for a template.
func (s *story) parked(template string) {
	s.t.Helper()
	m := s.last.Message
	if m == nil || m.Template != template {
		s.t.Fatalf("planned %+v, want a message of %s; trace %v", m, template, s.last.Trace)
	}
	if s.e.State != Parked || !s.e.DueAt.IsZero() {
		s.t.Fatalf("a send must park its enrolment: %+v", s.e)
	}
}

// waits checks that the enrolment waits on a step until a moment.
func (s *story) waits(step, until string) {
	s.t.Helper()
	if s.last.Message != nil {
		s.t.Fatalf("planned %+v, want it to wait", s.last.Message)
	}
	if s.e.State != Active || s.e.Position != step || !s.e.DueAt.Equal(at(until)) {
		s.t.Fatalf("stands on %q as %s until %s, want %q until %s; trace %v",
			s.e.Position, s.e.State, s.e.DueAt.In(berlin), step, until, s.last.Trace)
	}
}

func (s *story) ended(state State, reason string) {
	s.t.Helper()
	if s.e.State != state || s.e.Reason != reason {
		s.t.Fatalf("ended as %q for %q, want %q for %q; trace %v", s.e.State, s.e.Reason, state, reason, s.last.Trace)
	}
	if s.last.Message != nil {
		s.t.Fatalf("planned %+v after the end", s.last.Message)
	}
	again := Next(s.input("2027-01-01 00:00"))
	if !reflect.DeepEqual(again.Enrolment, s.e) || again.Message != nil || len(again.Trace) > 0 {
		s.t.Fatalf("something ran after the end: %+v", again)
	}
}

// traced checks that the last decision tells of a step.
func (s *story) traced(step, what string) {
	s.t.Helper()
	for _, l := range s.last.Trace {
		if l.Step == step && l.What == what {
			return
		}
	}
	s.t.Fatalf("no trace of %s %q in %v", step, what, s.last.Trace)
}

// jsonOf takes an enrolment through JSON.
func jsonOf(e Enrolment) (back Enrolment, err error) {
	data, err := json.Marshal(e)
	if err != nil {
		return back, err
	}
	return back, json.Unmarshal(data, &back)
}
