package delivery

import (
	"sync"
	"time"

	"rapport/internal/queue"
)

// slowKey is whom mail goes through and whose it is. An empty group is all that
// goes through the provider.
type slowKey struct{ provider, group string }

// slow remembers who asked for fewer messages, and sends them fewer for a while.
// What asks is no fault of a message, so the whole lane slows down: to half of
// what went in the last minute, again by half for every half minute in which it
// is asked once more, and back up by half every two minutes of peace.
//
// Each process learns by itself: its own half of its own share.
type slow struct {
	mu   sync.Mutex
	keys map[slowKey]*slowed
	// What went, by minute: this one and the one before.
	minute      time.Time
	went, going map[slowKey]int
}

type slowed struct {
	per   float64 // messages a second
	full  float64 // at which it is over
	asked time.Time
	grown time.Time
	line  queue.Line
}

const (
	slowest   = 0.1 // messages a second
	askedOnce = 30 * time.Second
	growEvery = 2 * time.Minute
)

func (s *slow) none() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.keys) == 0
}

// sent counts what went.
func (s *slow) sent(key slowKey, n int, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn(now)
	s.going[key] += n
}

func (s *slow) turn(now time.Time) {
	if m := now.Truncate(time.Minute); !m.Equal(s.minute) {
		s.went = s.going
		if m.Sub(s.minute) > time.Minute {
			s.went = nil
		}
		s.minute, s.going = m, map[slowKey]int{}
	}
}

// ask notes that somebody asked for less. It reports whether that is news.
func (s *slow) ask(key slowKey, now time.Time) (per float64, news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn(now)
	if k := s.keys[key]; k != nil {
		if now.Sub(k.asked) >= askedOnce {
			k.per, k.asked, k.grown = max(slowest, k.per/2), now, now
		}
		return k.per, false
	}
	// The whole minute before, or what there is of this one.
	per = float64(s.went[key]) / 60
	if n := float64(s.going[key]); n > 0 {
		per = max(per, n/max(1, now.Sub(s.minute).Seconds()))
	}
	if s.keys == nil {
		s.keys = map[slowKey]*slowed{}
	}
	k := &slowed{per: max(slowest, per/2), full: max(per, 2*slowest), asked: now, grown: now}
	s.keys[key] = k
	return k.per, true
}

// rate is what may go now; slowed is false for who never asked, or whose time is
// over.
func (s *slow) rate(key slowKey, now time.Time) (rate queue.Rate, slowed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.keys[key]
	if k == nil {
		return queue.Rate{}, false
	}
	for now.Sub(k.grown) >= growEvery {
		k.per, k.grown = k.per*1.5, k.grown.Add(growEvery)
		if k.per >= k.full {
			delete(s.keys, key)
			return queue.Rate{}, false
		}
	}
	return wholeSecond(k.per), true
}

// admit is queue.Limiter.Admit for what this process knows by itself.
func (s *slow) admit(list []*crowd, now time.Time) []queue.Admission {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]queue.Admission, len(list))
	for i, c := range list {
		k := s.keys[c.slow]
		if k == nil {
			out[i] = queue.Admission{Again: c.arrival.Again, Fresh: c.arrival.Fresh}
			continue
		}
		k.line, out[i] = c.arrival.Rate.Admit(k.line, now, c.arrival)
	}
	return out
}

// reserve is queue.Limiter.Reserve for a provider that asked for less.
func (s *slow) reserve(key slowKey, ask queue.Ask, now time.Time) (granted int, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.keys[key]
	if k == nil {
		return ask.Most, 0
	}
	k.line.Bucket, granted, wait = ask.Rate.Reserve(k.line.Bucket, now, ask)
	return granted, wait
}
