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
func (q *Queue) Reserve(ctx context.Context, ask queue.Ask, now time.Time) (granted int, retryAfter time.Duration, err error) {
	if err := ask.Rate.Check(ask.Key); err != nil {
		return 0, 0, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.usable(ctx); err != nil {
		return 0, 0, err
	}
	l := q.rates[ask.Key].Line
	l.Bucket, granted, retryAfter = ask.Rate.Reserve(l.Bucket, now, ask)
	q.keep(ask.Key, ask.Rate, l, now)
	return granted, retryAfter, nil
}

// Admit implements queue.Limiter; the clock is now.
func (q *Queue) Admit(ctx context.Context, arrivals []queue.Arrival, now time.Time) ([]queue.Admission, error) {
	for _, a := range arrivals {
		if err := a.Rate.Check(a.Key); err != nil {
			return nil, err
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.usable(ctx); err != nil {
		return nil, err
	}
	out := make([]queue.Admission, len(arrivals))
	for i, a := range arrivals {
		key := "line:" + a.Key // apart from Reserve's of that name, as in Redis
		var l queue.Line
		l, out[i] = a.Rate.Admit(q.rates[key].Line, now, a)
		q.keep(key, a.Rate, l, now)
	}
	return out, nil
}

// kept is the state of one rate, and when it will be as good as new.
type kept struct {
	queue.Line
	clear time.Time
}

// keep notes the state of a rate, and forgets those that are as good as new. It
// looks when the map has doubled, so that it costs little on each call.
func (q *Queue) keep(key string, r queue.Rate, l queue.Line, now time.Time) {
	q.rates[key] = kept{l, now.Add(r.Clear(l))}
	if len(q.rates) < q.prune {
		return
	}
	for key, k := range q.rates {
		if !k.clear.After(now) {
			delete(q.rates, key)
		}
	}
	q.prune = max(pruneFrom, 2*len(q.rates))
}
