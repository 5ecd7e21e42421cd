// Package clock is the only place that reads the time of day. Everything else
// is given a Clock or a now, so that tests, demos and simulations can run at
// any speed, or stand still.
package clock

import (
	"sync"
	"time"
)

// Clock tells the time.
type Clock interface{ Now() time.Time }

// System is the machine's clock.
type System struct{}

// Now is the time of day, in UTC.
func (System) Now() time.Time { return time.Now().UTC() }

// Fast runs a multiple of real time, from a moment on.
type Fast struct {
	start time.Time // virtual
	began time.Time // real
	speed float64
}

// NewFast starts a clock at a moment; speed is virtual seconds per real one.
func NewFast(start time.Time, speed float64) *Fast {
	return &Fast{start: start, began: time.Now(), speed: speed}
}

// Now is the virtual time.
func (f *Fast) Now() time.Time {
	return f.start.Add(time.Duration(float64(time.Since(f.began)) * f.speed)).UTC()
}

// Manual stands still until it is set.
type Manual struct {
	mu  sync.Mutex
	now time.Time
}

// NewManual makes a clock that stands at a moment.
func NewManual(now time.Time) *Manual { return &Manual{now: now.UTC()} }

// Now is the moment it was set to last.
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// Set moves the clock, in either direction.
func (m *Manual) Set(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = now.UTC()
}

// Advance moves the clock on and returns the new time.
func (m *Manual) Advance(d time.Duration) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
	return m.now
}

// Since makes a clock that agreed with the machine's at a moment, the anchor,
// and runs a multiple of real time from there on. Processes that share anchor
// and speed share the time.
func Since(anchor time.Time, speed float64) *Fast {
	return &Fast{start: anchor, began: anchor.Round(0), speed: speed}
}
