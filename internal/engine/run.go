package engine

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"rapport/internal/delivery"
)

// Run runs the roles of this process until the context ends, and then stops
// them so that nothing in flight is lost: the worker finishes what it has
// claimed and records it before Run returns. All of them have the same time for it.
func (e *Engine) Run(ctx context.Context) error {
	listener, err := e.listen()
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	finish, done := delivery.Finishing(ctx, e.finishWithin())
	defer done()
	group.Go(func() error { e.follow(ctx); return nil })
	if e.Has(RoleScheduler) {
		for _, tick := range e.Scheduler.Loops() {
			group.Go(func() error { e.schedule(ctx, tick); return nil })
		}
	}
	if e.Has(RoleWorker) {
		group.Go(func() error { return e.Worker.Run(ctx) })
		group.Go(func() error { e.outbox.Run(ctx, finish, outboxEvery); return nil })
	}
	if listener != nil {
		group.Go(func() error { return serveHTTP(ctx, finish, listener, e.handler) })
	}
	if e.responses != nil {
		group.Go(func() error { e.responses.Run(ctx, finish); return nil })
	}
	return group.Wait()
}

// RunWeb runs the web role alone, beside an engine that Settle drives.
func (e *Engine) RunWeb(ctx context.Context) error {
	listener, err := e.listen()
	if err != nil || listener == nil {
		return err
	}
	finish, done := delivery.Finishing(ctx, e.finishWithin())
	defer done()
	return serveHTTP(ctx, finish, listener, e.handler)
}

// finishWithin is how much of the time for stopping Run has: the rest of it is
// Close's, in which servers take leave.
func (e *Engine) finishWithin() time.Duration {
	return e.StopWithin - min(2*time.Second, e.StopWithin/10)
}

func (e *Engine) listen() (net.Listener, error) {
	if !e.Has(RoleWeb) || e.Listen == "" {
		return nil, nil
	}
	return net.Listen("tcp", e.Listen)
}

// requestTime is how long requests are finished for at most.
const requestTime = 10 * time.Second

// serveHTTP answers until ctx ends, and then finishes the requests it has, unless
// finish ends before.
func serveHTTP(ctx, finish context.Context, l net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) }}
	var stopping sync.WaitGroup
	stopping.Go(func() {
		<-ctx.Done()
		patience, cancel := context.WithTimeout(finish, requestTime)
		defer cancel()
		if server.Shutdown(patience) != nil {
			server.Close() // streams never end by themselves
		}
	})
	err := server.Serve(l)
	if errors.Is(err, http.ErrServerClosed) {
		stopping.Wait()
		return nil
	}
	return err
}

// follow keeps the catalog up to date.
func (e *Engine) follow(ctx context.Context) {
	for wait(ctx, refreshEvery) {
		if err := e.Refresh(ctx); err != nil && ctx.Err() == nil {
			e.Log.Error("the database does not answer", "error", err)
		}
	}
}

// schedule ticks until the context ends. An outage of the database or the
// queue delays and loses nothing: the next tick finds everything where it was.
func (e *Engine) schedule(ctx context.Context, tick func(context.Context) (int, error)) {
	failures := 0
	for ctx.Err() == nil {
		did, err := tick(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			failures++
			e.Log.Error("the scheduler is held up", "error", err)
			wait(ctx, min(e.Idle<<min(failures, 6), 5*time.Second))
		case did == 0:
			failures = 0
			wait(ctx, e.Idle)
		case did < few:
			failures = 0
			wait(ctx, e.Idle/5)
		default:
			failures = 0
		}
	}
}

// outboxEvery is how often webhooks with something to be told are looked for.
const outboxEvery = time.Second

// few is how much a tick finds where work comes in little by little. Then the
// next one lets some come together: a transaction for three rows costs nearly
// what one for three hundred does.
const few = 200

// wait reports whether the time passed before the context ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
