package delivery

import (
	"sync"
	"time"
)

// said keeps a fault that lasts from filling the log: the same words are news
// again after a while.
type said struct {
	mu   sync.Mutex
	what string
	at   time.Time
}

// repeatAfter is how long the same words are no news.
const repeatAfter = 30 * time.Second

func (s *said) news(what string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.what == what && now.Sub(s.at) < repeatAfter {
		return false
	}
	s.what, s.at = what, now
	return true
}
