package web

import (
	"context"
	"sync"
	"time"
)

// cached keeps what is expensive to count. It is counted anew at most every
// freshFor, and at most a twentieth of the time goes into counting.
type cached[T any] struct {
	count func(context.Context) (T, error)
	now   func() time.Time
	mu    sync.Mutex // held while counting: whoever asks meanwhile gets that result
	value T
	until time.Time
	known bool
}

const (
	freshFor = time.Second
	dearness = 20
)

func newCached[T any](now func() time.Time, count func(context.Context) (T, error)) *cached[T] {
	return &cached[T]{count: count, now: now}
}

func (c *cached[T]) get(ctx context.Context) (T, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	began := c.now()
	if c.known && began.Before(c.until) {
		return c.value, nil
	}
	value, err := c.count(ctx)
	if err != nil {
		return value, err
	}
	done := c.now()
	c.value, c.known = value, true
	c.until = done.Add(max(freshFor, dearness*done.Sub(began)))
	return value, nil
}

// forget makes the next look count anew.
func (c *cached[T]) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = false
}

// rate is how fast a sum grows, seen over the last half minute.
type rate struct {
	mu     sync.Mutex
	points []point
}

type point struct {
	at  time.Time
	sum int64
}

const rateOver = 30 * time.Second

// see notes a sum and returns its growth per second; ok is false until there
// is a second point to compare with.
func (r *rate) see(at time.Time, sum int64) (perSecond float64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.points); n > 0 && at.Sub(r.points[n-1].at) > 2*rateOver {
		r.points = nil // nobody has looked for a while
	}
	if n := len(r.points); n == 0 || at.Sub(r.points[n-1].at) >= freshFor {
		r.points = append(r.points, point{at, sum})
	}
	for len(r.points) > 2 && at.Sub(r.points[1].at) >= rateOver {
		r.points = r.points[1:]
	}
	first, last := r.points[0], r.points[len(r.points)-1]
	seconds := last.at.Sub(first.at).Seconds()
	if seconds <= 0 {
		return 0, false
	}
	return float64(last.sum-first.sum) / seconds, true
}
