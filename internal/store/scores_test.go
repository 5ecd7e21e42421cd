package store

import (
	"fmt"
	"testing"
	"time"

	"rapport/internal/contacts"
	"rapport/segments"
)

func TestScoresAreKeptAndAskedFor(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		ids := people(t, s, "ana@example.com", "ben@example.com", "carl@example.com")
		half := 10 * 24 * time.Hour
		warm := func(value float64) contacts.Score { return contacts.HalvingScore("warmth", value, day, half) }
		points := func(n int64) contacts.Score {
			return contacts.Score{Name: contacts.ScorePoints, Value: n * contacts.Million}
		}
		state := func(i int, scored bool, scores ...contacts.Score) StateChange {
			return StateChange{Contact: ids[i], Stage: "stranger", Health: "none", Scores: scores, Scored: scored}
		}
		ana := []contacts.Score{{Name: contacts.ScoreNPS, Value: 9 * contacts.Million}, points(500), warm(20)}
		for range 2 { // the second time changes nothing
			check(t, s.SaveStates(ctx, []StateChange{state(0, true, ana...), state(1, true, warm(-3)), state(2, true)}))
		}
		facts := must(s.LoadFacts(ctx, ids))(t)
		equal(t, "ana's scores", facts[ids[0]].Scores, ana)
		equal(t, "ben's scores", facts[ids[1]].Scores, []contacts.Score{warm(-3)})
		equal(t, "carl's scores", len(facts[ids[2]].Scores), 0)

		scoring := &segments.Scoring{HalfLives: map[string]time.Duration{"warmth": half},
			Tiers: []segments.Tier{{Name: "bronze"}, {Name: "silver", From: 500 * contacts.Million}}}
		for yaml, want := range map[string][]contacts.ID{
			"{score: warmth, at_least: 20}":   nil, // a day has passed
			"{score: warmth, above: 18}":      ids[:1],
			"{score: warmth, below: 0}":       ids[1:2],
			"{score: warmth, at_most: 0}":     ids[1:3],
			"{score: points, at_least: 500}":  ids[:1],
			"{score: points, below: 500}":     ids[1:3],
			"{score: nps, between: [0, 10]}":  ids[:1],
			"{score: nps, below: 7}":          nil, // nobody else was asked
			"{tier: silver}":                  ids[:1],
			"{tier: bronze}":                  ids[1:3],
			"{not: {tier: {at_least: gold}}}": ids,
		} {
			question := Question{Now: day.Add(24 * time.Hour), Zone: time.UTC, Scoring: scoring}
			equal(t, yaml, must(s.ContactsInSegment(ctx, ids, condition(t, yaml), question))(t), want)
		}

		check(t, s.SaveStates(ctx, []StateChange{state(0, true, points(20)), state(1, false)}))
		facts = must(s.LoadFacts(ctx, ids))(t)
		equal(t, "what is left of ana's scores", facts[ids[0]].Scores, []contacts.Score{points(20)})
		equal(t, "ben's scores, which nobody told", facts[ids[1]].Scores, []contacts.Score{warm(-3)})
		must(s.Erase(ctx, "ana@example.com", day))(t)
		equal(t, "the scores of who was erased", len(must(s.LoadFacts(ctx, ids[:1]))(t)[ids[0]].Scores), 0)
	})
}

// A step that gives points gives them once, and they count at once.
func TestAnAwardOfAStepIsGivenOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		k, _ := welcome(t, s)
		ids := consenting(t, s, 3)
		enrolAll(t, s, k, 100)
		check(t, s.SaveStates(ctx, []StateChange{{Contact: ids[0], Health: "none", Scored: true, Scores: []contacts.Score{{Name: contacts.ScorePoints, Value: 5 * contacts.Million}}}}))
		takeAll(t, s)
		for i := range 3 { // the third time somebody asks for the first step again
			now := later(time.Duration(i) * time.Hour)
			_, _, err := s.StepDue(ctx, now, 100, deciding(func(due []Due) []Stepped {
				out := make([]Stepped, len(due))
				for j, d := range due {
					out[j].Enrolment = d.Enrolment
					out[j].Enrolment.DueAt = now.Add(time.Hour)
					out[j].Awards = []Award{{Points: 20, Key: fmt.Sprint("award:", d.Enrolment.ID, ":", i%2), Properties: map[string]any{"for": "reading"}}}
				}
				return out
			}))
			check(t, err)
		}
		facts := must(s.LoadFacts(ctx, ids))(t)
		for i, want := range []int64{45, 40, 40} {
			points, _ := facts[ids[i]].Score(contacts.ScorePoints)
			equal(t, "points", points.Value, want*contacts.Million)
			var told []any
			for _, e := range facts[ids[i]].Events {
				if e.Name == contacts.EventAwarded {
					told = append(told, e.Properties)
				}
			}
			one := map[string]any{"points": 20.0, "for": "reading"}
			equal(t, "what was told", told, []any{one, one})
		}
		equal(t, "touched", len(takeAll(t, s)), 6)
	})
}
