package delivery

import (
	"context"
	"sync"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/queue"
)

// tokens asks the lane's provider rate for what may leave now. What a claim does
// not use goes into spare[provider], for the next one: most batches of a campaign
// that an event starts are of one message.
func (w *Worker) tokens(ctx context.Context, applied *catalog.Applied, lane string, now time.Time) (limit int, provider string, wait time.Duration, err error) {
	route, err := w.Router.Route(applied, queue.Sender(lane), "")
	// Without a way there is no rate either: the claim finds another sender, or
	// holds the messages with the reason and lets them expire in time.
	if err != nil || route.Rate.Per == 0 {
		return claimSize, "", 0, nil
	}
	// What leaves within a second, and never more than a batch.
	n := min(max(int(route.Rate.Per), 1), claimSize)
	if limit = w.spare.take(route.Name, n, now); limit == n {
		return limit, route.Name, 0, nil
	}
	granted, wait, err := w.Queue.Reserve(ctx, "provider:"+route.Name, route.Rate, n-limit, now)
	if err != nil {
		w.spare.put(route.Name, limit, now)
		return 0, "", 0, err
	}
	return limit + granted, route.Name, wait, nil
}

// spare are tokens that were granted and not used, for each provider.
type spare struct {
	mu   sync.Mutex
	left map[string]granted
}

type granted struct {
	n  int
	at time.Time // of the oldest of them
}

// spareFor is how long a token may lie: longer, and it would leave in a burst
// that the rate does not allow.
const spareFor = time.Second

func (s *spare) take(provider string, n int, now time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.left[provider]
	if age := now.Sub(g.at); age < 0 || age >= spareFor {
		delete(s.left, provider)
		return 0
	}
	n = min(n, g.n)
	g.n -= n
	s.left[provider] = g
	return n
}

func (s *spare) put(provider string, n int, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n == 0 || provider == "" {
		return
	}
	if s.left == nil {
		s.left = map[string]granted{}
	}
	g := s.left[provider]
	if g.n == 0 || now.Sub(g.at) >= spareFor {
		g = granted{at: now}
	}
	g.n += n
	s.left[provider] = g
}
