package memory

import (
	"context"
	"time"

	"rapport/internal/queue"
)

// pruneFrom is the number of keys from which on idle ones are dropped: recipient
// domains are keys, and a list may have a hundred thousand of them.
const pruneFrom = 4096

// Reserve implements queue.Limiter; the clock is now.
func (q *Queue) Reserve(ctx context.Context, key string, rate queue.Rate, n int, now time.Time) (granted int, retryAfter time.Duration, err error) {
	if err := rate.Check(key); err != nil {
		return 0, 0, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.usable(ctx); err != nil {
		return 0, 0, err
	}
	b, granted, retryAfter := rate.Reserve(q.buckets[key].Bucket, now, n)
	q.buckets[key] = bucket{b, now.Add(rate.Full(b))}
	q.dropIdle(now)
	return granted, retryAfter, nil
}

// bucket is the state of one rate, and when it will be as good as new.
type bucket struct {
	queue.Bucket
	full time.Time
}

// dropIdle forgets rates that are as good as new. It looks when the map has
// doubled, so that it costs little on each call.
func (q *Queue) dropIdle(now time.Time) {
	if len(q.buckets) < q.prune {
		return
	}
	for key, b := range q.buckets {
		if !b.full.After(now) {
			delete(q.buckets, key)
		}
	}
	q.prune = max(pruneFrom, 2*len(q.buckets))
}
