package delivery

import (
	"context"
	"sync"
	"time"

	"rapport/internal/queue"
	"rapport/internal/store"
)

// claimSize is how many messages a claim aims at, and at most claims: rule 9.
const claimSize = 2 * store.BatchSize

// takeMost is how many batches a take asks for at most.
const takeMost = 64

// reclaimAfter is how long an entry of the queue may be in the hands of a
// worker before another one looks at it. The database decides what is left.
const reclaimAfter = 5 * time.Minute

// byLane groups entries that may be claimed together.
func byLane(entries []queue.Entry) [][]queue.Entry {
	var groups [][]queue.Entry
	at := map[string]int{}
	for _, e := range entries {
		i, known := at[e.Lane]
		if !known {
			i = len(groups)
			at[e.Lane] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], e)
	}
	return groups
}

// appetite is how many batches make a claim: two of a large campaign, many where
// each holds a message or two, because their contacts came one by one.
type appetite struct {
	mu      sync.Mutex
	perSize float64 // messages to a batch, lately
}

func (a *appetite) take() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.perSize < 1 {
		return claimSize / store.BatchSize
	}
	return min(max(int(claimSize/a.perSize), 1), takeMost)
}

// fit is as many of the batches as an allowance is likely to be enough for: what
// is cut off a batch is written once more.
func (a *appetite) fit(entries []queue.Entry, limit int) (now, rest []queue.Entry) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 1
	if limit == claimSize {
		n = len(entries)
	} else if a.perSize >= 1 {
		n = min(max(int(float64(limit)/a.perSize), 1), len(entries))
	}
	return entries[:n], entries[n:]
}

func (a *appetite) fed(batches, messages, limit int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	each := float64(messages) / float64(batches)
	if messages >= limit && limit < claimSize && each < a.perSize {
		return // there was more in them, and nobody looked
	}
	if each > a.perSize || a.perSize == 0 {
		a.perSize = each // a large one at once, or a claim would be cut up
		return
	}
	a.perSize = max(1, (3*a.perSize+each)/4)
}

// flowing are the lanes whose mail has a provider that is not closed: of the
// others nothing is taken, so that it waits where it is.
func (w *Worker) flowing(lanes []string) []string {
	applied := w.Catalog.Current()
	if applied == nil || !w.Router.Leaves(applied, "") {
		return lanes
	}
	return applied.OpenLanes(lanes)
}

// take takes what is ready, and what others took and never finished: of that it
// asks where nothing is ready, and now and then however long the backlog is.
func (w *Worker) take(ctx context.Context, lanes []string, wait time.Duration) ([]queue.Entry, error) {
	if wait > 0 && w.reclaims.due(w.Watch.Now()) {
		left, err := w.Queue.Reclaim(ctx, w.ID, reclaimAfter, 1)
		if err != nil || len(left) > 0 {
			w.reclaims.again() // there may be more
			return left, err
		}
	}
	now := w.Clock.Now()
	if held := w.waiting.next(now); len(held) > 0 {
		return held, nil
	}
	lanes, wait = w.waiting.open(lanes, now, wait)
	entries, err := w.Queue.Take(ctx, w.ID, lanes, w.appetite.take(), wait)
	if err != nil || len(entries) > 0 || wait == 0 {
		return entries, err
	}
	return w.Queue.Reclaim(ctx, w.ID, reclaimAfter, 1)
}

// reclaimEvery is how often a busy worker looks for what others left behind.
const reclaimEvery = 10 * time.Second

// turns tells one of many goroutines when it is time again.
type turns struct {
	mu   sync.Mutex
	last time.Time
}

func (t *turns) due(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.last) < reclaimEvery {
		return false
	}
	t.last = now
	return true
}

func (t *turns) again() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = time.Time{}
}

// lanes remembers for a moment which lanes have unsettled messages.
type lanes struct {
	mu    sync.Mutex
	names []string
	read  time.Time
}

// lanesFor is how long a new lane may go unnoticed.
const lanesFor = 200 * time.Millisecond

func (l *lanes) open(ctx context.Context, w *Worker, remembered bool) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := w.Watch.Now()
	if remembered && len(l.names) > 0 && now.Sub(l.read) < lanesFor {
		return l.names, nil
	}
	names, err := w.Store.OpenLanes(ctx)
	if err == nil {
		l.names, l.read = names, now
	}
	return names, err
}
