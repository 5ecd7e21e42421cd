package scheduler

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"rapport/internal/calendar"
	"rapport/internal/catalog"
	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/internal/relationship"
	"rapport/internal/relationship/buying"
	"rapport/internal/store"
)

const (
	// predictAt is when everybody is predicted anew, by the company's clock: the
	// day before is over, and the day's campaigns have not begun.
	predictAt = 3 * 60 // minutes
	// learnEvery is how old a model gets. One week changes little, and searching its
	// parameters is the dearest part of a night.
	learnEvery = 7 // days
	// learntFor is how long a process goes by the model that it has read.
	learntFor = time.Minute
	// predictFor is how long one scheduler may take for a page of it, or to fit the
	// model; after that another begins.
	predictFor = 10 * time.Minute

	clickedFor  = 400 * 24 * time.Hour // for which it is known when people clicked
	readSize    = 2000                 // customers in one statement
	predictSize = 500                  // customers in one transaction, whom it locks
	sampleSize  = 20_000               // customers that a model is fitted to
	forgetSize  = 20_000               // clicks that one transaction goes through
)

// errOvertaken ends what another scheduler has begun anew.
var errOvertaken = fmt.Errorf("predicting stops here: a page took longer than %s, and another scheduler goes on with it", predictFor)

// Predict is what is done of a night, by one elected scheduler, and whenever the
// rules ask for something else: it writes for each customer what follows from the
// model, which it learns anew every week from what all have bought, and forgets
// clicks that no best hour looks at any more.
func (s *Scheduler) Predict(ctx context.Context, m moment) (did int, err error) {
	if !s.asked.IsZero() && m.now.Sub(s.asked) < learntFor && s.askedOf == m.applied.ID {
		return 0, nil
	}
	s.asked, s.askedOf = m.now, m.applied.ID
	last, found, err := s.Store.LastLearnt(ctx)
	if err != nil {
		return 0, err
	}
	s.learnt.Store(&last)
	purchase, asked := m.applied.Relationship.PurchaseKey(), m.applied.Relationship.AskedKey()
	if found && last.Done && last.Purchase == purchase && last.Asked == asked && !last.MadeAt.Before(nightBefore(m.now, m.applied.Zone)) {
		return 0, nil
	}
	if s.Lean && !m.applied.AsksPredictions() {
		return 0, nil
	}
	if held, err := s.leasePredictions(ctx); err != nil || !held {
		return 0, err
	}
	// Who is told by new rules is told as one begun thing, however often it fails:
	// until all were, it is not as if the ladder knew.
	n := night{moment: m, began: m.now, again: found && last.Purchase == purchase && last.Asked == asked}
	next := store.Learnt{MadeAt: m.now, Purchase: purchase, Asked: asked, Model: last.Model}
	if !n.again {
		next.Asked = begun + asked
	}
	if found && !last.Done && last.Purchase == purchase && last.Asked == next.Asked {
		n.began = last.MadeAt
		next.MadeAt = last.MadeAt
	}
	if last.Purchase != purchase || last.Model.Orders == nil || buying.DayOf(m.now)-last.Model.Day >= learnEvery {
		if next.Model, err = s.learn(ctx, m.applied, &last.Model, m.now); err != nil {
			return 0, err
		}
	}
	if err := s.Store.KeepLearnt(ctx, next); err != nil {
		return 0, err
	}
	s.learnt.Store(&next)
	if did, err = s.predictAll(ctx, n, &next.Model); err != nil {
		return did, err
	}
	done := next
	done.MadeAt, done.Asked, done.Done = m.now, asked, true
	if err := s.Store.KeepLearnt(ctx, done); err != nil {
		return did, err
	}
	e := next.Model.Evidence
	s.Log.Info("what customers will do was predicted", "customers", e.Customers, "came_back", e.Repeat,
		"held_days", e.Held, "foreseen", e.Foreseen, "came", e.Came, "missing", e.Missing)
	return did, s.forgetClicked(ctx, m.now.Add(-clickedFor))
}

// leasePredictions takes the lease under which one scheduler predicts, and renews it.
func (s *Scheduler) leasePredictions(ctx context.Context) (held bool, err error) {
	now := s.Clock.Now()
	return s.Store.Lease(ctx, "predictions", s.ID, now, now.Add(predictFor))
}

// keepPredicting renews the lease between two pages.
func (s *Scheduler) keepPredicting(ctx context.Context) error {
	held, err := s.leasePredictions(ctx)
	if err == nil && !held {
		err = errOvertaken
	}
	return err
}

func (s *Scheduler) forgetClicked(ctx context.Context, before time.Time) error {
	var after contacts.ID
	for {
		last, err := s.Store.ForgetClicked(ctx, before, after, forgetSize)
		if err != nil || last == 0 {
			return err
		}
		after = last
	}
}

// nightBefore is the last moment until now at which everybody was due.
func nightBefore(now time.Time, zone *time.Location) time.Time {
	day := calendar.Of(now, zone)
	if at := day.At(predictAt, zone); !at.After(now) {
		return at
	}
	return day.AddDays(-1).At(predictAt, zone)
}

func purchases(applied *catalog.Applied, now time.Time) store.Purchases {
	h := applied.Relationship.Health
	return store.Purchases{Event: h.Purchase, Value: h.Value, Now: now}
}

// learn goes through what everybody has bought, and keeps a part of it drawn by
// chance: always the same one of the same customers.
func (s *Scheduler) learn(ctx context.Context, applied *catalog.Applied, before *buying.Model, now time.Time) (buying.Model, error) {
	var from buying.Population
	chance := rand.New(rand.NewPCG(1, 1))
	in := purchases(applied, now)
	in.Limit = readSize
	for {
		list, last, err := s.Store.Customers(ctx, in)
		if err != nil {
			return buying.Model{}, err
		}
		for _, c := range list {
			days := c.History.Days
			if from.Customers == 0 || days[0] < from.Since {
				from.Since = days[0]
			}
			from.Customers++
			if len(days) > 1 {
				from.Repeat++
			}
			if len(from.Sample) < sampleSize {
				from.Sample = append(from.Sample, c.History)
			} else if at := chance.IntN(from.Customers); at < sampleSize {
				from.Sample[at] = c.History
			}
		}
		if err := s.keepPredicting(ctx); err != nil {
			return buying.Model{}, err
		}
		if last == 0 {
			model := buying.Fit(from, buying.DayOf(now), before)
			return model, s.keepPredicting(ctx)
		}
		in.After = last
	}
}

// night is one way through all customers.
type night struct {
	moment
	began time.Time // the first try
	again bool      // everybody was told by the same rules before
}

// begun stands before what the ladder asks as long as not everybody was told.
const begun = "begun "

// predictAll writes what follows from a model for each customer, and withdraws what
// it says of nobody any more.
func (s *Scheduler) predictAll(ctx context.Context, n night, m *buying.Model) (did int, err error) {
	in := purchases(n.applied, n.now)
	in.Limit = predictSize
	for {
		// By what is known now: who has bought since it began was predicted by that.
		n.now = s.Clock.Now()
		in.Now = n.now
		last, err := s.Store.PredictCustomers(ctx, in, func(list []store.Customer) []store.Prediction {
			out := make([]store.Prediction, len(list))
			for i, c := range list {
				out[i] = n.predict(m, c)
			}
			did += len(out)
			return out
		})
		if err != nil || last == 0 {
			return did, err
		}
		if err := s.keepPredicting(ctx); err != nil {
			return did, err
		}
		in.After = last
	}
}

// predict tells new rules of what has not turned too: once, by its key, so that a
// night that fails and begins anew repeats nothing.
func (n *night) predict(m *buying.Model, c store.Customer) store.Prediction {
	def, key := n.applied.Relationship, "predicted:night:"+ident.Format(int64(c.ID))
	p := predict(def, m, c, fmt.Sprintf("%s:%d", key, n.now.UnixMilli()), n.now)
	if !n.again && len(p.Told) == 0 && def.Turns(nil, p.Scores) {
		key = fmt.Sprintf("%s:%d:rules", key, n.began.UnixMilli())
		p.Told = []contacts.Event{relationship.PredictionEvent(c.ID, p.Scores, key, n.now)}
	}
	return p
}

// predict is what a model says of a customer, and tells the ladder when that can
// answer one of its rules otherwise.
func predict(def *relationship.Definition, m *buying.Model, c store.Customer, key string, now time.Time) store.Prediction {
	p := store.Prediction{Contact: c.ID, Scores: relationship.Predict(m, c.History, now)}
	if def.Turns(c.Predicted, p.Scores) {
		p.Told = []contacts.Event{relationship.PredictionEvent(c.ID, p.Scores, key, now)}
	}
	return p
}

// buys reports whether what is new changes what is predicted of a contact.
func (s *Scheduler) buys(applied *catalog.Applied, t *store.TouchedContact) bool {
	if !hasNews(t, applied.Relationship.Health.Purchase) {
		return false
	}
	learnt := s.learnt.Load()
	return learnt != nil && learnt.Purchase == applied.Relationship.PurchaseKey()
}

// predictNeeds are those of predicting one contact.
func predictNeeds(applied *catalog.Applied) contacts.Needs {
	return contacts.Needs{Scores: true, Events: []string{applied.Relationship.Health.Purchase}}
}

func hasNews(t *store.TouchedContact, name string) bool {
	return slices.ContainsFunc(t.News, func(e contacts.Event) bool { return e.Name == name })
}

// repredict predicts who has bought at once, by the model of last night. Somebody
// else may have told of a prediction too, a scenario for instance: then that holds.
func (s *Scheduler) repredict(applied *catalog.Applied, t *store.TouchedContact, now time.Time) *store.Prediction {
	f := t.Facts
	switch {
	case f.Contact.Erased:
		return nil
	case !s.buys(applied, t):
		var told *store.Prediction
		for i := range t.News {
			if t.News[i].Name == contacts.EventPredicted {
				told = &store.Prediction{Contact: f.Contact.ID, Scores: relationship.PredictionsIn(&t.News[i])}
			}
		}
		return told
	}
	c := store.Customer{ID: f.Contact.ID, History: applied.Relationship.History(f.Events, now)}
	_, c.Predicted = contacts.Predicted(f.Scores)
	// By its key it comes after what the night has told at the same moment.
	key := "predicted:purchase:" + ident.Format(t.News[len(t.News)-1].ID)
	p := predict(applied.Relationship, &s.learnt.Load().Model, c, key, now)
	return &p
}
