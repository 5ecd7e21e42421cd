package engine

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

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

const rewarded = `
campaign: welcome
topic: guides
start: { event: { name: guide.read } }
reentry: always
steps:
  - award: { points: 70, for: reading the guide }
  - if: { tier: silver }
    then: [ { send: one } ]
    else: [ { send: two } ]
`

func TestAnAwardIsGivenOnceAndMailTellsOfIt(t *testing.T) {
	r := start(t, 1, smtptest.Options{}, "", map[string]string{
		"relationship.yaml":      loyal,
		"campaigns/welcome.yaml": rewarded,
		"templates/one.md":       "---\nsubject: \"{{ contact.points }} points: you are {{ contact.tier }}\"\ntopic: guides\n---\nThank you.\n",
		"templates/two.md":       "---\nsubject: \"{{ contact.points }} points so far\"\ntopic: guides\n---\nThank you.\n",
	})
	for i, want := range []string{"70 points so far", "140 points: you are silver"} {
		r.event("guide.read", "p00000@example.com", fmt.Sprint("read", i), nil)
		r.settle()
		list := r.server.Messages()
		if len(list) != i+1 {
			t.Fatalf("%d messages after reading %d times", len(list), i+1)
		}
		if !bytes.Contains(list[i].Data, []byte("Subject: "+want)) {
			t.Errorf("the mail does not say %q:\n%s", want, list[i].Data)
		}
	}
	facts, err := r.Store.LoadFacts(t.Context(), []contacts.ID{r.contact("p00000@example.com").ID})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range facts {
		var awards []any
		for _, e := range f.Events {
			if e.Name == contacts.EventAwarded {
				awards = append(awards, e.Properties)
			}
		}
		one := map[string]any{"points": 70.0, "campaign": "welcome", "for": "reading the guide"}
		if diff := cmp.Diff([]any{one, one}, awards); diff != "" {
			t.Errorf("awards (-want +got):\n%s", diff)
		}
	}
}
