package delivery

import (
	"context"
	"math"
	"sync"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/queue"
	"rapport/internal/store"
)

// paced is a rate of so many messages a second as it is kept: a quarter of a
// second's worth may leave at once after a pause, so that any minute is within
// half a percent of the rate.
func paced(per float64) queue.Rate {
	return queue.Rate{Per: per, Burst: max(1, int(math.Ceil(per/4)))}
}

// portion is how many tokens of a rate are asked for: what leaves within a second
// and never more than a claim (rule 9), and nothing below a tenth of that second,
// so that a claim is worth its transaction.
func portion(r queue.Rate) (least, most int) {
	return min(max(1, int(r.Per/10)), store.BatchSize), min(max(1, int(r.Per)), claimSize)
}

// allowance is how many messages of a lane may leave now.
type allowance struct {
	limit int // at most so many; 0: none
	// split is how many a batch should have that must wait for the next
	// allowance: cut so once, it is claimed whole.
	split  int
	keys   []string  // whose tokens these are
	closed string    // with limit 0: the key that has none
	until  time.Time // and when it has
}

// limited is a rate that a lane's mail keeps.
type limited struct {
	key  string
	rate queue.Rate
}

// rates are those that a lane's mail keeps now: its provider's and its sender's.
func (w *Worker) rates(applied *catalog.Applied, lane string) []limited {
	var out []limited
	sender := queue.Sender(lane)
	// Without a way there is no rate either: the claim finds another sender, or
	// holds the messages with the reason and lets them expire in time.
	route, err := w.Router.Route(applied, sender, "")
	if err == nil && route.Rate.Per > 0 {
		out = append(out, limited{"provider:" + route.Name, route.Rate})
	}
	if s := applied.Senders[sender]; s.Rate > 0 && err == nil && !route.Mailbox {
		out = append(out, limited{"sender:" + sender, paced(s.Rate)})
	}
	return out
}

// tokens asks the rates of a lane for what may leave now.
func (w *Worker) tokens(ctx context.Context, applied *catalog.Applied, lane string, now time.Time) (allowance, error) {
	a := allowance{limit: claimSize, split: store.BatchSize}
	var granted []int
	for _, r := range w.rates(applied, lane) {
		least, most := portion(r.rate)
		ask := queue.Ask{Key: r.key, Rate: r.rate, Back: w.spare.take(r.key), Least: min(least, a.limit), Most: min(most, a.limit)}
		n, wait, err := w.Queue.Reserve(ctx, ask, now)
		if err != nil {
			w.spare.put(r.key, ask.Back)
		}
		if err != nil || n == 0 {
			for i, key := range a.keys {
				w.spare.put(key, granted[i])
			}
			return allowance{closed: r.key, until: now.Add(wait)}, err
		}
		a.keys, granted = append(a.keys, r.key), append(granted, n)
		a.limit, a.split = min(a.limit, n), min(a.split, least)
	}
	for i, key := range a.keys {
		w.spare.put(key, granted[i]-a.limit)
	}
	return a, nil
}

// unused takes back what a claim did not use of its allowance: most batches of a
// campaign that an event starts are of one message.
func (w *Worker) unused(a allowance, n int) {
	for _, key := range a.keys {
		w.spare.put(key, n)
	}
}

// spare are tokens that were granted and not used, by key. They go back into
// their bucket with the next ask, so they never leave in a burst.
type spare struct {
	mu   sync.Mutex
	left map[string]int
}

func (s *spare) take(key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.left[key]
	delete(s.left, key)
	return n
}

func (s *spare) put(key string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n <= 0 {
		return
	}
	if s.left == nil {
		s.left = map[string]int{}
	}
	s.left[key] += n
}
