package relationship

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rapport/internal/contacts"
)

// naive adds scores up without keeping anything between two events: of a signal
// every event by itself, of points every single one with its end.
func naive(def *Definition, f *contacts.Facts, now time.Time) (warmth float64, points int, nps float64) {
	h := order(f, now, def.looks)
	var ends []time.Time
	nps = -1
	drop := func(t time.Time) {
		for len(ends) > 0 && !ends[0].After(t) {
			ends = ends[1:]
		}
	}
	for _, e := range h.events {
		if e.Machine {
			continue
		}
		s := def.Signals[0]
		warmth += s.Weights[e.Name] * math.Pow(0.5, now.Sub(e.At).Hours()/s.HalfLife.Fixed().Hours())
		drop(e.At)
		n, _ := e.Properties["points"].(float64)
		switch total, _ := e.Properties["total"].(float64); e.Name {
		case contacts.EventAwarded:
		case "order.placed":
			n = math.Floor(total / 2)
		case "points.spent":
			ends = ends[min(len(ends), int(n)):]
			n = 0
		case contacts.EventSurveyed:
			if score := e.Properties["score"].(float64); score <= 10 {
				nps = score
			}
			n = 0
		default:
			n = 0
		}
		for range int(n) {
			ends = append(ends, e.At.Add(def.Programs.Loyalty.Expire.Fixed()))
		}
	}
	drop(now)
	return warmth, len(ends), nps
}

func TestRule22_ScoresAreWhatIsLeftOfTheEvents(t *testing.T) {
	def := define(t, scored)
	rapid.Check(t, func(t *rapid.T) {
		f := someone(t)
		now := at("2026-01-01").Add(time.Duration(rapid.IntRange(0, 300*24).Draw(t, "now")) * time.Hour)
		warmth, points, nps := naive(def, f, now)
		got := contacts.Facts{Scores: Fold(def, f, now, time.UTC, nil).Scores}
		if s, _ := got.Score("warmth"); math.Abs(s.At(now, days(20))-warmth) > 1e-6 {
			t.Fatalf("warmth is %g, naively %g", s.At(now, days(20)), warmth)
		}
		if s, _ := got.Score(contacts.ScorePoints); s.Value != int64(points)*contacts.Million {
			t.Fatalf("%d millionths of points, naively %d points", s.Value, points)
		}
		s, answered := got.Score(contacts.ScoreNPS)
		if answered != (nps >= 0) || answered && s.Value != int64(nps)*contacts.Million {
			t.Fatalf("nps is %v %d, naively %g", answered, s.Value, nps)
		}
	})
}

// Rule 6: a score that only time moves takes the stage down to the millisecond.
func TestRule6_ADecayingScoreMovesTheStage(t *testing.T) {
	def := define(t, `
ladder:
  - stage: stranger
  - stage: reader
    when: { score: warmth, at_least: 20 }
    keep: { score: warmth, at_least: 5 }
  - stage: saver
    when: { tier: gold }
    keep: { score: points, above: 0 }
signals:
  warmth: { half_life: 10d, email.clicked: 20 }
programs:
  loyalty: { points: { order.placed: 500 }, expire: 30d, tiers: [ { tier: gold, from: 500 } ] }
`)
	f := &contacts.Facts{Contact: contacts.Contact{ID: 1, CreatedAt: at("2026-01-01")}, Events: []contacts.Event{
		{ID: 1, Key: "a", Name: contacts.EventClicked, At: at("2026-01-02")},
		{ID: 2, Key: "b", Name: "order.placed", At: at("2026-01-03")},
	}}
	var got []string
	s := Fold(def, f, at("2026-01-03"), time.UTC, nil)
	for !s.NextChange.IsZero() { // as the sweep comes round
		s = Fold(def, f, s.NextChange, time.UTC, nil)
	}
	for _, c := range s.Changes {
		if c.Kind == KindStage {
			got = append(got, c.At.UTC().Format("2006-01-02 15:04:05.000")+" "+c.To+" by "+c.Rule)
		}
	}
	want := []string{
		"2026-01-02 00:00:00.000 reader by when score warmth at_least 20",
		"2026-01-03 00:00:00.000 saver by when tier gold",
		"2026-02-02 00:00:00.000 stranger by keep score points above 0 no longer holds",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	alone := *f
	alone.Events = f.Events[:1]
	s = Fold(def, &alone, at("2026-01-02"), time.UTC, nil)
	for s.Stage == "reader" && !s.NextChange.IsZero() {
		s = Fold(def, &alone, s.NextChange, time.UTC, nil)
	}
	if want := at("2026-01-22 00:00:00.001"); s.Stage != "stranger" || !s.StageSince.Equal(want) {
		t.Errorf("%s since %s; less than a quarter of the warmth is left at %s", s.Stage, s.StageSince, want)
	}
}
