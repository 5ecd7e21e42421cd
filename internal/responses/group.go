package responses

import (
	"context"
	"errors"
	"sync"
	"time"

	"rapport/internal/store"
)

// groupLimit is how many events go into one transaction at most.
const groupLimit = 1000

// waitingLimit is how many events may wait for their transaction at most. It is
// more than the store takes in a second, so that only a store that is far behind
// turns anybody away, and the memory of those who wait stays small.
const waitingLimit = 50_000

// ErrBusy says that the store is so far behind that nothing more is taken in.
// Nothing was stored; bringing it again a little later is right.
var ErrBusy = errors.New("too many events wait for the store")

// commitTimeout bounds one transaction. It is its own, and not a request's: the
// events of others are in it too.
const commitTimeout = 10 * time.Second

// A second transaction begins beside one that runs where so many events wait: while
// the database works on the one, the other is made ready. Fewer are better off
// waiting, because what a transaction costs by itself is shared by all in it.
const secondFrom = 100

// Group is an Ingester for many who bring little each. What comes while a
// commit runs is stored together by the next one, so that thousands of single
// events a second need no timer and few commits.
type Group struct {
	store   Ingester
	mu      sync.Mutex
	waiting []*request
	events  int // in waiting
	running int // transactions
}

type request struct {
	in      []store.Incoming
	now     time.Time
	results []store.Result
	err     error
	done    chan struct{}
}

// NewGroup makes a Group in front of a store.
func NewGroup(s Ingester) *Group { return &Group{store: s} }

// Ingest returns when the events are durable, or have failed. If the context
// ends first, what becomes of them is not known; bringing them again is harmless.
// It fails with ErrBusy at once when too much waits already.
func (g *Group) Ingest(ctx context.Context, in []store.Incoming, now time.Time) ([]store.Result, error) {
	if len(in) == 0 {
		return nil, nil
	}
	r := &request{in: in, now: now, done: make(chan struct{})}
	g.mu.Lock()
	if g.events+len(in) > waitingLimit {
		g.mu.Unlock()
		return nil, ErrBusy
	}
	g.waiting, g.events = append(g.waiting, r), g.events+len(in)
	if g.running == 0 || g.running == 1 && g.events >= secondFrom {
		g.running++
		go g.drain(context.WithoutCancel(ctx))
	}
	g.mu.Unlock()
	select {
	case <-r.done:
		return r.results, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// drain commits until nothing waits, or too little for two.
func (g *Group) drain(ctx context.Context) {
	for {
		g.mu.Lock()
		if g.events == 0 || g.running > 1 && g.events < secondFrom {
			g.running--
			g.mu.Unlock()
			return
		}
		batch := g.take()
		g.mu.Unlock()
		g.commit(ctx, batch)
	}
}

// take removes the next requests, as many as fit into one transaction.
func (g *Group) take() []*request {
	n, events := 0, 0
	for n < len(g.waiting) && (n == 0 || events+len(g.waiting[n].in) <= groupLimit) {
		events += len(g.waiting[n].in)
		n++
	}
	g.events -= events
	batch := g.waiting[:n:n]
	if g.waiting = g.waiting[n:]; len(g.waiting) == 0 {
		g.waiting = nil
	}
	return batch
}

func (g *Group) commit(ctx context.Context, batch []*request) {
	err := g.store1(ctx, batch)
	// One request that the store refuses must not take the others with it;
	// a store that does not answer would not answer them one by one either.
	if err != nil && len(batch) > 1 && !errors.Is(err, context.DeadlineExceeded) {
		for _, r := range batch {
			r.err = g.store1(ctx, []*request{r})
			close(r.done)
		}
		return
	}
	for _, r := range batch {
		r.err = err
		close(r.done)
	}
}

// store1 stores the events of some requests in one transaction.
func (g *Group) store1(ctx context.Context, batch []*request) error {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	var all []store.Incoming
	now := batch[0].now
	for _, r := range batch {
		all = append(all, r.in...)
		if r.now.After(now) {
			now = r.now
		}
	}
	results, err := g.store.Ingest(ctx, all, now)
	if err != nil {
		return err
	}
	for _, r := range batch {
		r.results, results = results[:len(r.in):len(r.in)], results[len(r.in):]
	}
	return nil
}
