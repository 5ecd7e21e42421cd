package outbox

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/store"
)

// Store is where calls are kept.
type Store interface {
	CallsWait(ctx context.Context, webhook string, now time.Time) (bool, error)
	TakeCalls(ctx context.Context, webhook string, now, until time.Time, limit int) ([]store.WaitingCall, error)
	FinishCalls(ctx context.Context, results []store.CallResult, now time.Time) error
	GiveUpCalls(ctx context.Context, since, now time.Time, limit int) (int, error)
}

// Config is what an Outbox needs.
type Config struct {
	Store   Store
	Applied func() *catalog.Applied
	Clock   clock.Clock
	Log     *slog.Logger
	// Leaves reports whether anything about a contact with this address may leave
	// the house: where mail is caught, calls are too.
	Leaves func(applied *catalog.Applied, email string) bool
	// Client makes the requests; nil is one with a time-out that follows no
	// redirects.
	Client *http.Client
}

const (
	together = 16               // calls to one webhook at once
	timeout  = 15 * time.Second // of one call
	lease    = 2 * time.Minute  // in which somebody who took calls has made them
	patience = 72 * time.Hour   // from when a call was written
	sweep    = time.Minute      // between looks for calls to give up
	most     = 500              // of them at once
)

// Outbox makes the calls of one process.
type Outbox struct {
	Config
	swept time.Time

	mu      sync.Mutex
	working map[string]bool // webhooks that are being called
}

// New makes an outbox.
func New(c Config) *Outbox {
	if c.Client == nil {
		c.Client = &http.Client{Timeout: timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return &Outbox{Config: c, working: map[string]bool{}}
}

// Run makes calls as they come due, each webhook by itself, until ctx ends, and waits
// until what became of those that are being made is noted, or finish ends. A call of
// which nothing is noted is made again when its lease is over.
func (o *Outbox) Run(ctx, finish context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var calls sync.WaitGroup
	defer calls.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, name := range o.names() {
			if o.begin(name) {
				calls.Go(func() {
					defer o.end(name)
					o.work(ctx, finish, name)
				})
			}
		}
		if _, err := o.giveUp(ctx); err != nil && ctx.Err() == nil {
			o.Log.Error("cannot look for calls that nobody answers", "error", err)
		}
	}
}

// work calls one webhook until nothing is due.
func (o *Outbox) work(ctx, finish context.Context, name string) {
	for ctx.Err() == nil {
		n, err := o.call(ctx, finish, name)
		if err != nil && ctx.Err() == nil {
			o.Log.Error("cannot work on what is to be told", "webhook", name, "error", err)
		}
		if err != nil || n == 0 {
			return
		}
	}
}

// Tick makes all calls that are due, once, and returns how many there were.
func (o *Outbox) Tick(ctx context.Context) (did int, err error) {
	for _, name := range o.names() {
		n, err := o.call(ctx, context.WithoutCancel(ctx), name)
		did += n
		if err != nil {
			return did, err
		}
	}
	n, err := o.giveUp(ctx)
	return did + n, err
}

func (o *Outbox) names() []string {
	applied := o.Applied()
	if applied == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(applied.Webhooks))
}

func (o *Outbox) begin(name string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.working[name] {
		return false
	}
	o.working[name] = true
	return true
}

func (o *Outbox) end(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.working, name)
}

// call makes calls to one webhook that are due, all at once.
func (o *Outbox) call(ctx, finish context.Context, name string) (int, error) {
	now := o.Clock.Now()
	if waits, err := o.Store.CallsWait(ctx, name, now); err != nil || !waits {
		return 0, err
	}
	applied := o.Applied()
	webhook, known := applied.Webhooks[name]
	if !known {
		return 0, nil
	}
	taken, err := o.Store.TakeCalls(ctx, name, now, now.Add(lease), together)
	if err != nil {
		return 0, err
	}
	results := make([]store.CallResult, len(taken))
	var calls sync.WaitGroup
	for i, c := range taken {
		results[i].WaitingCall = c
		if !o.Leaves(applied, c.Email) {
			results[i].State, results[i].Reason = store.CallCaught, "mail to this contact does not leave the house"
			continue
		}
		calls.Go(func() { o.judge(&results[i], o.post(ctx, webhook, c)) })
	}
	calls.Wait()
	// What was answered is noted even if the process is about to stop.
	return len(taken), o.Store.FinishCalls(finish, results, o.Clock.Now())
}

func (o *Outbox) giveUp(ctx context.Context) (int, error) {
	now := o.Clock.Now()
	if now.Sub(o.swept) < sweep {
		return 0, nil
	}
	o.swept = now
	n, err := o.Store.GiveUpCalls(ctx, now.Add(-patience), now, most)
	if n > 0 {
		o.Log.Warn("gave up telling a webhook; each contact's history says why", "calls", n)
	}
	return n, err
}
