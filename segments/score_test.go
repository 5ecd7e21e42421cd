package segments

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/contacts"
)

// A score that halves is a quarter after two half-lives, to the millisecond.
func TestAScoreFallsBelowABoundToTheMillisecond(t *testing.T) {
	f := &contacts.Facts{Scores: []contacts.Score{contacts.HalvingScore("engagement", 20, testNow, worldHalfLife)}}
	least := parse(t, "{score: engagement, at_least: 5}")
	above := parse(t, "{score: engagement, above: 5}")
	quarter := testNow.Add(2 * worldHalfLife)
	for at, want := range map[time.Time][2]bool{
		testNow: {true, true}, quarter.Add(-time.Millisecond): {true, true}, quarter: {true, false}, quarter.Add(time.Millisecond): {false, false},
	} {
		q := &Question{Facts: f, Now: at, Scoring: worldScoring}
		if got := [2]bool{least.Match(q), above.Match(q)}; got != want {
			t.Errorf("%s after: at least and above a quarter %v, want %v", at.Sub(testNow), got, want)
		}
	}
	q := &Question{Facts: f, Now: testNow, Scoring: worldScoring}
	if next := least.NextChange(q); !next.Equal(quarter.Add(time.Millisecond)) {
		t.Errorf("at least a quarter changes at %s", next)
	}
	if next := above.NextChange(q); !next.Equal(quarter) {
		t.Errorf("above a quarter changes at %s", next)
	}
}

func TestWhatScoresAreNow(t *testing.T) {
	f := &contacts.Facts{Scores: []contacts.Score{
		contacts.HalvingScore("engagement", 20, testNow, worldHalfLife),
		contacts.HalvingScore("gone", 20, testNow, worldHalfLife), // the relationship has it no more
		{Name: contacts.ScorePoints, Value: 620 * contacts.Million},
	}}
	want := []ScoreValue{{"engagement", 14.14}, {"points", 620}}
	if diff := cmp.Diff(want, worldScoring.Values(f, testNow.Add(worldHalfLife/2))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for points, want := range map[int64]string{0: "bronze", 499: "bronze", 500: "silver", 2000: "gold"} {
		if got := worldScoring.TierOf(points * contacts.Million); got != want {
			t.Errorf("%d points are %s, want %s", points, got, want)
		}
	}
}
