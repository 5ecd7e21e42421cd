package engine

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/delivery/smtp/smtptest"
	"rapport/internal/store"
)

// foretold is a health that stands on a prediction.
const foretold = `
ladder:
  - stage: stranger
  - stage: prospect
    when: { consent: guides }
  - stage: customer
    when: { event: order.placed }
health:
  states:
    - health: at-risk
      when: { score: p_alive, below: 50% }
`

// buyers have customers of four kinds, so many of each: who bought once, who
// bought every other week until now, who did and stopped a year ago, and who
// bought twice. The first of each kind is called after it.
func buyers(r *run, each int) {
	r.t.Helper()
	kinds := []struct {
		name  string
		first int // days ago
		every int
		times int
	}{{"once", 300, 1, 1}, {"often", 560, 14, 40}, {"gone", 700, 14, 20}, {"twice", 400, 60, 2}}
	var in []store.Incoming
	now := r.clock.Now()
	for _, k := range kinds {
		for i := range each {
			email := fmt.Sprintf("%s%03d@example.com", k.name, i)
			for n := range k.times {
				e := contacts.Event{Name: "order.placed", At: now.AddDate(0, 0, -k.first+k.every*n+i%7), Key: fmt.Sprint(email, n),
					Properties: map[string]any{"total": float64(20 + i%10)}}
				in = append(in, store.Incoming{Event: e, Email: email, CreateContact: true, Source: "api"})
			}
		}
	}
	for part := range slices.Chunk(in, 2000) {
		if _, err := r.Store.Ingest(r.t.Context(), part, now); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *run) scores(email string) map[string]float64 {
	r.t.Helper()
	id := r.contact(email).ID
	facts, err := r.Store.LoadFacts(r.t.Context(), []contacts.ID{id})
	if err != nil {
		r.t.Fatal(err)
	}
	out := map[string]float64{}
	for _, s := range facts[id].Scores {
		out[s.Name] = float64(s.Value) / contacts.Million
	}
	return out
}

func TestCustomersArePredictedEveryNightAndWhenTheyBuy(t *testing.T) {
	r := start(t, 0, smtptest.Options{}, "", map[string]string{
		"relationship.yaml":     foretold,
		"segments/loyal.yaml":   "segment: loyal\nwhere: [ { score: p_alive, at_least: 90% }, { score: expected_orders, above: 5 } ]\n",
		"segments/leaving.yaml": "segment: leaving\nwhere: [ { score: p_alive, below: 50% } ]\n",
		"segments/worth.yaml":   "segment: worth\nwhere: [ { score: lifetime_value, at_least: 900 } ]\n",
		"segments/best.yaml":    "segment: best\nwhere: [ { score: rfm, at_least: 500 } ]\n",
	})
	buyers(r, 150)
	r.settle()
	if got := r.scores("gone000@example.com"); len(got) != 0 {
		t.Errorf("before the first night: %v", got)
	}
	r.at(1, 3, 0)
	once, often, gone := r.scores("once000@example.com"), r.scores("often000@example.com"), r.scores("gone000@example.com")
	t.Log(once, often, gone, r.scores("twice000@example.com"))
	if once[contacts.ScorePAlive] != 1 {
		t.Errorf("who bought once is %v alive, want 1: there was no purchase after which to leave", once)
	}
	if often[contacts.ScorePAlive] < 0.9 || gone[contacts.ScorePAlive] > 0.2 {
		t.Errorf("alive: often %v, gone %v", often, gone)
	}
	if often[contacts.ScoreExpected] < 10*gone[contacts.ScoreExpected] || often[contacts.ScoreLifetime] <= 800 {
		t.Errorf("expected: often %v, gone %v", often, gone)
	}
	if often[contacts.ScoreRFM] < 400 || gone[contacts.ScoreRFM] >= 200 {
		t.Errorf("ranks: often %v, gone %v", often, gone)
	}
	r.health("gone000@example.com", "at-risk")
	r.health("often000@example.com", "active")
	r.health("once000@example.com", "active")

	// The database and the memory answer alike.
	applied := r.Catalog.Current()
	for name, want := range map[string]int{"loyal": 150, "leaving": 150, "worth": 150, "best": 0} {
		n := 0
		for _, kind := range []string{"once", "often", "gone", "twice"} {
			for i := range 150 {
				id := r.contact(fmt.Sprintf("%s%03d@example.com", kind, i)).ID
				facts, err := r.Store.LoadFacts(t.Context(), []contacts.ID{id})
				if err != nil {
					t.Fatal(err)
				}
				q := applied.Question(facts[id], r.clock.Now())
				if applied.Segments[name].Where.Match(&q) {
					n++
				}
			}
		}
		p := applied.SQL(r.clock.Now())
		counted, err := r.Store.CountSegment(t.Context(), applied.Segments[name].Where, store.Question{Now: p.Now, Segments: p.Segments, Zone: p.Zone, Ladder: p.Ladder, Scoring: p.Scoring})
		if err != nil {
			t.Fatal(err)
		}
		if int64(n) != counted || n == 0 || name != "best" && n != want {
			t.Errorf("segment %s: %d in memory, %d in the database, want about %d", name, n, counted, want)
		}
	}

	// Who buys is predicted at once, and the history says why the health moved.
	r.event("order.placed", "gone000@example.com", "again", map[string]any{"total": 40.0})
	r.settle()
	if back := r.scores("gone000@example.com"); back[contacts.ScorePAlive] < 0.5 || back[contacts.ScoreRFM] < 500 {
		t.Errorf("after an order: %v", back)
	}
	r.health("gone000@example.com", "active")

	// Nothing is told when nothing turns.
	told := func() (n int) {
		for _, kind := range []string{"often000", "gone000", "once000"} {
			id := r.contact(kind + "@example.com").ID
			facts, err := r.Store.LoadFacts(t.Context(), []contacts.ID{id})
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range facts[id].Events {
				if e.Name == contacts.EventPredicted {
					n++
				}
			}
		}
		return n
	}
	before := told()
	r.at(2, 3, 0)
	r.at(3, 3, 0)
	if after := told(); after != before {
		t.Errorf("%d predictions were told where nothing turned", after-before)
	}
	// A year of silence, and everybody who could leave is at risk.
	r.clock.Set(monday.AddDate(1, 0, 0))
	r.settle()
	r.health("often000@example.com", "at-risk")
	r.health("once000@example.com", "active")
}

func (r *run) health(email, want string) {
	r.t.Helper()
	if got := r.contact(email).Health; got != want {
		r.t.Errorf("the health of %s is %s, want %s", email, got, want)
	}
}

func TestTooFewCustomersAreNotPredictedAndItIsSaid(t *testing.T) {
	r := start(t, 0, smtptest.Options{}, "", map[string]string{"relationship.yaml": foretold})
	buyers(r, 15)
	r.settle()
	r.at(1, 3, 0)
	got := r.scores("gone000@example.com")
	if _, there := got[contacts.ScorePAlive]; there || got[contacts.ScoreRFM] == 0 {
		t.Errorf("of 60 customers: %v, want ranks alone", got)
	}
	learnt, found, err := r.Store.LastLearnt(t.Context())
	if err != nil || !found || learnt.Model.Evidence.Missing != "60 of the 500 customers that predictions need" {
		t.Errorf("%+v %v %v", learnt.Model.Evidence, found, err)
	}
	if at := learnt.MadeAt; !at.Equal(monday.AddDate(0, 0, 1).Add(-5 * time.Hour)) {
		t.Errorf("learnt at %s", at)
	}
}
