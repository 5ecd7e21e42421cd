package scheduler

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/contacts"
	"rapport/internal/queue"
	"rapport/internal/results"
	"rapport/internal/store"
)

// Store is what the scheduler asks of the database.
type Store interface {
	Pending(ctx context.Context, now time.Time) (store.Pending, error)
	LastFiring(ctx context.Context, campaign int64, start string) (store.Firing, bool, error)
	StartStands(ctx context.Context, campaign string) (since time.Time, err error)
	ClaimFiring(ctx context.Context, k store.FiringKey, happens time.Time, owner string, leaseUntil time.Time) (bool, error)
	MissFirings(ctx context.Context, missed []store.Firing, now time.Time) error
	ResumeFirings(ctx context.Context, owner string, now, leaseUntil time.Time) ([]store.Firing, error)
	RenewFiring(ctx context.Context, k store.FiringKey, owner string, until time.Time) (bool, error)
	EnrolChunk(ctx context.Context, in store.EnrolInput, limit int) (store.EnrolResult, error)
	StepDue(ctx context.Context, now time.Time, limit int, step store.Step) (int, []store.Batch, error)
	React(ctx context.Context, in store.ReactInput, decide func([]store.TouchedContact) []store.Reaction) (int, error)
	RefreshSegment(ctx context.Context, in store.SegmentInput, now time.Time, limit int) (int64, error)
	HoldTouched(ctx context.Context, who contacts.ID, now, until time.Time) (t store.Touched, found bool, err error)
	OrderTouched(ctx context.Context, now time.Time, limit int) (int, error)
	NewestTouched(ctx context.Context) (row int64, err error)
	TouchedAfter(ctx context.Context, row int64) (n int64, err error)
	TouchDue(ctx context.Context, now time.Time, limit int) (int, error)
	DueBatches(ctx context.Context, now time.Time, limit int) ([]store.Batch, error)
	LostBatches(ctx context.Context, lanes []string, queuedBefore, now time.Time, limit int) ([]store.Batch, error)
	OpenLanes(ctx context.Context) ([]string, error)
	Workers(ctx context.Context) ([]store.Worker, error)
	GiveUp(ctx context.Context, w store.Worker, now time.Time) (int, error)
	ResendUnknown(ctx context.Context, campaign []int64, since, now time.Time) ([]store.Batch, error)
	Maintain(ctx context.Context, now time.Time) (store.Maintenance, error)
	LastHarm(ctx context.Context) (map[int64]int64, error)
	Harm(ctx context.Context, in store.Harm) ([]store.HarmedRow, error)
	PauseFor(ctx context.Context, k store.Campaign, reason string, now time.Time) (bool, error)
	CloseProvider(ctx context.Context, name, reason string, was store.ProviderState, now time.Time) (bool, error)
	ForgetClicked(ctx context.Context, before time.Time, after contacts.ID, limit int) (last contacts.ID, err error)
	LastLearnt(ctx context.Context) (l store.Learnt, found bool, err error)
	KeepLearnt(ctx context.Context, l store.Learnt) error
	Customers(ctx context.Context, in store.Purchases) (list []store.Customer, last contacts.ID, err error)
	PredictCustomers(ctx context.Context, in store.Purchases, decide func([]store.Customer) []store.Prediction) (last contacts.ID, err error)
	Lease(ctx context.Context, name, owner string, now, until time.Time) (bool, error)
	SaveLook(ctx context.Context, t store.Test, l store.Look) (bool, error)
	results.Store
}

// Sizes of one transaction.
const (
	enrolSize = 2000
	stepSize  = 500
	reactSize = 2000
)

// turns bounds how many transactions a part of a tick takes before the others
// have theirs.
const turns = 20

// Config is what a Scheduler needs.
type Config struct {
	ID      string // of this process
	Store   Store
	Queue   queue.Work
	Catalog *catalog.Catalog
	Clock   clock.Clock
	Log     *slog.Logger
	// Lean leaves out what only people look at: what no condition asks for is not
	// predicted.
	Lean bool
	// Silence is how long a worker's heartbeat may stand still, on this
	// process's own watch, before it is given up: its lease, the time-out of
	// DATA and a margin. 0 means 15 minutes.
	Silence time.Duration
	// Watch is that watch; nil means the machine's.
	Watch clock.Clock
	// Changed hears that a campaign was paused, so that workers notice at once.
	// It may be nil.
	Changed func(ctx context.Context, campaign string)
	// Held hears why a message waits when it is planned. It may be nil, and hear
	// of one message more than once.
	Held func(message, campaign int64, reason string)
}

// Scheduler is one of any number of schedulers on a database.
type Scheduler struct {
	Config
	refreshed  map[refreshKey]time.Time     // segment to the last look at everybody
	beats      map[string]beat              // worker to the last change of its counter
	searched   time.Time                    // when lost batches were looked for last, on Watch
	heard      time.Time                    // when the heartbeats could be read last, on Watch
	watched    time.Time                    // when the heartbeats were looked at last, on Watch
	maintained time.Time                    // when the tables were looked after last
	guarded    time.Time                    // when the guard looked last
	weighed    time.Time                    // when winners were looked for last
	weighs     map[testKey]time.Time        // split to the moment before which it is not looked at
	judged     map[int64]int64              // campaign to the last report that the guard has judged by
	quiet      map[quietKey]time.Time       // start to the moment before which it has no firing
	firings    []firing                     // that are being enrolled
	learnt     atomic.Pointer[store.Learnt] // of all customers, as it was read last; nil before
	asked      time.Time                    // when it was read
	askedOf    int64                        // for which version
	reacting   int                          // how many touched contacts the next turn takes
	pace       pace                         // of those turns
}

// New makes a scheduler.
func New(c Config) *Scheduler {
	if c.Silence == 0 {
		c.Silence = 15 * time.Minute
	}
	if c.Watch == nil {
		c.Watch = clock.System{}
	}
	if c.Changed == nil {
		c.Changed = func(context.Context, string) {}
	}
	return &Scheduler{Config: c, judged: map[int64]int64{}, weighs: map[testKey]time.Time{}, refreshed: map[refreshKey]time.Time{}, beats: map[string]beat{}, quiet: map[quietKey]time.Time{}, reacting: reactSize}
}

// Tick does everything that is due now, once. What is new about contacts comes
// first, so that all others see where they stand; then the order is that in which
// a message comes to be: fire, enter, step, queue. It returns how much there
// was, so that the caller knows whether to come again at once.
func (s *Scheduler) Tick(ctx context.Context) (did int, err error) {
	return s.tick(ctx, s.React, s.Fire, s.Enter, s.Step, s.Sweep, s.Guard, s.Winners, s.Maintain, s.Predict)
}

// Loops are the parts of a tick that go side by side in real time, each again
// and again: what is due does not wait for a firing of a million contacts.
func (s *Scheduler) Loops() []func(context.Context) (did int, err error) {
	return []func(context.Context) (int, error){
		func(ctx context.Context) (int, error) { return s.tick(ctx, s.Fire) },
		s.apart(s.Winners),
		s.apart(s.Predict),
		func(ctx context.Context) (int, error) {
			return s.tick(ctx, s.paced, s.Enter, s.Step, s.Sweep, s.Guard, s.Maintain)
		},
	}
}

func (s *Scheduler) tick(ctx context.Context, parts ...func(context.Context, moment) (int, error)) (did int, err error) {
	now := s.Clock.Now()
	applied := s.Catalog.Current()
	if applied == nil {
		return 0, nil
	}
	var failed []error
	m := moment{now: now, applied: applied}
	made := 1 // what the part before has made may be work for the next
	for _, part := range parts {
		if made > 0 {
			if m.pending, err = s.Store.Pending(ctx, now); err != nil {
				return did, err
			}
		}
		n, err := part(ctx, m)
		did, made = did+n, n
		if err != nil {
			failed = append(failed, err)
		}
	}
	return did, errors.Join(failed...)
}

// apart is a part by itself: it needs nothing of what waits, and goes through
// whole tables, for minutes that no firing and no contact should wait for.
func (s *Scheduler) apart(part func(context.Context, moment) (int, error)) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) {
		applied := s.Catalog.Current()
		if applied == nil {
			return 0, nil
		}
		return part(ctx, moment{now: s.Clock.Now(), applied: applied})
	}
}

// moment is what every part of a tick goes by.
type moment struct {
	now     time.Time
	applied *catalog.Applied
	pending store.Pending
}
