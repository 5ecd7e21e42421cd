package outbox

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

var day = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// The example of the specification of Standard Webhooks.
func TestSignAsTheSpecificationDoes(t *testing.T) {
	got := Sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", `{"test": 2432232314}`)
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestWhatBecomesOfACall(t *testing.T) {
	o := New(Config{Clock: clock.NewManual(day), Log: slog.New(slog.DiscardHandler)})
	secret := &url.Error{Op: "Post", URL: "https://crm.example/hook?key=secret", Err: errors.New("connection refused")}
	for name, c := range map[string]struct {
		answer      answer
		written     time.Duration // ago
		attempts    int64
		state, says string
		from, to    time.Duration // the next attempt
	}{
		"taken":             {answer{status: 202}, 0, 1, store.CallDelivered, "", 0, 0},
		"a fault":           {answer{status: 500}, 0, 1, store.CallWaiting, "answered 500 Internal Server Error", 5 * time.Second, 8 * time.Second},
		"led elsewhere":     {answer{status: 302}, 0, 1, store.CallWaiting, "answered 302 Found", 5 * time.Second, 8 * time.Second},
		"the tenth time":    {answer{status: 404}, time.Hour, 10, store.CallWaiting, "answered 404 Not Found", 42 * time.Minute, 64 * time.Minute},
		"the fiftieth time": {answer{status: 404}, 24 * time.Hour, 50, store.CallWaiting, "answered 404 Not Found", 4 * time.Hour, 6 * time.Hour},
		"asked to wait":     {answer{status: 429, after: time.Minute}, 0, 1, store.CallWaiting, "answered 429 Too Many Requests", time.Minute, time.Minute},
		"no answer":         {answer{err: secret}, 0, 1, store.CallWaiting, "no answer: connection refused", 5 * time.Second, 8 * time.Second},
		"nobody any more":   {answer{status: 410}, 0, 1, store.CallFailed, "answered 410 Gone", 0, 0},
		"too late":          {answer{status: 500}, 71 * time.Hour, 30, store.CallFailed, "answered 500 Internal Server Error", 0, 0},
	} {
		r := store.CallResult{WaitingCall: store.WaitingCall{ID: "msg_1", Attempts: c.attempts, Created: day.Add(-c.written)}}
		o.judge(&r, c.answer)
		if r.State != c.state || r.Reason != c.says {
			t.Errorf("%s: %s %q, want %s %q", name, r.State, r.Reason, c.state, c.says)
		}
		if next := r.Next.Sub(day); c.to == 0 && !r.Next.IsZero() || c.to > 0 && (next < c.from || next > c.to) {
			t.Errorf("%s: next in %s, want from %s to %s", name, next, c.from, c.to)
		}
	}
}

// shelf is a store of two webhooks' calls.
type shelf struct {
	Store
	mu   sync.Mutex
	left map[string]int
	done chan store.CallResult
}

func (s *shelf) CallsWait(_ context.Context, webhook string, _ time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left[webhook] > 0, nil
}

func (s *shelf) TakeCalls(_ context.Context, webhook string, _, _ time.Time, _ int) ([]store.WaitingCall, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left[webhook]--
	return []store.WaitingCall{{ID: "msg_" + webhook, Webhook: webhook, Attempts: 1, Created: day}}, nil
}

func (s *shelf) FinishCalls(_ context.Context, results []store.CallResult, _ time.Time) error {
	for _, r := range results {
		s.done <- r
	}
	return nil
}

func (s *shelf) GiveUpCalls(context.Context, time.Time, time.Time, int) (int, error) { return 0, nil }

func TestASlowReceiverHoldsUpNoOther(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if strings.HasSuffix(q.URL.Path, "slow") {
			<-release
		}
	}))
	defer server.Close()
	s := &shelf{left: map[string]int{"slow": 1, "quick": 3}, done: make(chan store.CallResult, 4)}
	applied := &catalog.Applied{Workspace: &workspace.Workspace{Webhooks: map[string]workspace.Webhook{
		"slow": {Name: "slow", URL: server.URL + "/slow"}, "quick": {Name: "quick", URL: server.URL + "/quick"}}}}
	o := New(Config{Store: s, Applied: func() *catalog.Applied { return applied }, Clock: clock.NewManual(day), Log: slog.New(slog.DiscardHandler),
		Leaves: func(*catalog.Applied, string) bool { return true }})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { o.Run(ctx, context.WithoutCancel(ctx), time.Millisecond); close(ended) }()
	for range 3 {
		if r := <-s.done; r.Webhook != "quick" || r.State != store.CallDelivered {
			t.Fatalf("%+v", r)
		}
	}
	close(release)
	if r := <-s.done; r.Webhook != "slow" || r.State != store.CallDelivered {
		t.Errorf("%+v", r)
	}
	stop()
	<-ended
}

// silent is a store that does not answer any more once a call was made.
type silent struct {
	*shelf
	asked chan struct{}
}

func (s *silent) FinishCalls(ctx context.Context, _ []store.CallResult, _ time.Time) error {
	s.asked <- struct{}{}
	<-ctx.Done()
	return ctx.Err()
}

func TestAStopWaitsForASilentStoreUntilItsTimeIsOver(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	s := &silent{&shelf{left: map[string]int{"crm": 1}}, make(chan struct{})}
	applied := &catalog.Applied{Workspace: &workspace.Workspace{Webhooks: map[string]workspace.Webhook{"crm": {Name: "crm", URL: server.URL}}}}
	o := New(Config{Store: s, Applied: func() *catalog.Applied { return applied }, Clock: clock.NewManual(day), Log: slog.New(slog.DiscardHandler),
		Leaves: func(*catalog.Applied, string) bool { return true }})
	ctx, stop := context.WithCancel(t.Context())
	finish, over := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { o.Run(ctx, finish, time.Millisecond); close(ended) }()
	<-s.asked
	stop()
	select {
	case <-ended:
		t.Error("it did not wait for what it had asked of the store")
	default:
	}
	over()
	<-ended
}
