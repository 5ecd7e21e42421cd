package responses

import (
	"context"
	"sync"
	"time"

	"rapport/internal/store"
)

// later keeps opens and clicks that the store could not take when they
// happened, and brings them in when it can. It is bounded: when it is full the
// newest are turned away, for the oldest tell of people who have waited longest
// to be believed.
type later struct {
	to    Ingester
	limit int
	mu    sync.Mutex
	list  []store.Incoming
}

func newLater(to Ingester, limit int) *later { return &later{to: to, limit: limit} }

// put reports whether there was room.
func (l *later) put(in ...store.Incoming) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.list)+len(in) > l.limit {
		return false
	}
	l.list = append(l.list, in...)
	return true
}

func (l *later) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.list)
}

// flush brings in what waits, and stops at the first failure. Only one flush
// may run at a time. What is in doubt is brought again: its key keeps a second
// copy out.
func (l *later) flush(ctx context.Context, now time.Time) (stored []store.Incoming, err error) {
	for {
		l.mu.Lock()
		batch := l.list[:min(len(l.list), groupLimit)]
		l.mu.Unlock()
		if len(batch) == 0 {
			return stored, nil
		}
		if _, err := l.to.Ingest(ctx, batch, now); err != nil {
			return stored, err
		}
		stored = append(stored, batch...)
		l.mu.Lock()
		if l.list = l.list[len(batch):]; len(l.list) == 0 {
			l.list = nil
		}
		l.mu.Unlock()
	}
}
