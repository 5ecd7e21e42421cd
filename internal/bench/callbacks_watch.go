package bench

import (
	"context"
	"slices"
	"sync"
	"time"

	"rapport/internal/clock"
	"rapport/internal/contacts"
	"rapport/internal/store"
)

// sampleEvery is of how many contacts one is watched: enough to know the 99th
// percentile, and few enough that looking costs the database nothing.
const sampleEvery = 32

// stageWatch looks how long after the answer to its event a contact's stage
// moves, again and again in the database.
type stageWatch struct {
	store   *store.Store
	ids     []contacts.ID
	every   int64
	mu      sync.Mutex
	waiting map[contacts.ID]time.Time // since when
	lags    []time.Duration
}

func watchStages(s *store.Store, ids []contacts.ID, every int64) *stageWatch {
	return &stageWatch{store: s, ids: ids, every: every, waiting: map[contacts.ID]time.Time{}}
}

// answered notes that the event of contact n is durable.
func (w *stageWatch) answered(n int64, at time.Time) {
	if n%w.every != 0 {
		return
	}
	w.mu.Lock()
	w.waiting[w.ids[n]] = at
	w.mu.Unlock()
}

// run looks every few milliseconds until stop is called, which returns how long
// stages took, ascending. Who never moved counts with the time until then.
func (w *stageWatch) run(ctx context.Context) (stop func() ([]time.Duration, error)) {
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	var failed error
	done.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for failed == nil {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				failed = w.look(context.WithoutCancel(ctx))
			}
		}
	})
	return func() ([]time.Duration, error) {
		cancel()
		done.Wait()
		if failed == nil {
			failed = w.look(context.WithoutCancel(ctx))
		}
		now := clock.System{}.Now()
		for _, since := range w.waiting {
			w.lags = append(w.lags, now.Sub(since))
		}
		slices.Sort(w.lags)
		return w.lags, failed
	}
}

func (w *stageWatch) look(ctx context.Context) error {
	w.mu.Lock()
	var ids []contacts.ID
	for id := range w.waiting {
		ids = append(ids, id)
	}
	w.mu.Unlock()
	if len(ids) == 0 {
		return nil
	}
	found, err := w.store.Contacts(ctx, ids)
	if err != nil {
		return err
	}
	now := clock.System{}.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range found {
		if c.Stage == "customer" {
			w.lags = append(w.lags, now.Sub(w.waiting[c.ID]))
			delete(w.waiting, c.ID)
		}
	}
	return nil
}
