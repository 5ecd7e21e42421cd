package relationship

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/contacts"
	"rapport/internal/strict"
	"rapport/segments"
)

// at is a moment in UTC; without an hour it is midnight.
func at(text string) time.Time {
	for _, form := range []string{"2006-01-02 15:04:05.000", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.Parse(form, text); err == nil {
			return t
		}
	}
	panic("not a time: " + text)
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

// read decodes a relationship.yaml and returns its findings.
func read(text string, env *segments.Env) (*Definition, []strict.Finding) {
	var findings strict.Findings
	n, ok := strict.Parse("relationship.yaml", []byte(text), &findings)
	if !ok {
		return nil, findings.All()
	}
	d, _ := Decode(n, env)
	return d, findings.All()
}

func define(t testing.TB, text string) *Definition {
	t.Helper()
	d, findings := read(text, nil)
	for _, f := range findings {
		if !f.Warning {
			t.Fatalf("the relationship of this test is wrong:\n%s", strict.Render(f, false))
		}
	}
	return d
}

const ladder = `
ladder:
  - stage: stranger
  - stage: prospect
    when: { any: [ { consent: guides }, { email: clicked }, { email: replied } ] }
  - stage: customer
    when: { event: order.placed }
  - stage: client
    when: { event: order.placed, count: { at_least: 2 }, in_last: 365d }
    keep: { event: order.placed, in_last: 540d }
  - stage: advocate
    when: { all: [ { stage: { at_least: client } }, { event: testimonial.given } ] }
    keep: { stage: client }
health:
  purchase: order.placed
  new: 30d
  states:
    - health: lost
      when: { any: [ { email: complained }, { not: { event: order.placed, in_last: 720d } } ] }
    - health: lapsed
      when: { not: { event: order.placed, in_last: 180d } }
`

// person is a contact with events; each is "time name".
func person(events ...string) *contacts.Facts {
	f := &contacts.Facts{Contact: contacts.Contact{ID: 1, CreatedAt: at("2026-01-01")}}
	for i, text := range events {
		var day, name string
		fmt.Sscan(text, &day, &name)
		f.Events = append(f.Events, contacts.Event{ID: int64(i + 1), Contact: 1, Name: name, At: at(day), Key: fmt.Sprintf("k%02d", i)})
	}
	return f
}

// told writes changes the way a person would.
func told(changes []contacts.StageChange, kind string) []string {
	var lines []string
	for _, c := range changes {
		if c.Kind == kind {
			lines = append(lines, fmt.Sprintf("%s %s→%s: %s (%s)", c.At.UTC().Format("2006-01-02 15:04:05.000"), c.From, c.To, c.Rule, c.EventKey))
		}
	}
	return lines
}

func TestRule22_UpAndDownTheLadder(t *testing.T) {
	def := define(t, ladder)
	f := person("2026-02-01 email.sent", "2026-02-03 email.clicked", "2026-03-01 order.placed", "2026-04-01 order.placed")
	s := Fold(def, f, at("2028-06-01"), time.UTC, nil)
	want := []string{
		"2026-02-03 00:00:00.000 stranger→prospect: when consent guides or email clicked or email replied (k01)",
		"2026-03-01 00:00:00.000 prospect→customer: when event order.placed (k02)",
		"2026-04-01 00:00:00.000 customer→client: when event order.placed count at_least 2 in_last 365d (k03)",
		"2027-09-23 00:00:00.000 client→customer: keep event order.placed in_last 540d no longer holds ()",
	}
	if diff := cmp.Diff(want, told(s.Changes, KindStage)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if s.Stage != "customer" || !s.StageSince.Equal(at("2027-09-23 00:00:00.000")) {
		t.Errorf("stands on %s since %s", s.Stage, s.StageSince)
	}
	if c := s.Changes[0]; c.Event != 2 || c.Contact != 1 {
		t.Errorf("the change names event %d of contact %d, want 2 of 1", c.Event, c.Contact)
	}
}

func TestRule22_NextChangeIsTheExactExpiry(t *testing.T) {
	def := define(t, ladder)
	f := person("2026-03-01 order.placed", "2026-04-01 order.placed")
	now := at("2026-12-24")
	for range 20 {
		s := Fold(def, f, now, time.UTC, nil)
		if s.NextChange.IsZero() {
			break
		}
		if !s.NextChange.After(now) {
			t.Fatalf("next change %s is not after %s", s.NextChange, now)
		}
		before := Fold(def, f, s.NextChange.Add(-time.Millisecond), time.UTC, nil)
		if before.Stage != s.Stage || before.Health != s.Health {
			t.Fatalf("%s/%s became %s/%s before the next change at %s", s.Stage, s.Health, before.Stage, before.Health, s.NextChange)
		}
		now = s.NextChange
	}
	if s := Fold(def, f, now, time.UTC, nil); s.Stage != "customer" || s.Health != "lost" || !s.NextChange.IsZero() {
		t.Errorf("in the end %+v", s)
	}
}

func TestRule22_KeepMustHoldEverSince(t *testing.T) {
	def := define(t, `
ladder:
  - stage: stranger
  - stage: member
    when: { event: joined }
    keep: { event: seen, in_last: 10d }
`)
	for _, c := range []struct {
		name   string
		events []string
		want   []string
	}{
		{"keep did not hold when it was earned", []string{"2026-02-01 joined"}, nil},
		{"it holds later, while when is still true", []string{"2026-02-01 joined", "2026-02-05 seen"}, []string{"02-05 up", "02-15 down"}},
		{"renewed in time", []string{"2026-02-01 seen", "2026-02-01 joined", "2026-02-09 seen"}, []string{"02-01 up", "02-19 down"}},
		{"lost, and earned again", []string{"2026-02-01 seen", "2026-02-01 joined", "2026-03-01 seen"}, []string{"02-01 up", "02-11 down", "03-01 up", "03-11 down"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := Fold(def, person(c.events...), at("2027-01-01"), time.UTC, nil)
			var got []string
			for _, change := range s.Changes {
				way := "up"
				if change.To == "stranger" {
					way = "down"
				}
				got = append(got, change.At.Format("01-02 ")+way)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRule22_LowerRungsAreSeenAsTheyAreAtThatMoment(t *testing.T) {
	def := define(t, ladder)
	f := person("2026-02-01 testimonial.given", "2026-03-01 order.placed", "2026-04-01 order.placed")
	s := Fold(def, f, at("2026-05-01"), time.UTC, nil)
	if s.Stage != "advocate" || !s.StageSince.Equal(at("2026-04-01")) {
		t.Errorf("stands on %s since %s, want advocate since the second order", s.Stage, s.StageSince)
	}
	// When the rung below is lost, the rung that is kept by it falls in the same moment.
	s = Fold(def, f, at("2028-01-01"), time.UTC, nil)
	if got := told(s.Changes, KindStage); got[len(got)-1] != "2027-09-23 00:00:00.000 advocate→customer: keep stage client no longer holds ()" {
		t.Errorf("last change %s", got[len(got)-1])
	}
}

func TestRule22_EventsOfOneMillisecondAreOrderedByKey(t *testing.T) {
	def := define(t, "ladder: [ { stage: a }, { stage: b, when: { event: x } }, { stage: c, when: { event: y } } ]\n")
	f := person("2026-02-01 y", "2026-02-01 x")
	f.Events[0].Key, f.Events[1].Key = "2", "1"
	want := []string{"2026-02-01 00:00:00.000 a→b: when event x (1)", "2026-02-01 00:00:00.000 b→c: when event y (2)"}
	for range 2 {
		if diff := cmp.Diff(want, told(Fold(def, f, at("2026-03-01"), time.UTC, nil).Changes, KindStage)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		f.Events[0], f.Events[1] = f.Events[1], f.Events[0]
	}
}

func TestRule22_AttributesAreSeenAsTheyWere(t *testing.T) {
	def := define(t, "ladder: [ { stage: a }, { stage: b, when: { attribute: plan, is: pro }, keep: { attribute: plan, is: pro } } ]\n")
	f := person()
	change := func(day, key string, from, to any) contacts.Event {
		return contacts.Event{Name: contacts.EventChanged, At: at(day), Key: key, Properties: map[string]any{
			"changes": map[string]any{"plan": map[string]any{"from": from, "to": to}},
		}}
	}
	f.Contact.Attributes = map[string]any{"plan": "free"}
	f.Events = []contacts.Event{
		change("2026-02-01", "1", nil, "free"), change("2026-03-01", "2", "free", "pro"), change("2026-04-01", "3", "pro", "free"),
	}
	want := []string{
		"2026-03-01 00:00:00.000 a→b: when plan is pro (2)",
		"2026-04-01 00:00:00.000 b→a: keep plan is pro no longer holds (3)",
	}
	if diff := cmp.Diff(want, told(Fold(def, f, at("2026-05-01"), time.UTC, nil).Changes, KindStage)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s := Fold(def, f, at("2026-03-15"), time.UTC, nil); s.Stage != "b" {
		t.Errorf("between the changes the stage is %s, want b", s.Stage)
	}
	if f.Contact.Attributes["plan"] != "free" {
		t.Error("Fold has changed the contact")
	}
}

func TestRule22_ConsentsWithAndWithoutTheirEvent(t *testing.T) {
	def := define(t, ladder)
	f := person()
	f.Consents = []contacts.Consent{{Topic: "guides", State: contacts.ConsentGiven, At: at("2026-02-01"), Key: "c"}}
	s := Fold(def, f, at("2026-03-01"), time.UTC, nil)
	if s.Stage != "prospect" || len(s.Changes) != 1 || s.Changes[0].EventKey != "" || !s.Changes[0].At.Equal(at("2026-02-01")) {
		t.Errorf("%+v", s)
	}
	f.Events = []contacts.Event{{ID: 9, Name: contacts.EventConsentGiven, At: at("2026-02-01"), Key: "c", Properties: map[string]any{"topic": "guides"}}}
	s = Fold(def, f, at("2026-03-01"), time.UTC, nil)
	if s.Stage != "prospect" || len(s.Changes) != 1 || s.Changes[0].Event != 9 {
		t.Errorf("with its event: %+v", s)
	}
	if s = Fold(def, f, at("2026-01-15"), time.UTC, nil); s.Stage != "stranger" || !s.NextChange.Equal(at("2026-02-01")) {
		t.Errorf("before it: %+v", s)
	}
}

func TestRule22_TheFirstStageIsNoChange(t *testing.T) {
	def := define(t, ladder)
	s := Fold(def, person(), at("2026-05-01"), time.UTC, nil)
	if s.Stage != "stranger" || !s.StageSince.Equal(at("2026-01-01")) || len(s.Changes) > 0 || !s.NextChange.IsZero() {
		t.Errorf("a contact without events: %+v", s)
	}
	if s.Health != HealthNone || !s.HealthSince.Equal(at("2026-01-01")) {
		t.Errorf("health %s since %s", s.Health, s.HealthSince)
	}
}

func TestRule22_ImportedHistoryIsOlderThanTheContact(t *testing.T) {
	def := define(t, ladder)
	s := Fold(def, person("2025-11-01 order.placed"), at("2026-05-01"), time.UTC, nil)
	if s.Stage != "customer" || !s.StageSince.Equal(at("2025-11-01")) {
		t.Errorf("stands on %s since %s, want customer since the order", s.Stage, s.StageSince)
	}
}

func TestRule23_Health(t *testing.T) {
	def := define(t, ladder)
	f := person("2026-02-01 order.placed", "2026-02-20 order.placed")
	s := Fold(def, f, at("2029-01-01"), time.UTC, nil)
	want := []string{
		"2026-02-01 00:00:00.000 none→new: within 30d of the first purchase (k00)",
		"2026-03-03 00:00:00.000 new→active: no other state holds ()",
		"2026-08-19 00:00:00.000 active→lapsed: when not event order.placed in_last 180d ()",
		"2028-02-10 00:00:00.000 lapsed→lost: when email complained or not event order.placed in_last 720d ()",
	}
	if diff := cmp.Diff(want, told(s.Changes, KindHealth)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	for _, c := range []struct {
		name, want string
		events     []string
	}{
		{"without a purchase it is none, whatever else holds", HealthNone, []string{"2026-02-01 email.complained"}},
		{"the first match wins, even over new", "lost", []string{"2026-04-20 order.placed", "2026-04-21 email.complained"}},
		{"new", HealthNew, []string{"2026-04-20 order.placed"}},
		{"active", HealthActive, []string{"2026-03-20 order.placed"}},
		{"back from lapsed", HealthActive, []string{"2025-03-20 order.placed", "2026-04-29 order.placed"}},
	} {
		if got := Fold(def, person(c.events...), at("2026-05-01"), time.UTC, nil).Health; got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// Whoever was placed keeps the place as somebody keeps it who has earned it, from
// the first moment on at which the rule of keeping can hold.
func TestPlacedContactsHoldTheirRungUntilItsKeepCeases(t *testing.T) {
	def := define(t, ladder)
	placed := func(stage, health string, events ...string) *contacts.Facts {
		f := person(append([]string{"2026-01-02 contact.placed"}, events...)...)
		for i := range f.Events {
			if f.Events[i].Name == contacts.EventPlaced {
				f.Events[i].Properties = map[string]any{"stage": stage, "health": health}
			}
		}
		return f
	}
	for _, c := range []struct {
		name, stage, health string
		events              []string
		now                 string
		wantStage, want     string
	}{
		{"held without an order", "client", "lapsed", nil, "2029-05-01", "client", "lapsed"},
		{"an order brings a client back", "client", "lapsed", []string{"2026-03-01 order.placed"}, "2026-03-02", "client", HealthActive},
		{"and is kept for as long as any", "client", "", []string{"2026-03-01 order.placed"}, "2029-05-01", "customer", "lost"},
		{"no health is none", "customer", "", nil, "2026-02-01", "customer", HealthNone},
		{"a first order is a first order", "prospect", HealthNone, []string{"2026-03-01 order.placed"}, "2026-03-02", "customer", HealthNew},
		{"a rung that is gone places nobody", "knight", "", nil, "2026-02-01", "stranger", HealthNone},
	} {
		s := Fold(def, placed(c.stage, c.health, c.events...), at(c.now), time.UTC, nil)
		if s.Stage != c.wantStage || s.Health != c.want {
			t.Errorf("%s: %s and %s, want %s and %s: %+v", c.name, s.Stage, s.Health, c.wantStage, c.want, s.Changes)
		}
	}
	s := Fold(def, placed("client", ""), at("2026-02-01"), time.UTC, nil)
	want := []string{"2026-01-02 00:00:00.000 stranger→client: placed there (k00)"}
	if diff := cmp.Diff(want, told(s.Changes, KindStage)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func TestDefaultIsSound(t *testing.T) {
	def := Default()
	want := []string{"stranger", "prospect", "customer", "client", "supporter", "advocate", "partner"}
	if diff := cmp.Diff(want, def.Stages()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(def.Health.States) != 3 || def.Health.Purchase != "order.placed" {
		t.Errorf("health %+v", def.Health)
	}
	f := person("2026-03-01 order.placed", "2026-04-01 partnership.agreed")
	f.Consents = []contacts.Consent{{Topic: "offers", State: contacts.ConsentGiven, At: at("2026-02-01")}}
	for topics, want := range map[string]int{"": 2, "guides": 2, "offers": 3} {
		s := Fold(Default(strings.Fields(topics)...), f, at("2026-05-01"), time.UTC, nil)
		if s.Stage != "partner" || len(told(s.Changes, KindStage)) != want {
			t.Errorf("topics %q: %s after %v", topics, s.Stage, told(s.Changes, KindStage))
		}
	}
}

// What is predicted is told as an event, so that the history says when it was so
// and no later model rewrites it.
func TestHealthFollowsWhatWasPredictedWhen(t *testing.T) {
	def := define(t, `
ladder: [ { stage: stranger }, { stage: customer, when: { event: order.placed } } ]
health:
  states: [ { health: at-risk, when: { score: p_alive, below: 50% } } ]
`)
	f := person("2026-01-01 order.placed")
	tell := func(when string, alive float64) {
		e := PredictionEvent(f.Contact.ID, []contacts.Score{predicted(contacts.ScorePAlive, alive)}, "predicted "+when, at(when))
		f.Events = append(f.Events, e)
	}
	tell("2026-03-01", 0.49)
	tell("2026-04-01", 0.8)
	tell("2026-05-01", 0.2)
	s := Fold(def, f, at("2026-06-01"), time.UTC, nil)
	got := told(s.Changes, KindHealth)
	want := []string{
		"2026-01-01 00:00:00.000 none→new: within 30d of the first purchase (k00)",
		"2026-01-31 00:00:00.000 new→active: no other state holds ()",
		"2026-03-01 00:00:00.000 active→at-risk: when score p_alive below 0.5 (predicted 2026-03-01)",
		"2026-04-01 00:00:00.000 at-risk→active: no other state holds (predicted 2026-04-01)",
		"2026-05-01 00:00:00.000 active→at-risk: when score p_alive below 0.5 (predicted 2026-05-01)",
	}
	if !slices.Equal(got, want) || s.Health != "at-risk" || !s.HealthSince.Equal(at("2026-05-01")) {
		t.Errorf("%v, now %s since %s; want %v", got, s.Health, s.HealthSince, want)
	}
	if len(s.Scores) != 0 {
		t.Errorf("the fold gives %v: what is predicted is stored by who predicts it", s.Scores)
	}
	for _, c := range []struct {
		before, after []contacts.Score
		want          bool
	}{
		{nil, nil, false},
		{nil, []contacts.Score{predicted("p_alive", 0.9)}, true},
		{[]contacts.Score{predicted("p_alive", 0.9)}, []contacts.Score{predicted("p_alive", 0.5)}, false},
		{[]contacts.Score{predicted("p_alive", 0.5)}, []contacts.Score{predicted("p_alive", 0.49)}, true},
		{nil, []contacts.Score{predicted("rfm", 555)}, false},
	} {
		if got := def.Turns(c.before, c.after); got != c.want {
			t.Errorf("from %v to %v turns %v, want %v", c.before, c.after, got, c.want)
		}
	}
}

func TestWhatIsToldOfPredictionsStaysWithinWhatTheyCanBe(t *testing.T) {
	for _, c := range []struct {
		told map[string]any
		want []contacts.Score
	}{
		{map[string]any{"p_alive": 0.3, "lifetime_value": -20.0}, []contacts.Score{predicted("lifetime_value", -20), predicted("p_alive", 0.3)}},
		{map[string]any{"p_alive": 7.0, "rfm": 5555.0, "expected_orders": 2e9}, []contacts.Score{predicted("expected_orders", 1e9), predicted("p_alive", 1), predicted("rfm", 555)}},
		{map[string]any{"p_alive": -1.0, "rfm": -1.0, "expected_orders": -1.0, "lifetime_value": -8e9},
			[]contacts.Score{predicted("expected_orders", 0), predicted("lifetime_value", -1e9), predicted("p_alive", 0), predicted("rfm", 0)}},
		{map[string]any{"p_alive": "much", "points": 3.0}, nil},
	} {
		if diff := cmp.Diff(c.want, PredictionsIn(&contacts.Event{Properties: c.told})); diff != "" {
			t.Errorf("of %v (-want +got):\n%s", c.told, diff)
		}
	}
}
