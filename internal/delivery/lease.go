package delivery

import (
	"context"
	"errors"
	"sync"
	"time"

	"rapport/internal/queue"
)

// lease is how long this worker may believe that nobody has given it up: from
// each heartbeat that the database confirmed, on a watch that does not jump.
type lease struct {
	mu    sync.Mutex
	until time.Time
	lost  bool
}

func (l *lease) renew(until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until = until
}

func (l *lease) lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = true
}

// holds reports whether the lease outlasts a moment.
func (l *lease) holds(until time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.lost && until.Before(l.until)
}

// ErrGivenUp ends a worker that a scheduler took for dead: what it held is
// unknown by now, and under this id it may claim nothing more. Started again, it
// settles what its journal knows and goes on.
var ErrGivenUp = errors.New("this worker was given up by a scheduler and sends no more: restart it")

// beatEvery is how often a worker tells that it lives.
const beatEvery = 5 * time.Second

// beat renews the lease several times within its length, and stops the worker
// when it was given up.
func (w *Worker) beat(ctx context.Context, stop context.CancelCauseFunc) {
	for ctx.Err() == nil {
		err := w.renew(ctx)
		if errors.Is(err, ErrGivenUp) {
			stop(err)
			return
		}
		if err != nil && ctx.Err() == nil {
			w.Log.Error("no heartbeat", "worker", w.ID, "error", err)
		}
		pause(ctx, min(w.Lease/10, beatEvery))
	}
}

// renew tells the database that this worker lives.
func (w *Worker) renew(ctx context.Context) error {
	asked := w.Watch.Now() // the lease counts from before the question
	alive, err := w.Store.Beat(ctx, w.ID)
	if err != nil {
		return err
	}
	if !alive {
		w.lease.lose()
		return ErrGivenUp
	}
	w.lease.renew(asked.Add(w.Lease))
	return nil
}

// The kinds of notice that take back what was claimed and has no intent yet.
const (
	NoticeCampaign = "campaign" // paused, resumed, stopped, applied; the key is its name
	NoticeContact  = "contact"  // consent, suppression, erasure; the key is its id
)

// changes remembers what changed lately, so that a message claimed before the
// change does not leave after it.
type changes struct {
	mu     sync.Mutex
	at     map[queue.Notice]time.Time
	resync time.Time
}

// remembered is how long a change is held against claims that are older. What a
// slow mail server keeps for longer is claimed anew, and judged anew.
const remembered = time.Minute

func (c *changes) note(n queue.Notice, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n.Kind == queue.Resync {
		c.resync = now
		return
	}
	if c.at == nil {
		c.at = map[queue.Notice]time.Time{}
	}
	for k, t := range c.at {
		if now.Sub(t) > remembered {
			delete(c.at, k)
		}
	}
	c.at[n] = now
}

// since reports whether any of the things changed at or after a moment, or may
// have, because it is too long ago to be remembered.
func (c *changes) since(t, now time.Time, things ...queue.Notice) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.resync.Before(t) || now.Sub(t) >= remembered {
		return true
	}
	for _, n := range things {
		if at, ok := c.at[n]; ok && !at.Before(t) {
			return true
		}
	}
	return false
}

// listen follows the notices of other processes and of this one.
func (w *Worker) listen(ctx context.Context) {
	for n := range w.Queue.Subscribe(ctx) {
		w.changes.note(n, w.Watch.Now())
	}
}
