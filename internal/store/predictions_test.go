package store

import (
	"testing"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/relationship/buying"
)

func TestCustomersAreReadAndPredicted(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		ids := people(t, s, "ana@example.com", "ben@example.com", "carl@example.com", "dora@example.com")
		bought := func(i int, at time.Time, key string, properties map[string]any) Incoming {
			return Incoming{Event: contacts.Event{Contact: ids[i], Name: "order.placed", At: at, Key: key, Properties: properties}}
		}
		must(s.Ingest(ctx, []Incoming{
			bought(0, day.AddDate(0, 0, -30), "a2", map[string]any{"cart": map[string]any{"total": 20.5}}),
			bought(0, day.AddDate(0, 0, -60), "a1", map[string]any{"cart": map[string]any{"total": 10.0}}),
			bought(0, day.AddDate(0, 0, -30).Add(time.Hour), "a3", map[string]any{"cart": map[string]any{"total": 1.0 / 3}}),
			bought(1, day.AddDate(0, 0, -3), "b1", map[string]any{"cart": "dear"}),
			bought(3, day.AddDate(0, 0, -3), "d1", nil),
		}, day))(t)
		must(s.Erase(ctx, "dora@example.com", day))(t)
		var states []StateChange
		for i, health := range []string{"active", "active", "none", "active"} {
			states = append(states, StateChange{Contact: ids[i], Stage: "stranger", Health: health, Scored: true, Scores: []contacts.Score{{Name: contacts.ScorePoints, Value: 5}}})
		}
		check(t, s.SaveStates(ctx, states))

		in := Purchases{Event: "order.placed", Value: "cart.total", Limit: 1, Now: day}
		var got []Customer
		for {
			list, last, err := s.Customers(ctx, in)
			check(t, err)
			got = append(got, list...)
			if in.After = last; last == 0 {
				break
			}
		}
		history := func(values []float64, ago ...int) buying.History {
			h := buying.History{Values: values}
			for _, n := range ago {
				h.Days = append(h.Days, buying.DayOf(day.AddDate(0, 0, -n)))
			}
			return h
		}
		equal(t, "customers", got, []Customer{
			{ID: ids[0], History: history([]float64{10, 20.833333}, 60, 30)},
			{ID: ids[1], History: history([]float64{0}, 3)},
		})

		in.After, in.Limit = 0, 10
		alive := func(v int64) []contacts.Score {
			return []contacts.Score{{Name: contacts.ScorePAlive, Value: v}, {Name: contacts.ScoreRFM, Value: 555 * contacts.Million}}
		}
		for round, value := range []int64{400_000, 300_000} {
			last, err := s.PredictCustomers(ctx, in, func(list []Customer) []Prediction {
				equal(t, "customers to predict", len(list), 2)
				if round == 1 {
					equal(t, "what was predicted before", list[0].Predicted, alive(400_000))
				}
				p := Prediction{Contact: ids[0], Scores: alive(value)}
				p.Told = []contacts.Event{{Contact: ids[0], Name: contacts.EventPredicted, At: day, Key: "predicted once", Properties: map[string]any{"p_alive": 0.4}}}
				return []Prediction{p}
			})
			check(t, err)
			equal(t, "the next", last, contacts.ID(0))
		}
		// What is added up anew leaves alone what is predicted.
		states[0].Scores = nil
		check(t, s.SaveStates(ctx, states[:1]))
		facts := must(s.LoadFacts(ctx, ids[:1]))(t)[ids[0]]
		equal(t, "scores", facts.Scores, alive(300_000))
		told := 0
		for _, e := range facts.Events {
			if e.Name == contacts.EventPredicted {
				told++
			}
		}
		equal(t, "told", told, 1)

		_, found, err := s.LastLearnt(ctx)
		check(t, err)
		equal(t, "learnt before the first time", found, false)
		learnt := Learnt{MadeAt: day, Purchase: "order.placed total", Asked: "x", Model: buying.Model{Day: 3, Ranks: &buying.Ranks{}, Evidence: buying.Evidence{Missing: "much"}}}
		before := learnt
		before.Model.Orders, before.Model.Amounts = &buying.BGNBD{R: 0.243}, &buying.GammaGamma{P: 6}
		check(t, s.KeepLearnt(ctx, before))
		check(t, s.KeepLearnt(ctx, before))
		equal(t, "scores of a model that says all", len(must(s.LoadFacts(ctx, ids[:1]))(t)[ids[0]].Scores), 0)
		_, err = s.PredictCustomers(ctx, in, func([]Customer) []Prediction { return []Prediction{{Contact: ids[0], Scores: alive(300_000)}} })
		check(t, err)
		learnt.Done = true
		check(t, s.KeepLearnt(ctx, learnt))
		kept, _, err := s.LastLearnt(ctx)
		check(t, err)
		equal(t, "kept", kept, learnt)
		equal(t, "scores of a model that ranks and no more", must(s.LoadFacts(ctx, ids[:1]))(t)[ids[0]].Scores, alive(0)[1:])
		learnt.Purchase = "sale total"
		check(t, s.KeepLearnt(ctx, learnt))
		equal(t, "scores by other purchases", len(must(s.LoadFacts(ctx, ids[:1]))(t)[ids[0]].Scores), 0)
	})
}
