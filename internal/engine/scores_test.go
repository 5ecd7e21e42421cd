package engine

import (
	"fmt"
	"testing"

	"rapport/internal/contacts"
	"rapport/internal/delivery/smtp/smtptest"
)

// loyal is a ladder that stands on scores alone.
const loyal = `
ladder:
  - stage: stranger
  - stage: prospect
    when: { consent: guides }
  - stage: regular
    when: { score: warmth, at_least: 20 }
    keep: { score: warmth, at_least: 10 }
  - stage: saver
    when: { tier: { at_least: silver } }
    keep: { tier: { at_least: silver } }
signals:
  warmth: { half_life: 2d, page.viewed: 10 }
programs:
  loyalty:
    points: { order.placed: { per: total, rate: 1 } }
    expire: 5d
    tiers: [ { tier: bronze, from: 0 }, { tier: silver, from: 100 } ]
`

func TestRule06ScoresFallAndPointsExpireByTheSweep(t *testing.T) {
	r := start(t, 2, smtptest.Options{}, "", map[string]string{
		"relationship.yaml":      loyal,
		"campaigns/welcome.yaml": fmt.Sprintf(enter, ""),
		"segments/buyers.yaml":   "segment: buyers\nwhere: [ { score: points, at_least: 100 } ]\n",
	})
	stage := func(when, want string) {
		t.Helper()
		if c := r.contact("p00000@example.com"); c.Stage != want {
			t.Errorf("%s: stage %s, want %s", when, c.Stage, want)
		}
	}
	for i := range 2 {
		r.event("page.viewed", "p00000@example.com", fmt.Sprint("view", i), nil)
	}
	r.settle()
	stage("twenty degrees", "regular")
	r.at(1, 23, 0)
	stage("more than half of it", "regular")
	r.at(2, 8, 1)
	stage("less than half of it", "prospect")
	r.event("order.placed", "p00000@example.com", "order", map[string]any{"total": 120.5})
	r.settle()
	stage("120 points", "saver")
	facts, err := r.Store.LoadFacts(t.Context(), []contacts.ID{r.contact("p00000@example.com").ID})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range facts {
		if s, _ := f.Score(contacts.ScorePoints); s.Value != 120*contacts.Million {
			t.Errorf("%d millionths of points, want 120 whole ones", s.Value)
		}
	}
	r.at(2, 9, 0)
	if n := len(r.server.Messages()); n != 1 {
		t.Errorf("%d messages to who has entered the segment by points, want 1", n)
	}
	r.at(7, 8, 0)
	stage("until the points expire", "saver")
	r.at(7, 8, 2)
	stage("the points have expired", "prospect")
}
