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

	provider string // through whom it goes; "" where that is not known
	today    quota  // of a provider that grows day by day
	full     string // with limit 0: why nothing more goes today; the messages are told
}

// limited is what a lane's mail must pass: a rate, or something that may be
// failing.
type limited struct {
	key      string
	rate     queue.Rate // Per 0: none
	slow     slowKey    // of a rate that this process keeps by itself
	standing Standing
}

// limits are what a lane's mail must pass now: its provider, its sender, and the
// provider's opinion of its campaign.
func (w *Worker) limits(applied *catalog.Applied, lane string, now time.Time) (out []limited, provider string) {
	sender := applied.LaneSender(lane)
	// Without a way there is no limit either: the claim finds another sender, or
	// holds the messages with the reason and lets them expire in time.
	route, err := w.Router.Route(applied, sender, "")
	if err != nil || route.Mailbox {
		return nil, ""
	}
	out = []limited{{key: "provider:" + route.Name, rate: route.Rate, standing: route.Standing}}
	refused := refusedContent(route.Name, queue.Campaign(lane))
	out = append(out, limited{key: "campaign:" + refused, standing: w.refused.state(refused, now)})
	if s := applied.Senders[sender]; s.Rate > 0 {
		out = append(out, limited{key: "sender:" + sender, rate: paced(s.Rate)})
	}
	if key := (slowKey{provider: route.Name}); !w.slow.none() {
		if rate, slowed := w.slow.rate(key, now); slowed {
			out = append(out, limited{key: "slow:" + route.Name, rate: rate, slow: key})
		}
	}
	return out, route.Name
}

// tokens asks for what of a lane may leave now: by the rates, and by the day's
// ceiling of the provider. One whose day is full is left for the sender's next.
func (w *Worker) tokens(ctx context.Context, applied *catalog.Applied, lane string, now time.Time) (allowance, error) {
	for range mostProviders {
		a, err := w.rates(ctx, applied, lane, now)
		if err != nil || a.limit == 0 {
			return a, err
		}
		ok, err := w.withinDay(ctx, applied, &a, now)
		if ok || err != nil {
			return a, err
		}
	}
	return allowance{closed: "provider:", until: now.Add(inHand)}, nil
}

// mostProviders is how many of a sender's providers are asked at once.
const mostProviders = 8

func (w *Worker) rates(ctx context.Context, applied *catalog.Applied, lane string, now time.Time) (allowance, error) {
	a := allowance{limit: claimSize, split: store.BatchSize}
	limits, provider := w.limits(applied, lane, now)
	a.provider = provider
	for _, l := range limits {
		if l.standing.Until.After(now) {
			a = allowance{closed: l.key, until: l.standing.Until}
			if l.standing.Full {
				a.full = l.standing.Reason
			}
			if l.standing.Closed { // once opened, it is open at once
				a.closed = ""
			}
			return a, nil
		}
		if !l.standing.Since.IsZero() { // on trial
			a.limit = trialSize
		}
	}
	var granted []int
	for _, l := range limits {
		if l.rate.Per <= 0 {
			continue
		}
		least, most := portion(l.rate)
		ask := queue.Ask{Key: l.key, Rate: l.rate, Back: w.spare.take(l.key), Least: min(least, a.limit), Most: min(most, a.limit)}
		n, wait, err := w.reserve(ctx, l, ask, now)
		if err != nil {
			w.spare.put(l.key, ask.Back)
		}
		if err != nil || n == 0 {
			for i, key := range a.keys {
				w.spare.put(key, granted[i])
			}
			return allowance{closed: l.key, until: now.Add(wait)}, err
		}
		a.keys, granted = append(a.keys, l.key), append(granted, n)
		a.limit, a.split = min(a.limit, n), min(a.split, least)
	}
	for i, key := range a.keys {
		w.spare.put(key, granted[i]-a.limit)
	}
	return a, nil
}

func (w *Worker) reserve(ctx context.Context, l limited, ask queue.Ask, now time.Time) (int, time.Duration, error) {
	if l.slow != (slowKey{}) {
		n, wait := w.slow.reserve(l.slow, ask, now)
		return n, wait, nil
	}
	return w.Queue.Reserve(ctx, ask, now)
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
