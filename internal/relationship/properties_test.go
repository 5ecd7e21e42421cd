package relationship

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"rapport/internal/contacts"
	"rapport/segments"
)

// full uses everything that the ladder can see.
const full = `
ladder:
  - stage: stranger
  - stage: prospect
    when: { any: [ { consent: guides }, { email: clicked }, { attribute: plan, is: pro } ] }
  - stage: customer
    when: { event: order.placed }
  - stage: client
    when: { event: order.placed, count: { at_least: 2 }, in_last: 60d }
    keep: { event: order.placed, in_last: 90d }
  - stage: fan
    when: { all: [ { stage: { at_least: customer }, for: 20d }, { email: opened, in_last: 15d } ] }
    keep: { not: { email: complained, in_last: 40d } }
  - stage: patron
    when: { all: [ { stage: client }, { attribute: plan, is: pro } ] }
    keep: { all: [ { stage: { at_least: client } }, { not: { consent: guides, is: withdrawn } } ] }
health:
  new: 30d
  states:
    - health: lost
      when: { any: [ { email: complained, in_last: 50d }, { not: { event: order.placed, in_last: 120d } } ] }
    - health: lapsed
      when: { not: { event: order.placed, in_last: 60d } }
    - health: at-risk
      when: { all: [ { stage: { at_least: client } }, { not: { email: opened, in_last: 25d } } ] }
`

// scored asks for scores as well.
var scored = strings.Replace(full, "health:\n", `  - stage: lover
    when: { any: [ { score: warmth, above: 12 }, { all: [ { tier: { at_least: silver } }, { score: nps, at_least: 9 } ] } ] }
    keep: { all: [ { score: warmth, at_least: 3 }, { score: points, at_least: 5 } ] }
health:
`, 1) + `
signals:
  warmth: { half_life: 20d, email.clicked: 5, order.placed: 10, email.opened: 1, email.complained: -30 }
programs:
  loyalty:
    points: { order.placed: { per: total, rate: 0.5 }, points.spent: { per: points, rate: -1 } }
    expire: 50d
    tiers: [ { tier: silver, from: 20 } ]
`

// someone is a random contact: events of half a year, consents and changes of
// an attribute among them.
func someone(t *rapid.T) *contacts.Facts {
	names := []string{
		"survey.answered", "points.awarded", "points.spent", "order.placed", "order.placed", "email.opened", "email.clicked", "email.sent", "email.complained",
		"consent.given", "consent.withdrawn", contacts.EventChanged, "page.viewed",
	}
	f := &contacts.Facts{Contact: contacts.Contact{ID: 1, CreatedAt: at("2026-01-10"), Attributes: map[string]any{}}}
	n := rapid.IntRange(0, 25).Draw(t, "events")
	moments := make([]int, n)
	for i := range moments {
		moments[i] = rapid.IntRange(0, 400).Draw(t, "half days")
	}
	slices.Sort(moments)
	var plan any
	for i, m := range moments {
		e := contacts.Event{
			ID: int64(i + 1), Contact: 1, Key: fmt.Sprintf("k%02d", i), At: at("2026-01-01").Add(time.Duration(m) * 12 * time.Hour),
			Name: rapid.SampledFrom(names).Draw(t, "name"), Machine: rapid.IntRange(0, 5).Draw(t, "machine") == 0,
		}
		switch e.Name {
		case "consent.given", "consent.withdrawn":
			c := contacts.Consent{Topic: "guides", State: e.Name[len("consent."):], At: e.At, Key: e.Key}
			f.Consents = append(f.Consents, c)
			e.Properties = map[string]any{"topic": "guides"}
			if rapid.Bool().Draw(t, "without event") {
				continue
			}
		case contacts.EventSurveyed:
			e.Properties = map[string]any{"score": float64(rapid.IntRange(5, 11).Draw(t, "score"))}
		case "points.spent", contacts.EventAwarded, "order.placed":
			e.Properties = map[string]any{"points": float64(rapid.IntRange(0, 40).Draw(t, "points")), "total": rapid.SampledFrom([]any{10.0, 29.99, "much", nil}).Draw(t, "total")}
		case contacts.EventChanged:
			next := rapid.SampledFrom([]any{"pro", "free", nil}).Draw(t, "plan")
			e.Properties = map[string]any{"changes": map[string]any{"plan": map[string]any{"from": plan, "to": next}}}
			plan = next
		}
		f.Events = append(f.Events, e)
	}
	if plan != nil {
		f.Contact.Attributes["plan"] = plan
	}
	return f
}

func equal(a, b State) string { return cmp.Diff(a, b, cmpopts.EquateEmpty()) }

func TestRule22_AnyOrderOfArrivalEndsInTheSameState(t *testing.T) {
	def := define(t, scored)
	rapid.Check(t, func(t *rapid.T) {
		f := someone(t)
		want := Fold(def, f, at("2026-12-01"), time.UTC, nil)
		mixed := *f
		mixed.Events = slices.Clone(f.Events)
		for _, e := range f.Events { // some come twice
			if rapid.Bool().Draw(t, "twice") {
				mixed.Events = append(mixed.Events, e)
			}
		}
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 1))
		r.Shuffle(len(mixed.Events), func(i, j int) {
			mixed.Events[i], mixed.Events[j] = mixed.Events[j], mixed.Events[i]
		})
		mixed.Consents = append(slices.Clone(f.Consents), f.Consents...)
		slices.Reverse(mixed.Consents)
		if diff := equal(want, Fold(def, &mixed, at("2026-12-01"), time.UTC, nil)); diff != "" {
			t.Fatalf("another order of arrival ends elsewhere:\n%s", diff)
		}
	})
}

func TestRule22_FoldingAfterEachEventEndsAsFoldingOnce(t *testing.T) {
	def := define(t, scored)
	rapid.Check(t, func(t *rapid.T) {
		f := someone(t)
		now := at("2026-12-01")
		whole := Fold(def, f, now, time.UTC, nil)
		for i := range f.Events {
			if i+1 < len(f.Events) && f.Events[i+1].At.Equal(f.Events[i].At) {
				continue
			}
			then := f.Events[i].At
			part := Fold(def, f, then, time.UTC, nil)
			n := len(part.Changes)
			if n > len(whole.Changes) {
				t.Fatalf("%d changes until %s, %d in all", n, then, len(whole.Changes))
			}
			if diff := cmp.Diff(part.Changes, whole.Changes[:n], cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("what came after %s has rewritten what was before:\n%s", then, diff)
			}
			if n < len(whole.Changes) && !whole.Changes[n].At.After(then) {
				t.Fatalf("until %s there were more changes than %v", then, part.Changes)
			}
			// Following the sweep from there leads to the same end.
			for !part.NextChange.IsZero() && !part.NextChange.After(now) {
				part = Fold(def, f, part.NextChange, time.UTC, nil)
			}
			if equal(State{Scores: part.Scores}, State{Scores: whole.Scores}) != "" || part.Stage != whole.Stage || part.Health != whole.Health || len(part.Changes) != len(whole.Changes) {
				t.Fatalf("the sweep ends at %s/%s, the fold at %s/%s", part.Stage, part.Health, whole.Stage, whole.Health)
			}
		}
	})
}

// TestRule22_FoldEqualsReplay compares with a replay that keeps nothing: at
// every event and then at every half hour, all rules are asked afresh.
func TestRule22_FoldEqualsReplay(t *testing.T) {
	def := define(t, full)
	rapid.Check(t, func(t *rapid.T) {
		f := someone(t)
		now := at("2026-09-01")
		got := Fold(def, f, now, time.UTC, nil)
		want := replay(def, f, now)
		var lines []string
		for _, c := range got.Changes {
			lines = append(lines, fmt.Sprintf("%s %s→%s", c.At.UTC().Format(time.RFC3339Nano), c.From, c.To))
		}
		if diff := cmp.Diff(want, lines, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-replay +fold):\n%s", diff)
		}
	})
}

// replay knows nothing of windows or of what concerns a rule. Events stand on
// half days and windows are whole days, so an answer changes by itself only on
// a half day or a millisecond after it.
func replay(def *Definition, f *contacts.Facts, now time.Time) []string {
	h := order(f, now, def.looks)
	known := contacts.Facts{Contact: h.contact}
	held := make([]bool, len(def.Ladder))
	since := make([]time.Time, len(def.Ladder)+1)
	standing := make([]int, len(def.Ladder)+1)
	stage, health := "", ""
	var bought time.Time
	var lines []string
	look := func(t time.Time) {
		q := &segments.Question{Facts: &known, Now: t, Zone: time.UTC, Ladder: def.Stages(), Scoring: def.Scoring()}
		for i, r := range def.Ladder {
			known.Contact.Stage, known.Contact.StageSince = def.Ladder[max(standing[i], 0)].Stage, since[i]
			if i == 0 {
				known.Contact.Stage = ""
			}
			keep := r.Keep == nil || r.Keep.Match(q)
			held[i] = keep && (held[i] || r.When == nil || r.When.Match(q))
			above := standing[i]
			if held[i] {
				above = i
			}
			if above != standing[i+1] || since[i+1].IsZero() {
				standing[i+1], since[i+1] = above, t
			}
		}
		top := def.Ladder[standing[len(held)]].Stage
		if stage != "" && top != stage {
			lines = append(lines, fmt.Sprintf("%s %s→%s", t.UTC().Format(time.RFC3339Nano), stage, top))
		}
		stage = top
		known.Contact.Stage, known.Contact.StageSince = top, since[len(held)]
		state := HealthActive
		switch {
		case bought.IsZero():
			state = HealthNone
		default:
			if t.Before(bought.Add(def.Health.New.Fixed())) {
				state = HealthNew
			}
			for _, s := range def.Health.States {
				if s.When.Match(q) {
					state = s.Health
					break
				}
			}
		}
		if health != "" && state != health {
			lines = append(lines, fmt.Sprintf("%s %s→%s", t.UTC().Format(time.RFC3339Nano), health, state))
		}
		health = state
	}
	start := f.Contact.CreatedAt
	if len(h.moments) > 0 && h.moments[0].at.Before(start) {
		start = h.moments[0].at
	}
	look(start)
	next := 0
	for t := start; !t.After(now); t = t.Add(12 * time.Hour) {
		for next < len(h.moments) && !h.moments[next].at.After(t) {
			m := h.moments[next]
			m.apply(&known)
			if m.event != nil && m.event.Name == def.Health.Purchase && bought.IsZero() {
				bought = m.at
			}
			look(m.at)
			next++
		}
		look(t)
		if after := t.Add(time.Millisecond); !after.After(now) {
			look(after)
		}
	}
	return lines
}

func TestRule22_NothingChangesBeforeNextChange(t *testing.T) {
	def := define(t, scored)
	rapid.Check(t, func(t *rapid.T) {
		f := someone(t)
		now := at("2026-01-01").Add(time.Duration(rapid.IntRange(0, 300*24).Draw(t, "now")) * time.Hour)
		s := Fold(def, f, now, time.UTC, nil)
		until := s.NextChange
		if until.IsZero() {
			until = now.Add(days(1000))
		}
		then := now.Add(time.Duration(rapid.Int64Range(0, int64(until.Sub(now))-1).Draw(t, "then")))
		later := Fold(def, f, then, time.UTC, nil)
		if equal(State{Scores: later.Scores}, State{Scores: s.Scores}) != "" || later.Stage != s.Stage || later.Health != s.Health || len(later.Changes) != len(s.Changes) {
			t.Fatalf("%s/%s at %s became %s/%s at %s, before %s", s.Stage, s.Health, now, later.Stage, later.Health, then, until)
		}
	})
}

func BenchmarkFold200Events(b *testing.B) {
	def := Default()
	names := []string{"email.sent", "email.delivered", "email.opened", "email.clicked", "page.viewed", "order.placed"}
	f := &contacts.Facts{Contact: contacts.Contact{ID: 1, CreatedAt: at("2024-01-01")}}
	for i := range 200 {
		f.Events = append(f.Events, contacts.Event{
			ID: int64(i), Key: fmt.Sprint(1000 + i), Name: names[i%len(names)], At: at("2024-01-02").Add(time.Duration(i) * 100 * time.Hour),
		})
	}
	b.ReportAllocs()
	for b.Loop() {
		Fold(def, f, at("2027-01-01"), time.UTC, nil)
	}
}

// Whoever loads only what Needs names gets the same answer as from everything.
func TestWhatNobodyLooksAtChangesNothing(t *testing.T) {
	narrow := define(t, `
ladder:
  - stage: stranger
  - stage: reader
    when: { email: opened, in_last: 30d }
    keep: { email: opened, in_last: 60d }
  - stage: customer
    when: { event: order.placed }
health:
  states:
    - health: lapsed
      when: { not: { event: order.placed, in_last: 60d } }
`)
	for name, def := range map[string]*Definition{"full": define(t, full), "scored": define(t, scored), "narrow": narrow} {
		t.Run(name, func(t *testing.T) {
			needs := def.Needs()
			rapid.Check(t, func(t *rapid.T) {
				f := someone(t)
				few := *f
				few.Events = nil
				for _, e := range f.Events {
					if slices.Contains(needs.Events, e.Name) || needs.Consents && e.Properties["topic"] != nil {
						few.Events = append(few.Events, e)
					}
				}
				if !needs.Consents {
					few.Consents = nil
				}
				now := at("2026-01-01").Add(time.Duration(rapid.IntRange(0, 300*24).Draw(t, "now")) * time.Hour)
				if diff := equal(Fold(def, f, now, time.UTC, nil), Fold(def, &few, now, time.UTC, nil)); diff != "" {
					t.Fatalf("what nobody looks at has changed the answer:\n%s", diff)
				}
			})
		})
	}
}

// What counts of several acts of one millisecond is what the ledger of consents
// says, whatever their keys are and whether events tell of them.
func TestTheLadderTakesTheConsentThatCounts(t *testing.T) {
	def := define(t, `
ladder:
  - stage: stranger
  - stage: prospect
    when: { consent: guides }
    keep: { consent: guides }
`)
	rapid.Check(t, func(t *rapid.T) {
		f := person()
		counts := contacts.Consent{}
		for i := range rapid.IntRange(1, 4).Draw(t, "acts") {
			state := rapid.SampledFrom([]string{contacts.ConsentGiven, contacts.ConsentWithdrawn, contacts.ConsentPending}).Draw(t, "state")
			moment := at("2026-02-01").Add(time.Duration(rapid.IntRange(0, 2500).Draw(t, "microseconds")) * time.Microsecond)
			c := contacts.Consent{Topic: "guides", State: state, At: moment, Key: fmt.Sprint(rapid.IntRange(0, 2).Draw(t, "key"), i)}
			f.Consents = append(f.Consents, c)
			if rapid.Bool().Draw(t, "an event tells of it") {
				f.Events = append(f.Events, contacts.Event{Contact: 1, Name: "consent." + state, At: c.At, Key: "consent:guides:" + c.Key, Properties: map[string]any{"topic": "guides"}})
			}
			if i == 0 || c.After(counts) {
				counts = c
			}
		}
		want := "stranger"
		if counts.State == contacts.ConsentGiven {
			want = "prospect"
		}
		if s := Fold(def, f, at("2026-03-01"), time.UTC, nil); s.Stage != want {
			t.Fatalf("stands on %s, and what counts is %s (%s)", s.Stage, counts.State, counts.Key)
		}
	})
}
