package store

import (
	"context"
	"testing"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/relationship/buying"
	"rapport/segments"
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
		learnt.Done = true
		check(t, s.KeepLearnt(ctx, learnt))
		kept, _, err := s.LastLearnt(ctx)
		check(t, err)
		equal(t, "kept", kept, learnt)
	})
}

// What does not hold any more is withdrawn with the page that its contact is on,
// of those too who count as no customers now.
func TestWhatIsNotPredictedAnyMoreIsWithdrawn(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		ids := people(t, s, "ana@example.com", "ben@example.com", "carl@example.com", "dora@example.com")
		states := make([]StateChange, len(ids))
		for i, health := range []string{"active", "none", "active", "active"} {
			states[i] = StateChange{Contact: ids[i], Stage: "stranger", Health: health, Scored: true, Scores: []contacts.Score{{Name: contacts.ScorePoints, Value: 5}}}
		}
		check(t, s.SaveStates(ctx, states))
		score := func(name string, v int64) contacts.Score { return contacts.Score{Name: name, Value: v} }
		alive, rfm, points := score(contacts.ScorePAlive, 400_000), score(contacts.ScoreRFM, 555*contacts.Million), score(contacts.ScorePoints, 5)
		in := Purchases{Event: "order.placed", Value: "total", Limit: 10, Now: day}
		predict := func(of map[contacts.ID][]contacts.Score) (seen []contacts.ID) {
			t.Helper()
			for in.After = 0; ; {
				last, err := s.PredictCustomers(ctx, in, func(list []Customer) (out []Prediction) {
					for _, c := range list {
						seen = append(seen, c.ID)
						p := Prediction{Contact: c.ID, Scores: of[c.ID]}
						if len(c.Predicted) > len(p.Scores) {
							p.Told = []contacts.Event{{Contact: c.ID, Name: contacts.EventPredicted, At: day, Key: "withdrawn"}}
						}
						out = append(out, p)
					}
					return out
				})
				check(t, err)
				if in.After = last; last == 0 {
					return seen
				}
			}
		}
		check(t, s.db.write(ctx, func(q querier) error { // by what counted as a purchase before
			return s.savePredictions(ctx, q, []Prediction{{Contact: ids[0], Scores: []contacts.Score{alive, rfm}}, {Contact: ids[1], Scores: []contacts.Score{alive, rfm}}}, nil, day)
		}))
		in.Limit = 1
		equal(t, "who is looked at", predict(map[contacts.ID][]contacts.Score{ids[0]: {rfm}, ids[2]: {alive}}), ids)
		facts := must(s.LoadFacts(ctx, ids))(t)
		for i, want := range [][]contacts.Score{{points, rfm}, {points}, {alive, points}, {points}} {
			equal(t, "scores", facts[ids[i]].Scores, want)
		}
		for i, want := range []int{1, 0, 0, 0} { // two have one key, so one of them is told
			equal(t, "told", len(facts[ids[i]].Events), want)
		}
		in.Limit = 10
		equal(t, "who is looked at then", predict(nil), []contacts.ID{ids[0], ids[2], ids[3]})
	})
}

// Who is erased while a page waits for the lock is not predicted.
func TestWhoIsErasedMeanwhileIsNotPredicted(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		ids := people(t, s, "ana@example.com", "ben@example.com")
		var states []StateChange
		for _, id := range ids {
			states = append(states, StateChange{Contact: id, Stage: "stranger", Health: "active"})
		}
		check(t, s.SaveStates(ctx, states))
		in := Purchases{Event: "order.placed", Limit: 10, Now: day}
		predicted := make(chan error, 1)
		var seen []contacts.ID
		check(t, s.db.write(ctx, func(q querier) error {
			if _, err := q.exec(ctx, `update contacts set erased = true where id = $1`, int64(ids[0])); err != nil {
				return err
			}
			go func() {
				_, err := s.PredictCustomers(ctx, in, func(list []Customer) (out []Prediction) {
					for _, c := range list {
						seen = append(seen, c.ID)
						out = append(out, Prediction{Contact: c.ID, Scores: []contacts.Score{{Name: contacts.ScoreRFM, Value: 1}}})
					}
					return out
				})
				predicted <- err
			}()
			return untilWaiting(ctx, s)
		}))
		check(t, <-predicted)
		equal(t, "who is predicted", seen, ids[1:])
		equal(t, "scores of who was erased", len(must(s.LoadFacts(ctx, ids[:1]))(t)[ids[0]].Scores), 0)
	})
}

// untilWaiting returns when a statement waits for a lock of this database. In SQLite
// a writer waits before its first statement.
func untilWaiting(ctx context.Context, s *Store) error {
	if s.dialect == segments.SQLite {
		return nil
	}
	ctx, end := context.WithTimeout(ctx, time.Minute)
	defer end()
	for tick := time.NewTicker(5 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		var n int
		if _, err := one(ctx, s.db, `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`, nil, &n); err != nil || n > 0 {
			return err
		}
	}
}
