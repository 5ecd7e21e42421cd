package delivery

import (
	"errors"
	"sync"
	"time"
)

// said keeps a fault that lasts from filling the log: the same words are news
// again after a while, and any words after a second.
type said struct {
	mu   sync.Mutex
	what string
	at   time.Time
}

// root is the first cause of an error: what is wrapped round it names other batches
// each time.
func root(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// repeatAfter is how long the same words are no news.
const repeatAfter = 30 * time.Second

func (s *said) news(what string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.what == what && now.Sub(s.at) < repeatAfter || !s.at.IsZero() && now.Sub(s.at) < time.Second {
		return false
	}
	s.what, s.at = what, now
	return true
}
