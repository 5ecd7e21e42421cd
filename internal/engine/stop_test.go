package engine

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"rapport/internal/delivery"
	"rapport/internal/delivery/smtp/smtptest"
	"rapport/internal/store"
)

// planned plans the mail of nine o'clock, which nobody sends yet.
func (r *run) planned() {
	r.t.Helper()
	r.clock.Set(monday.Add(time.Hour))
	for did := 1; did > 0; {
		n, err := r.Scheduler.Tick(r.t.Context())
		if err != nil {
			r.t.Fatal(err)
		}
		did = n
	}
}

// again opens the engine anew after its process has ended.
func (r *run) again() {
	r.t.Helper()
	r.Close()
	r.Engine = openEngine(r.t, r.Options)
}

// Whoever tells a worker to stop expects that it does, also when a mail server that
// has a message whole does not answer: nobody knows what becomes of that one then,
// and it is not sent again. What was not begun goes when the worker is back.
func TestAWorkerThatIsToStopWaitsForAnAnswerForSomeTimeOnly(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	silent := true
	r := start(t, 3, smtptest.Options{Script: func(s smtptest.Step) *smtptest.Action {
		if s.Verb != "dot" || !silent {
			return nil
		}
		stop()
		return &smtptest.Action{Hang: true, Keep: true}
	}}, "", nil)
	r.routes.Patience = time.Millisecond
	r.planned()
	if err := r.Worker.Run(ctx); err != nil {
		t.Fatal(err)
	}
	unknown := 0
	for _, m := range r.messages() {
		switch {
		case m == "unknown: the sender was stopped before the server answered":
			unknown++
		case !strings.HasPrefix(m, "queued: deferred at ") || !strings.HasSuffix(m, "context canceled"):
			t.Errorf("a message is %s", m)
		}
	}
	workers, err := r.Store.Workers(t.Context())
	if err != nil || len(workers) != 0 || unknown == 0 {
		t.Errorf("%d messages are unknown; workers that count as alive: %v, %v", unknown, workers, err)
	}
	silent = false
	r.again()
	r.at(0, 12, 0)
	if n := len(r.server.Messages()); n != 3 || r.server.Duplicates() != 0 {
		t.Errorf("%d messages at the server, %d twice; want 3 and none", n, r.server.Duplicates())
	}
}

// cut is a database that can no longer be reached once a message has gone.
type cut struct {
	delivery.Store
	reached func()
}

func (c *cut) Ingest(ctx context.Context, _ []store.Incoming, _ time.Time) ([]store.Result, error) {
	c.reached()
	<-ctx.Done()
	return nil, ctx.Err()
}

func (c *cut) StopWorker(ctx context.Context, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestWhatCannotBeRecordedWhileAWorkerStopsIsInItsJournal(t *testing.T) {
	r := start(t, 3, smtptest.Options{}, "", nil)
	r.planned()
	ctx, stop := context.WithCancel(t.Context())
	r.Worker.Store, r.Worker.StopWithin = &cut{r.Worker.Store, stop}, time.Millisecond
	if err := r.Worker.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v, want to hear that the database did not answer", err)
	}
	r.wants("sending", "sending", "sending")
	r.again()
	r.wants("sent", "sent", "sent")
	r.at(0, 12, 0)
	if n := len(r.server.Messages()); n != 3 || r.server.Duplicates() != 0 {
		t.Errorf("%d messages at the server, %d twice; want 3 and none", n, r.server.Duplicates())
	}
}

// mute is a database that can no longer be reached once a worker has claimed and
// stores what it is about to send.
type mute struct {
	delivery.Store
	reached func()
}

func (m *mute) SaveTemplate(ctx context.Context, _ store.CompiledTemplate, _ time.Time) error {
	m.reached()
	<-ctx.Done()
	return ctx.Err()
}

func (m *mute) StopWorker(ctx context.Context, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

// What was claimed and never begun goes when the worker is back: its journal says so.
func TestAWorkerStopsThoughTheDatabaseIsSilentBeforeTheFirstMessage(t *testing.T) {
	r := start(t, 3, smtptest.Options{}, "", nil)
	r.planned()
	ctx, stop := context.WithCancel(t.Context())
	r.Worker.Store, r.Worker.StopWithin = &mute{r.Worker.Store, stop}, time.Millisecond
	if err := r.Worker.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v, want to hear that the database did not answer", err)
	}
	if n := len(r.server.Messages()); n != 0 {
		t.Errorf("%d messages have gone", n)
	}
	r.again()
	r.at(0, 12, 0)
	if n := len(r.server.Messages()); n != 3 || r.server.Duplicates() != 0 {
		t.Errorf("%d messages at the server, %d twice; want 3 and none", n, r.server.Duplicates())
	}
}
