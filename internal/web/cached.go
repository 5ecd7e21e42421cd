package web

import (
	"context"
	"sync"
	"time"
)

// cached keeps what is expensive to count. It is counted anew at most every
// freshFor, and at most a twentieth of the time goes into counting. It is counted
// for all who ask: it goes on when the one who was first has closed the page.
type cached[T any] struct {
	count func(context.Context) (T, error)
	now   func() time.Time
	mu    sync.Mutex // held while counting: whoever asks meanwhile gets that result
	value T
	err   error
	until time.Time
	known bool
}

const (
	freshFor = time.Second
	dearness = 20
	// countPatience bounds one count: a page comes without it before a reader has
	// gone.
	countPatience = 20 * time.Second
)

func newCached[T any](now func() time.Time, count func(context.Context) (T, error)) *cached[T] {
	return &cached[T]{count: count, now: now}
}

func (c *cached[T]) get(ctx context.Context) (T, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	began := c.now()
	if c.known && began.Before(c.until) {
		return c.value, c.err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), countPatience)
	defer cancel()
	c.value, c.err = c.count(ctx)
	done, dear := c.now(), dearness
	if c.err != nil {
		dear = 1 // it may be over soon
	}
	c.known, c.until = true, done.Add(max(freshFor, time.Duration(dear)*done.Sub(began)))
	return c.value, c.err
}

// forget makes the next look count anew.
func (c *cached[T]) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = false
}

// cachedBy is one cached for each name.
type cachedBy[T any] struct {
	count func(ctx context.Context, name string) (T, error)
	now   func() time.Time
	mu    sync.Mutex
	of    map[string]*cached[T]
}

func newCachedBy[T any](now func() time.Time, count func(context.Context, string) (T, error)) *cachedBy[T] {
	return &cachedBy[T]{count: count, now: now, of: map[string]*cached[T]{}}
}

func (c *cachedBy[T]) get(ctx context.Context, name string) (T, error) {
	c.mu.Lock()
	one := c.of[name]
	if one == nil {
		one = newCached(c.now, func(ctx context.Context) (T, error) { return c.count(ctx, name) })
		c.of[name] = one
	}
	c.mu.Unlock()
	return one.get(ctx)
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
