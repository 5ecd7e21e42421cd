package queuetest

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rapport/internal/queue"
)

// reserve takes tokens of the key at a time after start.
func reserve(t *testing.T, q queue.Queue, key string, r queue.Rate, n int, after time.Duration) (int, time.Duration) {
	t.Helper()
	granted, retry, err := q.Reserve(t.Context(), queue.Ask{Key: key, Rate: r, Most: n}, start.Add(after))
	check(t, err)
	return granted, retry
}

func ratePace(t *testing.T, h Harness) {
	q := h.Open(t)
	rate := queue.Rate{Per: 10, Burst: 5}
	for _, step := range []struct {
		after   time.Duration
		n       int
		granted int
		retry   time.Duration
	}{
		{0, 0, 0, 0},
		{0, 3, 3, 0},
		{0, 3, 2, 100 * time.Millisecond},
		{0, 1, 0, 100 * time.Millisecond},
		{99 * time.Millisecond, 1, 0, 1 * time.Millisecond},
		{100 * time.Millisecond, 1, 1, 0},
		{250 * time.Millisecond, 4, 1, 50 * time.Millisecond},
		{10 * time.Second, 9, 5, 100 * time.Millisecond}, // no more than a burst after a pause
	} {
		granted, retry := reserve(t, q, "provider:main", rate, step.n, step.after)
		if granted != step.granted || retry != step.retry {
			t.Errorf("%d tokens after %s: got %d, %s, want %d, %s",
				step.n, step.after, granted, retry, step.granted, step.retry)
		}
	}
}

func rateBlocks(t *testing.T, h Harness) {
	q := h.Open(t)
	rate := queue.Rate{Per: 100, Burst: 20}
	left, at, calls := 1000, time.Duration(0), 0
	for left > 0 {
		granted, retry := reserve(t, q, "k", rate, left, at)
		if left -= granted; left > 0 && retry <= 0 {
			t.Fatalf("%d are left and there is no time to try again", left)
		}
		at += retry
		if calls++; calls > 1000 {
			t.Fatalf("%d are left after %d calls", left, calls)
		}
	}
	equal(t, "time for 1,000 tokens, 20 of them at once", at.Round(time.Millisecond), 9800*time.Millisecond)
}

func rateKeys(t *testing.T, h Harness) {
	q := h.Open(t)
	rate := queue.Rate{Per: 1} // a burst of 0 counts as 1
	for _, key := range []string{"domain:gmail.com", "domain:gmx.de", "sender:mia", "{braces}", ""} {
		if granted, _ := reserve(t, q, key, rate, 2, 0); granted != 1 {
			t.Errorf("key %q: granted %d, want 1", key, granted)
		}
	}
}

func rateChanged(t *testing.T, h Harness) {
	q := h.Open(t)
	slow, fast := queue.Rate{Per: 1.0 / 3600, Burst: 1}, queue.Rate{Per: 10, Burst: 1}
	reserve(t, q, "k", slow, 1, 0)
	if granted, retry := reserve(t, q, "k", fast, 1, 0); granted != 0 || retry != 100*time.Millisecond {
		t.Errorf("got %d, %s: a faster rate must not wait for the slow one", granted, retry)
	}
	if granted, _ := reserve(t, q, "k", fast, 1, 100*time.Millisecond); granted != 1 {
		t.Errorf("granted %d, want 1", granted)
	}
	// A clock that is set back by an hour costs one interval, not an hour.
	if granted, retry := reserve(t, q, "k", fast, 1, -time.Hour); granted != 0 || retry != 100*time.Millisecond {
		t.Errorf("after the clock was set back: got %d, %s", granted, retry)
	}
}

func rateImpossible(t *testing.T, h Harness) {
	q := h.Open(t)
	for _, per := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if _, _, err := q.Reserve(t.Context(), queue.Ask{Key: "k", Rate: queue.Rate{Per: per}, Most: 1}, start); err == nil {
			t.Errorf("a rate of %v is accepted", per)
		}
	}
	_, _, err := q.Reserve(t.Context(), queue.Ask{Key: "provider:main", Most: 1}, start)
	const want = `the rate of "provider:main" is 0 per second: it must be above 0 and finite`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// rateExact has four processes ask for blocks while a shared clock runs, and
// then looks at every window of time between two grants.
func rateExact(t *testing.T, h Harness) {
	const (
		processes = 4
		calls     = 400
		tick      = 700 * time.Microsecond
	)
	rate := queue.Rate{Per: 3000, Burst: 40}
	type grant struct {
		at time.Duration
		n  int
	}
	var clock atomic.Int64 // since start
	var mu sync.Mutex
	var grants []grant
	var wg sync.WaitGroup
	for p := range processes {
		q := h.Open(t)
		wg.Go(func() {
			for c := range calls {
				at := time.Duration(clock.Add(int64(tick)))
				n, _, err := q.Reserve(t.Context(), queue.Ask{Key: "shared", Rate: rate, Most: 1 + (p+c)%7}, start.Add(at))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				grants = append(grants, grant{at, n})
				mu.Unlock()
			}
		})
	}
	wg.Wait()

	slices.SortFunc(grants, func(a, b grant) int { return int(a.at - b.at) })
	total := 0
	for i := range grants {
		sum := 0
		for _, g := range grants[i:] {
			sum += g.n
			if most := float64(rate.Burst) + rate.Per*(g.at-grants[i].at).Seconds(); float64(sum) > most+1e-3 {
				t.Fatalf("%d tokens between %s and %s, at most %.2f are allowed", sum, grants[i].at, g.at, most)
			}
		}
		total += grants[i].n
	}
	// They asked for more than there is, so nearly all must have been given out.
	elapsed := time.Duration(clock.Load()).Seconds()
	if least := rate.Per*elapsed - float64(processes*7); float64(total) < least {
		t.Errorf("%d tokens in %.3f s: at least %.0f were there", total, elapsed, least)
	}
}
