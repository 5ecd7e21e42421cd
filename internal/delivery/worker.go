package delivery

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"rapport/campaigns"
	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/delivery/journal"
	"rapport/internal/delivery/smtp"
	"rapport/internal/queue"
	"rapport/internal/store"
	"rapport/internal/token"
)

// Store is what a worker asks of the database.
type Store interface {
	Claim(ctx context.Context, in store.ClaimInput, decide func([]store.Candidate) []store.Verdict) (store.ClaimResult, error)
	Record(ctx context.Context, outcomes []store.Outcome, by campaigns.Mover, now time.Time) ([]store.Batch, error)
	RecordAndStep(ctx context.Context, outcomes []store.Outcome, step store.Step, now time.Time) ([]store.Batch, error)
	Ingest(ctx context.Context, events []store.Incoming, now time.Time) ([]store.Result, error)
	SaveTemplate(ctx context.Context, t store.CompiledTemplate, now time.Time) error
	TakeQuota(ctx context.Context, q store.Quota) (store.Taken, error)
	CountLeaving(ctx context.Context, provider, day string, n int) error
	OpenLanes(ctx context.Context) ([]string, error)
	StartWorker(ctx context.Context, w store.Worker, now time.Time) error
	Beat(ctx context.Context, worker string) (bool, error)
	StopWorker(ctx context.Context, worker string) error
	InDoubt(ctx context.Context, worker string) ([]store.Outcome, error)
	Unheard(ctx context.Context, batches []int64, fence int64) ([]store.Outcome, error)
}

// Provider sends finished messages: a pool of SMTP connections.
type Provider interface {
	SendAll(ctx context.Context, envelopes []smtp.Envelope) []smtp.Result
}

// Route is the way a sender's mail takes now.
type Route struct {
	Name     string // of the provider; "mailbox" for the built-in one
	Provider Provider
	Rate     queue.Rate // zero: no limit
	Mailbox  bool       // nothing leaves the house
	Standing Standing   // of the provider, which may be failing
}

// Router knows the providers.
type Router interface {
	// Route is the way mail to an address takes; the queue lane and the claim
	// have chosen the sender.
	Route(applied *catalog.Applied, sender, to string) (Route, error)
	// Leaves reports whether mail to an address goes through a provider; without
	// an address, whether all mail does.
	Leaves(applied *catalog.Applied, to string) bool
	// Report tells what sending through a provider was like, so that the next
	// route can avoid one that fails.
	Report(r Report, now time.Time)
}

// Config is what a Worker needs.
type Config struct {
	ID      string
	Store   Store
	Queue   queue.Queue
	Catalog *catalog.Catalog
	Router  Router
	Tokens  *token.Signer
	Journal *journal.Journal
	// Step is the step machine, for the enrolments whose messages are settled.
	Step  func(ctx context.Context, applied *catalog.Applied, now time.Time) store.Step
	Clock clock.Clock // of the engine, which may run fast
	Watch clock.Clock // of the machine, for the lease; nil means the system's
	Log   *slog.Logger

	// Domains tells which recipient domains are one operator's; nil: the large
	// families by their names.
	Domains *Domains

	// Held hears why a message that was to leave waits on. It may be nil.
	Held func(message, campaign int64, reason string)

	Parallel int           // batches at work at once; 0 is 4
	Lease    time.Duration // how long a heartbeat counts; 0 is DataTime and a minute

	// StopWithin is how long Run takes at most once its context has ended; 0 is
	// the constant of that name. The router's patience must be shorter.
	StopWithin time.Duration
}

// Silence is how long a scheduler should wait before it gives a worker up.
func (c Config) Silence() time.Duration {
	c = c.withDefaults()
	return c.Lease + DataTime + 30*time.Second
}

func (c Config) withDefaults() Config {
	if c.Watch == nil {
		c.Watch = clock.System{}
	}
	if c.Domains == nil {
		c.Domains = new(Domains)
	}
	if c.Parallel == 0 {
		c.Parallel = 4
	}
	if c.Lease == 0 {
		c.Lease = DataTime + time.Minute
	}
	if c.StopWithin == 0 {
		c.StopWithin = StopWithin
	}
	return c
}

// Worker sends. One process has one; it works on several batches at once.
type Worker struct {
	Config
	lease    lease
	changes  changes
	lanes    lanes
	reclaims turns
	spare    spare
	appetite appetite
	waiting  waiting
	said     said
	slow     slow
	refused  circuits // of campaigns
	streaks  streaks
	warmed   warmed
	recipes  recipes
	signers  signers
}

// New makes a worker; Run or Drain make it work.
func New(c Config) *Worker {
	return &Worker{Config: c.withDefaults(), refused: circuits{log: c.Log}}
}

// Start makes the worker known and settles what an earlier process with the
// same journal left in doubt. Call it before Run or Drain.
func (w *Worker) Start(ctx context.Context, host string) error {
	if err := w.Store.StartWorker(ctx, store.Worker{ID: w.ID, Host: host, Boot: journal.BootID()}, w.Clock.Now()); err != nil {
		return err
	}
	w.lease.renew(w.Watch.Now().Add(w.Lease))
	if err := w.settle(ctx); err != nil {
		return err
	}
	// What the earlier process took and never claimed would wait for Reclaim.
	if _, err := w.Queue.GiveBack(ctx, w.ID); err != nil {
		w.Log.Warn("cannot give back what was on the way; another worker takes it in a few minutes", "error", err)
	}
	return nil
}

// Run sends until the context ends. Then it takes nothing new, finishes what
// is in flight, records it, and returns, within StopWithin. It ends with ErrGivenUp
// when a scheduler has given it up.
func (w *Worker) Run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	finish, done := Finishing(ctx, w.StopWithin)
	defer done()
	var group sync.WaitGroup
	group.Go(func() { w.beat(ctx, stop) })
	group.Go(func() { w.listen(ctx) })
	w.waiting.keep()
	for range w.Parallel {
		group.Go(func() { w.loop(ctx, finish) })
	}
	group.Wait()
	w.giveBack(finish)
	if err := context.Cause(ctx); errors.Is(err, ErrGivenUp) {
		return err
	}
	// The work is done, so the context's end must not stop the last word.
	return w.Store.StopWorker(finish, w.ID)
}

func (w *Worker) loop(ctx, finish context.Context) {
	for ctx.Err() == nil {
		n, err := w.once(ctx, finish, time.Second)
		switch {
		case err != nil && ctx.Err() == nil:
			if w.said.news(root(err).Error(), w.Watch.Now()) {
				w.Log.Error("sending is held up", "error", err)
			}
			pause(ctx, 200*time.Millisecond)
		case n == 0:
			pause(ctx, 50*time.Millisecond)
		}
	}
}

// pause waits without holding up the end of the context.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// Drain works on the calling goroutine until the queue has nothing ready, and
// returns how many batches there were. Virtual time runs on it.
func (w *Worker) Drain(ctx context.Context) (did int, err error) {
	for {
		if now := w.Watch.Now(); !w.lease.holds(now.Add(w.Lease - beatEvery)) {
			if err := w.renew(ctx); err != nil {
				return did, err
			}
		}
		n, err := w.once(ctx, context.WithoutCancel(ctx), 0)
		did += n
		if err != nil || n == 0 {
			return did, err
		}
	}
}

// once takes entries from the queue and works on them. What was taken is finished
// even when ctx ends: nothing in flight is lost. Sending itself looks at ctx.
func (w *Worker) once(ctx, finish context.Context, wait time.Duration) (int, error) {
	if !w.lease.holds(w.Watch.Now()) {
		return 0, errors.New("this worker's lease has run out: the database has not confirmed its heartbeat")
	}
	lanes, err := w.lanes.open(ctx, w, wait > 0)
	if err != nil {
		return 0, err
	}
	if lanes = w.flowing(lanes); len(lanes) == 0 {
		if wait > 0 {
			pause(ctx, min(wait, 100*time.Millisecond))
		}
		return 0, nil
	}
	entries, err := w.take(ctx, lanes, wait)
	if err != nil {
		return 0, err
	}
	groups := byLane(entries)
	for i, group := range groups {
		if err := w.batches(ctx, finish, group); err != nil {
			w.retake(slices.Concat(groups[i:]...))
			return 0, err
		}
	}
	return len(entries), nil
}

// batches takes batches of one lane from claim to record.
func (w *Worker) batches(ctx, finish context.Context, entries []queue.Entry) error {
	applied := w.Catalog.Current()
	if applied == nil {
		return nil // the entries stay with the queue and are reclaimed
	}
	now := w.Clock.Now()
	a, err := w.tokens(ctx, applied, entries[0].Lane, now)
	if err != nil {
		return err
	}
	switch {
	case a.full != "":
		w.waiting.shut(entries, a)
		a.limit, a.split = len(entries)*store.BatchSize, store.BatchSize
	case a.limit == 0:
		return w.hold(finish, entries, a, now)
	}
	entries, rest := w.appetite.fit(entries, a.limit)
	if err := w.hold(finish, rest, allowance{until: now}, now); err != nil {
		return err
	}
	in := store.ClaimInput{Worker: w.ID, Limit: a.limit, Split: a.split, Now: now, Needs: w.needs(finish, applied)}
	for _, e := range entries {
		in.Batches = append(in.Batches, e.Batch)
	}
	since := w.Watch.Now()
	claim, err := w.Store.Claim(finish, in, func(found []store.Candidate) []store.Verdict {
		w.appetite.fed(len(entries), len(found), a.limit)
		return w.guard(finish, applied, found, a, now)
	})
	if err != nil {
		w.count(finish, applied, a.today, nil, now)
		return w.unheard(ctx, finish, in, claim.Fence, err)
	}
	w.unused(a, a.limit-len(claim.Claimed))
	if err := w.push(finish, claim.Ready); err != nil {
		w.Log.Error("cannot queue", "error", err) // the sweep does
	}
	outcomes, bounces := w.send(ctx, finish, applied, claim.Claimed, since)
	w.count(finish, applied, a.today, outcomes, now)
	if err := w.record(ctx, finish, outcomes, bounces); err != nil {
		return err
	}
	return w.Queue.Ack(finish, entries...)
}

// later gives an entry back to the queue until a moment.
func (w *Worker) later(ctx context.Context, e queue.Entry, at time.Time) error {
	if err := w.Queue.Later(ctx, e.Lane, e.Batch, at); err != nil {
		return err
	}
	return w.Queue.Ack(ctx, e)
}

func (w *Worker) push(ctx context.Context, batches []store.Batch) error {
	for _, b := range batches {
		if err := w.Queue.Push(ctx, b.Lane, b.ID); err != nil {
			return err
		}
	}
	return nil
}
