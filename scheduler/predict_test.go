package scheduler

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/contacts"
	"rapport/internal/relationship"
	"rapport/internal/relationship/buying"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

// predicting is a store of customers, a page for each, in which statements fail.
type predicting struct {
	Store
	learnt    store.Learnt
	customers []store.Customer
	told      map[string]bool // keys
	events    []contacts.Event
	pages     int
	seen      time.Time // until when the last page looked
	fails     func(page int) error
	holder    string // of the lease
	until     time.Time
	leases    int
	forgotten int
}

func (p *predicting) LastLearnt(context.Context) (store.Learnt, bool, error) {
	return p.learnt, !p.learnt.MadeAt.IsZero(), nil
}

func (p *predicting) KeepLearnt(_ context.Context, l store.Learnt) error {
	p.learnt = l
	return nil
}

func (p *predicting) Lease(_ context.Context, _, owner string, now, until time.Time) (bool, error) {
	if p.holder != owner && !p.until.Before(now) {
		return false, nil
	}
	p.holder, p.until = owner, until
	p.leases++
	return true, nil
}

func (p *predicting) ForgetClicked(_ context.Context, _ time.Time, after contacts.ID, _ int) (contacts.ID, error) {
	p.forgotten++
	if after < 2 {
		return after + 1, nil
	}
	return 0, nil
}

func (p *predicting) PredictCustomers(_ context.Context, in store.Purchases, decide func([]store.Customer) []store.Prediction) (contacts.ID, error) {
	p.pages++
	p.seen = in.Now
	if err := p.fails(p.pages); err != nil {
		return 0, err
	}
	c := &p.customers[in.After]
	for _, d := range decide([]store.Customer{*c}) {
		c.Predicted = d.Scores
		for _, e := range d.Told {
			if !p.told[e.Key] {
				p.told[e.Key], p.events = true, append(p.events, e)
			}
		}
	}
	if int(in.After)+1 == len(p.customers) {
		return 0, nil
	}
	return in.After + 1, nil
}

// tellings is whom each event was about, in order.
func (p *predicting) tellings() (who []contacts.ID) {
	for _, e := range p.events {
		who = append(who, e.Contact)
	}
	p.events = nil
	return who
}

// appliedAsking has a health that asks for a score above a number.
func appliedAsking(t *testing.T, id int64, score string) *catalog.Applied {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "rapport.yaml", "company: { name: Shop, address: \"1 Road, Town\", timezone: UTC }\n")
	write(t, dir, "relationship.yaml", `
ladder: [ { stage: stranger }, { stage: customer, when: { event: order.placed } } ]
health: { states: [ { health: at-risk, when: { score: `+score+` } } ] }
`)
	w, _ := workspace.Load(dir, nil)
	if w == nil || !w.Relationship.AsksPredictions() {
		t.Fatal("the rules of this test ask for no prediction")
	}
	return &catalog.Applied{Version: store.Version{ID: id}, Workspace: w, Zone: time.UTC}
}

var night0 = time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC)

func startPredicting(customers int) (*Scheduler, *predicting, *clock.Manual) {
	p := &predicting{told: map[string]bool{}, fails: func(int) error { return nil }}
	for i := range customers {
		c := store.Customer{ID: contacts.ID(i + 1)}
		for _, ago := range []int{400, 300, 200} {
			c.History.Add(buying.Purchase{At: night0.AddDate(0, 0, -ago), Value: 20})
		}
		p.customers = append(p.customers, c)
	}
	now := clock.NewManual(night0)
	return New(Config{ID: "one", Store: p, Clock: now, Log: slog.New(slog.DiscardHandler)}), p, now
}

// knows gives it a model of yesterday that needs no learning, by rules that all were told.
func (p *predicting) knows(applied *catalog.Applied) {
	p.learnt = store.Learnt{MadeAt: night0.AddDate(0, 0, -1), Purchase: applied.Relationship.PurchaseKey(), Asked: applied.Relationship.AskedKey(), Done: true,
		Model: buying.Model{Day: buying.DayOf(night0), Orders: &buying.BGNBD{R: 0.5, Alpha: 5, A: 0.5, B: 2}}}
	for i := range p.customers {
		p.customers[i].Predicted = relationship.Predict(&p.learnt.Model, p.customers[i].History, night0)
	}
}

func TestEverybodyIsToldOfNewRulesThoughANightFails(t *testing.T) {
	s, p, now := startPredicting(4)
	before, after := appliedAsking(t, 1, "p_alive, below: 1%"), appliedAsking(t, 2, "p_alive, below: 2%")
	p.knows(before)
	lost := errors.New("the connection is lost")
	p.fails = func(page int) error {
		if page == 3 || page == 5 {
			return lost
		}
		return nil
	}
	predict := func(applied *catalog.Applied, want error) {
		t.Helper()
		if _, err := s.Predict(t.Context(), moment{now: now.Now(), applied: applied}); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
		now.Set(now.Now().Add(learntFor))
	}
	predict(after, lost)
	if got := p.tellings(); !slices.Equal(got, []contacts.ID{1, 2}) || p.forgotten != 0 {
		t.Errorf("before it failed %v were told, and clicks forgotten %d times", got, p.forgotten)
	}
	predict(after, lost)
	predict(after, nil)
	if got := p.tellings(); !slices.Equal(got, []contacts.ID{3, 4}) || !p.learnt.Done || p.forgotten != 3 {
		t.Errorf("then %v were told, done %v, and clicks forgotten %d times", got, p.learnt.Done, p.forgotten)
	}

	// A night like any other that fails tells nobody what all were told.
	p.fails = func(page int) error {
		if page == 11 {
			return lost
		}
		return nil
	}
	now.Set(night0.AddDate(0, 0, 1))
	predict(after, lost)
	predict(after, nil)
	if got := p.tellings(); len(got) != 0 || !p.learnt.Done {
		t.Errorf("%v were told of nothing new, done %v", got, p.learnt.Done)
	}
}

func TestTheLadderIsToldOfWhatIsWithdrawn(t *testing.T) {
	s, p, now := startPredicting(2)
	asks := appliedAsking(t, 1, "p_alive, below: 1%")
	p.knows(asks)
	p.customers[1].History = buying.History{} // of no purchase any more
	if _, err := s.Predict(t.Context(), moment{now: now.Now(), applied: asks}); err != nil {
		t.Fatal(err)
	}
	if len(p.events) != 1 || p.events[0].Contact != 2 || len(p.events[0].Properties) != 0 || len(p.customers[1].Predicted) != 0 {
		t.Errorf("told %+v, predicted %v", p.events, p.customers[1].Predicted)
	}
}

func TestWhoLosesTheLeaseStopsPredicting(t *testing.T) {
	s, p, now := startPredicting(4)
	asks := appliedAsking(t, 1, "p_alive, below: 1%")
	p.knows(asks)
	p.fails = func(page int) error {
		now.Set(now.Now().Add(predictFor - time.Minute)) // as long as a page may take
		if page == 3 {
			p.holder, p.until = "two", now.Now().Add(predictFor)
		}
		return nil
	}
	_, err := s.Predict(t.Context(), moment{now: now.Now(), applied: asks})
	if want := night0.Add(2 * (predictFor - time.Minute)); !p.seen.Equal(want) {
		t.Errorf("the third page sees purchases until %s, want %s: those of meanwhile too", p.seen, want)
	}
	if err == nil || !strings.HasPrefix(err.Error(), "predicting stops here") || p.pages != 3 || p.leases != 3 || p.learnt.Done {
		t.Errorf("%v after %d pages and %d leases, done %v", err, p.pages, p.leases, p.learnt.Done)
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
