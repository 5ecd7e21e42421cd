package responses

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rapport/internal/store"
)

// gate is a store whose commits wait until it is opened.
type gate struct {
	open    chan struct{}
	mu      sync.Mutex
	batches [][]store.Incoming
	refuse  string // the name of an event that spoils its transaction
}

func (g *gate) Ingest(_ context.Context, in []store.Incoming, _ time.Time) ([]store.Result, error) {
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	g.batches = append(g.batches, in)
	out := make([]store.Result, len(in))
	for i := range in {
		if in[i].Name == g.refuse {
			return nil, errors.New("refused")
		}
		out[i].Event = int64(len(in[i].Key))
	}
	return out, nil
}

func event(name, key string) []store.Incoming {
	in := make([]store.Incoming, 1)
	in[0].Name, in[0].Key = name, key
	return in
}

func TestGroupStoresTogetherWhatCameMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &gate{open: make(chan struct{}), refuse: "bad"}
		g := NewGroup(to)
		bring := func(name, key string) {
			go func() {
				r, err := g.Ingest(context.Background(), event(name, key), time.Time{})
				if (err != nil) != (name == "bad") || err == nil && r[0].Event != int64(len(key)) {
					t.Errorf("%s: got %v, %v", key, r, err)
				}
			}()
		}
		bring("a", "x")
		synctest.Wait() // the first commit runs
		for i := range 20 {
			bring("a", fmt.Sprintf("%0*d", i+1, 0))
		}
		bring("bad", "bad")
		synctest.Wait() // all of them stand in line
		close(to.open)
		synctest.Wait()
		if n := len(to.batches); n != 1+1+21 || len(to.batches[1]) != 21 {
			t.Errorf("%d transactions: want the first, the group with the bad one, and each of the group by itself", n)
		}
	})
}

// Where much waits a second transaction begins beside the first, and never a third.
func TestGroupStoresMuchInTwoTransactions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &gate{open: make(chan struct{})}
		g := NewGroup(to)
		bring := func(n int) {
			for range n {
				go func() {
					if _, err := g.Ingest(context.Background(), event("a", "x"), time.Time{}); err != nil {
						t.Error(err)
					}
				}()
			}
			synctest.Wait()
		}
		for _, step := range []struct{ bring, waiting, running int }{{1, 0, 1}, {secondFrom - 1, secondFrom - 1, 1}, {1, 0, 2}, {2 * secondFrom, 2 * secondFrom, 2}} {
			bring(step.bring)
			if g.events != step.waiting || g.running != step.running {
				t.Errorf("after %d more %d wait and %d transactions run, want %d and %d", step.bring, g.events, g.running, step.waiting, step.running)
			}
		}
		close(to.open)
		synctest.Wait()
		var sizes []int
		for _, b := range to.batches {
			sizes = append(sizes, len(b))
		}
		slices.Sort(sizes)
		if g.running != 0 || fmt.Sprint(sizes) != fmt.Sprint([]int{1, secondFrom, 2 * secondFrom}) {
			t.Errorf("transactions of %v, and %d still run", sizes, g.running)
		}
	})
}

func TestGroupLetsGoWhenTheCallerDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &gate{open: make(chan struct{}), refuse: "bad"}
		g := NewGroup(to)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() {
			_, err := g.Ingest(ctx, event("a", "a"), time.Time{})
			done <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		close(to.open) // the commit itself goes on
		synctest.Wait()
		if len(to.batches) != 1 {
			t.Errorf("%d transactions", len(to.batches))
		}
	})
}

func TestGroupTakesNoMoreThanFits(t *testing.T) {
	g := NewGroup(nil)
	for _, n := range []int{600, 300, 200, 1500, 1} {
		g.waiting = append(g.waiting, &request{in: make([]store.Incoming, n)})
	}
	var sizes []int
	for batch := g.take(); len(batch) > 0; batch = g.take() {
		sizes = append(sizes, len(batch))
	}
	if fmt.Sprint(sizes) != "[2 1 1 1]" {
		t.Errorf("got %v", sizes)
	}
}

func TestGroupTurnsAwayWhatAStoreThatIsFarBehindCannotTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &gate{open: make(chan struct{}), refuse: "bad"}
		g := NewGroup(to)
		list := make([]store.Incoming, groupLimit)
		var taken atomic.Int64
		bring := func() {
			go func() {
				if _, err := g.Ingest(context.Background(), list, time.Time{}); err == nil {
					taken.Add(1)
				}
			}()
			synctest.Wait()
		}
		for range 2 + waitingLimit/groupLimit { // two are under way and wait for nobody
			bring()
		}
		if _, err := g.Ingest(context.Background(), list[:1], time.Time{}); !errors.Is(err, ErrBusy) {
			t.Errorf("one too many: got %v, want %v", err, ErrBusy)
		}
		close(to.open)
		synctest.Wait()
		if want := int64(2 + waitingLimit/groupLimit); taken.Load() != want {
			t.Errorf("%d of %d were taken", taken.Load(), want)
		}
		if _, err := g.Ingest(context.Background(), list[:1], time.Time{}); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}
