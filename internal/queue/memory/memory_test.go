package memory

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"rapport/internal/queue"
	"rapport/internal/queue/queuetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is virtual time.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func TestContract(t *testing.T) {
	queuetest.Run(t, func(t *testing.T) queuetest.Harness {
		c := &clock{t: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
		q := New(c.now)
		t.Cleanup(func() { q.Close() })
		return queuetest.Harness{
			Open: func(*testing.T) queue.Queue { return q },
			Age:  func(_ *testing.T, d time.Duration) { c.advance(d) },
		}
	})
}

// In a bubble of synctest the clock stands still while anything runs, so that
// "at once" and "after the wait" can be told apart exactly.
func TestTakeWaitsWithoutPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(time.Now)
		began := time.Now()
		go func() {
			time.Sleep(3 * time.Second) // virtual
			if err := q.Push(t.Context(), "50.mia", 1); err != nil {
				t.Error(err)
			}
		}()
		entries, err := q.Take(t.Context(), "a", []string{"50.mia"}, 5, time.Minute)
		if err != nil || len(entries) != 1 || time.Since(began) != 3*time.Second {
			t.Errorf("got %v, %v after %s, want one entry after 3s", entries, err, time.Since(began))
		}
		began = time.Now()
		entries, err = q.Take(t.Context(), "a", []string{"50.mia"}, 5, time.Minute)
		if err != nil || len(entries) != 0 || time.Since(began) != time.Minute {
			t.Errorf("got %v, %v after %s, want nothing after 1m", entries, err, time.Since(began))
		}
	})
}

func TestIdleRatesAreForgotten(t *testing.T) {
	q := New(time.Now)
	defer q.Close()
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	rate := queue.Rate{Per: 1, Burst: 1}
	const keys = 3 * pruneFrom
	for n := range keys {
		key := "domain:" + string(rune('a'+n%26)) + time.Duration(n).String()
		if _, _, err := q.Reserve(t.Context(), queue.Ask{Key: key, Rate: rate, Most: 1}, now.Add(time.Duration(n)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	if len(q.rates) > pruneFrom+1 {
		t.Errorf("%d of %d rates are kept", len(q.rates), keys)
	}
}
