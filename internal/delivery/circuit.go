package delivery

import (
	"log/slog"
	"sync"
	"time"
)

// circuits remember what fails: a provider, or a provider's dislike of a sender
// or of a campaign. What fails is left alone for a while, and for twice as long
// each time that a trial of a few messages fails again; a trial that succeeds ends
// it. Each process learns by itself.
type circuits struct {
	mu  sync.Mutex
	log *slog.Logger
	of  map[string]*circuit
}

type circuit struct {
	since  time.Time // when it began to fail
	reason string
	wait   time.Duration
	until  time.Time // left alone until then
	trial  time.Time // when the first was let through since; zero: nobody was
}

const (
	firstWait   = 5 * time.Second
	longestWait = 10 * time.Minute
	// trialFor is how long after its beginning a trial lets messages through. Its
	// result ends it; without one, nothing goes for trialAgain.
	trialFor   = time.Second
	trialAgain = time.Minute
	// trialSize is how many messages a claim of a trial has at most.
	trialSize = 3
)

// Standing of what may fail: the zero value is that all is well.
type Standing struct {
	Since  time.Time // when it began to fail; zero: it does not
	Reason string
	Until  time.Time // nothing goes before then; zero or past: what goes is a trial
	Full   bool      // nothing is wrong, but that its day is full
	Closed bool      // by the guard or a person, as all of the sender's providers
}

// state is how a thing stands now.
func (c *circuits) state(key string, now time.Time) Standing {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.of[key]
	if k == nil {
		return Standing{}
	}
	s := Standing{Since: k.since, Reason: k.reason, Until: k.until}
	if now.Before(k.until) {
		return s
	}
	if k.trial.IsZero() || now.Sub(k.trial) >= trialAgain || now.Before(k.trial) {
		k.trial = now
	}
	if now.Sub(k.trial) >= trialFor {
		s.Until = k.trial.Add(trialAgain)
	}
	return s
}

// fail notes that a thing fails. What fails during its pause, because it had left
// before, makes the pause no longer.
func (c *circuits) fail(key, reason string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.of[key]
	switch {
	case k == nil:
		if c.of == nil {
			c.of = map[string]*circuit{}
		}
		k = &circuit{since: now, wait: firstWait}
		c.of[key] = k
		c.log.Warn("a provider is failing", "provider", key, "reason", reason)
	case now.Before(k.until):
		return
	default:
		k.wait = min(2*k.wait, longestWait)
	}
	k.reason, k.until, k.trial = reason, now.Add(k.wait), time.Time{}
}

// ok notes that a thing works.
func (c *circuits) ok(key string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.of[key]; k != nil {
		delete(c.of, key)
		c.log.Info("a provider works again", "provider", key, "after", now.Sub(k.since).Round(time.Second).String())
	}
}

// failing lists what fails.
func (c *circuits) failing() map[string]Standing {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]Standing{}
	for key, k := range c.of {
		out[key] = Standing{Since: k.since, Reason: k.reason, Until: k.until}
	}
	return out
}
