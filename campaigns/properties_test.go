package campaigns

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/segments"
)

// The conditions of random campaigns.
var someConditions = []string{
	"event: order.placed", "email: clicked", "email: clicked, template: a", "attribute: country, is: DE",
	"not: { email: opened, in_last: 2d }", "attribute: attributes.x, exists: true", "sample: 50%",
	"all: [ { email: opened }, { event: order.placed } ]", "any: [ { email: replied }, { email: clicked, template: b } ]",
}

// randomCampaign writes a campaign as a person would.
func randomCampaign(t *rapid.T) string {
	var b strings.Builder
	b.WriteString(head)
	if rapid.Bool().Draw(t, "exits") {
		fmt.Fprintf(&b, "exit: [ { event: order.placed, count: { at_least: %d } }, { email: replied } ]\n", rapid.IntRange(1, 3).Draw(t, "orders"))
	}
	if rapid.Bool().Draw(t, "window") {
		b.WriteString("deliver: { window: { days: MON-FRI, from: \"09:00\", to: \"18:00\", timezone: contact } }\n")
	}
	w := &stepWriter{t: t}
	fmt.Fprintf(&b, "steps: [ { send: a }, { send: b }, { %s } ]\n", strings.Join(w.all(1, 3), " }, { "))
	return b.String()
}

type stepWriter struct {
	t      *rapid.T
	splits int
}

func (w *stepWriter) all(least, depth int) (steps []string) {
	for range rapid.IntRange(least, 5).Draw(w.t, "steps") {
		steps = append(steps, w.step(depth))
	}
	return steps
}

func (w *stepWriter) list(least, depth int) string {
	steps := w.all(least, depth)
	for i := range steps {
		steps[i] = "{ " + steps[i] + " }"
	}
	return "[ " + strings.Join(steps, ", ") + " ]"
}

func (w *stepWriter) step(depth int) string {
	kinds := []string{"send", "send", "wait", "until", "set", "award", "exit"}
	if depth > 0 {
		kinds = append(kinds, "wait_for", "wait_for", "if", "branch", "split")
	}
	cond := func() string { return rapid.SampledFrom(someConditions).Draw(w.t, "condition") }
	switch rapid.SampledFrom(kinds).Draw(w.t, "kind") {
	case "send":
		return "send: " + rapid.SampledFrom([]string{"a", "b", "c"}).Draw(w.t, "template")
	case "wait":
		return "wait: " + rapid.SampledFrom([]string{"30m", "12h", "1d", "3d", "2w"}).Draw(w.t, "span")
	case "until":
		return `wait: { until: "` + rapid.SampledFrom([]string{"TUE 10:00", "SAT,SUN 09:00", "07:30"}).Draw(w.t, "until") + `" }`
	case "set":
		return "set: { attributes.x: 1 }"
	case "award":
		return "award: { points: 3 }"
	case "exit":
		return "exit: enough"
	case "wait_for":
		return "wait_for: { " + cond() + ", up_to: 2d }, then: " + w.list(0, depth-1) + ", else: " + w.list(0, depth-1)
	case "if":
		return "if: { " + cond() + " }, then: " + w.list(0, depth-1) + ", else: " + w.list(0, depth-1)
	case "branch":
		return "branch: [ { if: { " + cond() + " }, then: " + w.list(0, depth-1) + " }, { else: " + w.list(0, depth-1) + " } ]"
	}
	w.splits++
	name := fmt.Sprintf("s-%d", w.splits)
	return fmt.Sprintf("split: { name: %s, arms: [ { arm: x, weight: 2, steps: %s }, { arm: y, weight: 1, steps: %s } ] }",
		name, w.list(0, depth-1), w.list(0, depth-1))
}

// life is a whole enrolment in a random world.
type life struct {
	t         *rapid.T
	d         *Definition
	e         Enrolment
	facts     contacts.Facts
	outcomes  []Outcome
	permit    Permit
	now       time.Time
	decisions []Decision
	planned   map[int64]int
}

func newLife(t *rapid.T) *life {
	text := randomCampaign(t)
	d, findings := decode(text, nil, nil)
	for _, f := range findings {
		if !f.Warning {
			t.Fatalf("%s: %s\n%s", f.Message, f.Source, text)
		}
	}
	if _, err := d.AssignNumbers(nil); err != nil {
		t.Fatal(err)
	}
	l := &life{t: t, d: d, planned: map[int64]int{}, now: at("2026-03-02 09:00")}
	l.facts.Contact = contacts.Contact{
		ID: 1, Seed: rapid.Uint32().Draw(t, "seed"), CreatedAt: at("2026-01-01 00:00"),
		Timezone:   rapid.SampledFrom([]string{"", "America/New_York", "Pacific/Apia"}).Draw(t, "zone"),
		Attributes: map[string]any{"country": rapid.SampledFrom([]string{"DE", "FR"}).Draw(t, "country")},
	}
	l.facts.Consents = []contacts.Consent{{Topic: "guides", State: contacts.ConsentGiven, At: at("2026-01-01 00:00")}}
	if rapid.Bool().Draw(t, "best time") {
		d.Deliver.SendTime = BestTime
		for n := range rapid.IntRange(0, 8).Draw(t, "clicks") {
			l.facts.Clicks = append(l.facts.Clicks, l.now.AddDate(0, 0, -n).Add(-time.Duration(rapid.IntRange(0, 12).Draw(t, "hour"))*time.Hour))
		}
	}
	l.permit.Limits = []Limit{{Max: 2, Per: calendar.Span{Days: 1}}}
	l.e = Begin(enrolmentID, 1, Enrol, l.now)
	return l
}

func (l *life) input() Input {
	return Input{
		Pinned: l.d, Enrolment: l.e, Outcomes: slices.Clone(l.outcomes), Permit: l.permit,
		Question: segments.Question{Facts: &l.facts}, Now: l.now, Zone: berlin,
	}
}

// happen lets random things come about until the enrolment is looked at again.
func (l *life) happen() {
	names := []string{"order.placed", "email.clicked", "email.opened", "email.replied"}
	for range rapid.IntRange(0, 1).Draw(l.t, "events") {
		e := contacts.Event{
			ID: int64(len(l.facts.Events) + 1), Contact: 1, At: l.now, Key: fmt.Sprint(len(l.facts.Events)),
			Name: rapid.SampledFrom(names).Draw(l.t, "event"),
		}
		if len(l.outcomes) > 0 && strings.HasPrefix(e.Name, "email.") {
			o := rapid.SampledFrom(l.outcomes).Draw(l.t, "about")
			e.Message, e.Campaign = o.Message, l.d.Name
			e.Template = l.template(o.Message)
		}
		l.facts.Events = append(l.facts.Events, e)
	}
	if rapid.IntRange(0, 40).Draw(l.t, "withdraws") == 0 {
		l.facts.Consents = append(l.facts.Consents, contacts.Consent{Topic: "guides", State: contacts.ConsentWithdrawn, At: l.now})
	}
}

// template is what a message was made of; "" for a step of an older version.
func (l *life) template(message int64) string {
	if s := l.d.byNumber(ident.Step(message)); s != nil {
		return s.Send.Template
	}
	return ""
}

// pass lets time pass until something can move the enrolment.
func (l *life) pass() {
	late := time.Duration(rapid.IntRange(0, 100).Draw(l.t, "late")) * time.Minute
	if l.e.State == Active {
		l.now = l.e.DueAt.Add(late)
		return
	}
	l.now = l.now.Add(late)
	state := rapid.SampledFrom([]MessageState{Sent, Sent, Sent, Failed, Skipped, Unknown}).Draw(l.t, "outcome")
	step := l.d.Step(l.e.Position)
	l.outcomes = append(l.outcomes, Outcome{Message: l.e.ID | int64(step.Number), Step: step.ID, State: state, At: l.now})
}

// run lives to the end and calls check after every decision.
func (l *life) run(check func(Decision)) {
	steps := len(l.d.flow().nodes)
	for range 20 + 10*steps {
		l.happen()
		d := Next(l.input())
		l.decisions = append(l.decisions, d)
		check(d)
		l.e = d.Enrolment
		if !l.e.State.Open() {
			return
		}
		l.pass()
	}
	l.t.Fatalf("after %d decisions it still stands on %q", len(l.decisions), l.e.Position)
}

func TestProperty_NeverTwoSendsForOneEnrolmentAndStep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLife(t)
		l.run(func(d Decision) {
			if d.Message == nil {
				return
			}
			if l.planned[d.Message.ID]++; l.planned[d.Message.ID] > 1 {
				t.Fatalf("message %d of step %s was planned twice", d.Message.ID, d.Message.StepID)
			}
			if d.Message.ID&^MaxSends != l.e.ID || l.d.byNumber(int(d.Message.ID&MaxSends)).ID != d.Message.StepID {
				t.Fatalf("message %d does not name its enrolment and step %s", d.Message.ID, d.Message.StepID)
			}
			if d.Message.NotBefore.Before(l.now) {
				t.Fatalf("message may go at %s, before now", d.Message.NotBefore)
			}
		})
	})
}

func TestProperty_NothingAfterExit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLife(t)
		l.run(func(Decision) {})
		end := l.e
		for range 3 {
			l.now = l.now.Add(200 * time.Hour)
			l.happen()
			d := Next(l.input())
			if d.Message != nil || d.Set != nil || len(d.Trace) > 0 || cmp.Diff(end, d.Enrolment) != "" {
				t.Fatalf("something ran after the end: %+v", d)
			}
		}
	})
}

func TestProperty_EveryRunTerminates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLife(t)
		l.run(func(d Decision) {
			if len(d.Trace) > len(l.d.flow().nodes)+2 {
				t.Fatalf("one run took %d steps of %d", len(d.Trace), len(l.d.flow().nodes))
			}
			if d.Enrolment.State == Active && !d.Enrolment.DueAt.After(l.now) {
				t.Fatalf("due at %s, which is not after now %s", d.Enrolment.DueAt, l.now)
			}
		})
		if l.e.EndedAt.IsZero() || !l.e.DueAt.IsZero() {
			t.Fatalf("ended without a date: %+v", l.e)
		}
	})
}

func TestProperty_SameInputSameDecision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLife(t)
		l.run(func(d Decision) {
			if diff := cmp.Diff(d, Next(l.input())); diff != "" {
				t.Fatalf("a second look decides otherwise:\n%s", diff)
			}
		})
	})
}

func TestProperty_PositionNamesAStepOfThePinnedVersionOrTheEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLife(t)
		l.run(func(d Decision) {
			p := d.Enrolment.Position
			if _, ok := l.d.flow().find(p); !ok {
				t.Fatalf("position %q is no step", p)
			}
			switch d.Enrolment.State {
			case Parked:
				if l.d.Step(p).Kind != StepSend || d.Message != nil && d.Message.StepID != p {
					t.Fatalf("parked on %q for %+v", p, d.Message)
				}
			case Active:
				if kind := l.d.Step(p).Kind; kind != StepWait && kind != StepWaitFor {
					t.Fatalf("waits on a %s", kind)
				}
			case Finished:
				if p != End {
					t.Fatalf("finished on %q", p)
				}
			}
		})
	})
}

func TestProperty_ResumeFromJSONEqualsContinuing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLife(t)
		l.run(func(d Decision) {
			stored := l.input()
			data, err := jsonOf(stored.Enrolment)
			if err != nil {
				t.Fatal(err)
			}
			stored.Enrolment = data
			if diff := cmp.Diff(d, Next(stored)); diff != "" {
				t.Fatalf("out of the store it decides otherwise:\n%s", diff)
			}
		})
	})
}

func TestProperty_ALaterLookAtAnUnmovedWorldDecidesTheSame(t *testing.T) {
	// Looking too early changes nothing: the enrolment is where it was.
	rapid.Check(t, func(t *rapid.T) {
		l := newLife(t)
		l.run(func(d Decision) {
			e := d.Enrolment
			if e.State != Active {
				return
			}
			early := l.input()
			early.Enrolment = e
			early.Now = l.now.Add(e.DueAt.Sub(l.now) / 2)
			again := Next(early)
			if diff := cmp.Diff(e, again.Enrolment); diff != "" || again.Message != nil {
				t.Fatalf("an early look moved it:\n%s", diff)
			}
		})
	})
}

func TestProperty_WhatIsNotHeardMovesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLife(t)
		l.run(func(d Decision) {
			if !d.Enrolment.State.Open() {
				return
			}
			after := l.input()
			after.Enrolment = d.Enrolment
			before := Next(after)
			facts := l.facts
			e := contacts.Event{ID: 1000, Contact: 1, Key: "zz", At: l.now, Message: enrolmentID | 1, Campaign: "welcome", Template: "a"}
			e.Name = rapid.SampledFrom([]string{"order.placed", "page.viewed", "email.clicked", "email.opened", "email.sent", "email.replied"}).Draw(t, "new")
			facts.Events = append(slices.Clone(facts.Events), e)
			after.Question.Facts = &facts
			if diff := cmp.Diff(before, Next(after)); diff != "" && !l.d.Hears(&e) {
				t.Fatalf("%s is not heard, but moves:\n%s", e.Name, diff)
			}
		})
	})
}

func TestProperty_NeverTwoSendsThroughMigrations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLife(t)
		registry, err := l.d.AssignNumbers(nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 400 {
			l.happen()
			d := Next(l.input())
			if m := d.Message; m != nil {
				if l.planned[m.ID]++; l.planned[m.ID] > 1 {
					t.Fatalf("message %d of step %s was planned twice", m.ID, m.StepID)
				}
			}
			if l.e = d.Enrolment; !l.e.State.Open() {
				return
			}
			if rapid.IntRange(0, 3).Draw(t, "migrates") == 0 {
				registry = l.migrate(registry)
			}
			l.pass()
		}
		t.Fatalf("it still stands on %q", l.e.Position)
	})
}

// migrate applies another version of the campaign, where that is clear.
func (l *life) migrate(registry map[string]int) map[string]int {
	fresh, _ := decode(randomCampaign(l.t), nil, nil)
	after, err := fresh.AssignNumbers(registry)
	if err != nil {
		l.t.Fatal(err)
	}
	moves := PlanMoves(l.d, fresh)
	if len(moves.Ambiguous) > 0 {
		return registry
	}
	e, withdraw, err := Migrate(Migration{
		Enrolment: l.e, Moves: moves, To: fresh, Contact: &l.facts.Contact, Now: l.now, Zone: berlin,
	})
	if err != nil {
		l.t.Fatal(err)
	}
	if _, ok := fresh.flow().find(e.Position); !ok {
		l.t.Fatalf("moved to %q, which the new version does not have", e.Position)
	}
	if withdraw != 0 {
		l.outcomes = append(l.outcomes, Outcome{Message: withdraw, State: Skipped, Reason: "step removed", At: l.now})
	}
	l.d, l.e = fresh, e
	return after
}

func TestProperty_AVeryLongChainEnds(t *testing.T) {
	d := &Definition{Name: "long", Kind: Transactional}
	for i := range 50_000 {
		d.Steps = append(d.Steps, Step{Kind: StepSet, Set: map[string]any{"attributes.x": float64(i)}})
	}
	d.Prepare()
	got := Next(Input{
		Pinned: d, Enrolment: Begin(enrolmentID, 1, Enrol, at("2026-03-02 09:00")), Now: at("2026-03-02 09:00"),
		Question: segments.Question{Facts: &contacts.Facts{}}, Zone: berlin,
	})
	if got.Enrolment.State != Finished || got.Set["attributes.x"] != 49_999.0 {
		t.Errorf("%s %v", got.Enrolment.State, got.Set)
	}
}

func TestProperty_SplitsFollowTheirWeights(t *testing.T) {
	s := Split{Name: "offer", Arms: []Arm{{Name: "a", Weight: 70}, {Name: "b", Weight: 0}, {Name: "c", Weight: 30}}}
	count := map[string]int{}
	for seed := range uint32(20_000) {
		count[s.arm("welcome", seed).Name]++
	}
	if count["b"] != 0 || count["a"] < 13_600 || count["a"] > 14_400 {
		t.Errorf("arms %v, want 14000 and 6000", count)
	}
}
