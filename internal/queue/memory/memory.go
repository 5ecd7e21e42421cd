package memory

import (
	"context"
	"sync"
	"time"

	"rapport/internal/queue"
)

// Queue is a queue.Queue within the process. New makes one.
type Queue struct {
	now func() time.Time

	mu      sync.Mutex
	lanes   map[string]*lane
	held    map[string]*held // by token
	tokens  uint64           // the last one given
	turn    uint64           // of queue.Order
	changed chan struct{}    // closed and replaced when an entry becomes ready
	rates   map[string]kept  // by key
	prune   int              // size of rates at which idle keys are dropped
	feeds   map[*queue.Feed]context.CancelFunc
	closed  bool
}

var _ queue.Queue = (*Queue)(nil)

// New returns an empty queue that reads the time from now, for the age of taken
// entries.
func New(now func() time.Time) *Queue {
	return &Queue{
		now:     now,
		lanes:   map[string]*lane{},
		held:    map[string]*held{},
		changed: make(chan struct{}),
		rates:   map[string]kept{},
		prune:   pruneFrom,
		feeds:   map[*queue.Feed]context.CancelFunc{},
	}
}

// Close ends waiting calls and subscriptions. What the queue held is gone.
func (q *Queue) Close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil
	}
	q.closed = true
	for _, cancel := range q.feeds {
		cancel()
	}
	q.announce()
	return nil
}

// Ping fails only after Close or when the context has ended.
func (q *Queue) Ping(ctx context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.usable(ctx)
}

// usable is asked with the lock held, before anything else.
func (q *Queue) usable(ctx context.Context) error {
	if q.closed {
		return queue.ErrClosed
	}
	return ctx.Err()
}

// announce wakes all who wait for an entry. The lock is held.
func (q *Queue) announce() {
	close(q.changed)
	q.changed = make(chan struct{})
}
