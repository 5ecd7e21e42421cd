package delivery

import (
	"context"
	"slices"
	"sync"
	"time"

	"rapport/internal/queue"
)

// waiting is what stands still because a rate has no tokens: the rates that are
// closed for a moment, and batches that were taken before that was known. They
// stay in hand, untouched: a slow rate costs neither the queue nor the database
// anything.
type waiting struct {
	mu     sync.Mutex
	keeps  bool // false in virtual time, where nothing can wait in hand
	closed map[string]time.Time
	why    map[string]string // lane to what it was closed by last
	held   []heldEntry       // the longest in hand first
	turn   uint64            // of queue.Order
}

type heldEntry struct {
	queue.Entry
	until time.Time
}

// inHand is how long a batch waits in hand at most. A longer wait is the queue's,
// where it survives this process.
const inHand = 2 * time.Second

// keep lets batches wait in hand from now on.
func (r *waiting) keep() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keeps = true
}

// hold puts away batches whose lane has no allowance.
func (w *Worker) hold(ctx context.Context, entries []queue.Entry, a allowance, now time.Time) error {
	if w.waiting.put(entries, a, now) {
		return nil
	}
	for _, e := range entries {
		if err := w.later(ctx, e, a.until); err != nil {
			return err
		}
	}
	return nil
}

// retake keeps what a fault has stopped in hand for another look a second later:
// the queue takes it for work in progress, and would hand it to somebody else
// after minutes only. The database knows how far each batch has come.
func (w *Worker) retake(entries []queue.Entry) {
	now := w.Clock.Now()
	w.waiting.put(entries, allowance{until: now.Add(time.Second)}, now)
}

func (r *waiting) put(entries []queue.Entry, a allowance, now time.Time) (kept bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.keeps {
		return false
	}
	r.close(entries, a)
	if a.until.Sub(now) > inHand {
		return false
	}
	for _, e := range entries {
		known := func(h heldEntry) bool { return h.Lane == e.Lane && h.Batch == e.Batch }
		if !slices.ContainsFunc(r.held, known) { // a fault may bring one that is in hand already
			r.held = append(r.held, heldEntry{e, a.until})
		}
	}
	return true
}

// shut closes a lane whose batches do not stay in hand.
func (r *waiting) shut(entries []queue.Entry, a allowance) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keeps {
		r.close(entries, a)
	}
}

// close notes, under the lock, what a lane is closed by.
func (r *waiting) close(entries []queue.Entry, a allowance) {
	if a.closed == "" || len(entries) == 0 {
		return
	}
	if r.closed == nil {
		r.closed, r.why = map[string]time.Time{}, map[string]string{}
	}
	r.closed[a.closed], r.why[entries[0].Lane] = a.until, a.closed
}

// next are the batches in hand of the lane whose turn it is, of those whose time
// has come. Lanes go in the queue's order.
func (r *waiting) next(now time.Time) []queue.Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	var lanes []string
	for _, h := range r.held {
		if !h.until.After(now) {
			lanes = append(lanes, h.Lane)
		}
	}
	if len(lanes) == 0 {
		return nil
	}
	lane := queue.Order(lanes, r.turn)[0]
	r.turn++
	var out []queue.Entry
	r.held = slices.DeleteFunc(r.held, func(h heldEntry) bool {
		comes := h.Lane == lane && !h.until.After(now) && len(out) < takeMost
		if comes {
			out = append(out, h.Entry)
		}
		return comes
	})
	return out
}

// open leaves out the lanes that are closed, and shortens the wait to when the
// first of them opens. A lane that nobody has asked about yet counts as open.
func (r *waiting) open(lanes []string, now time.Time, wait time.Duration) ([]string, time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.closed) == 0 {
		return lanes, wait
	}
	for key, until := range r.closed {
		if !until.After(now) {
			delete(r.closed, key)
			continue
		}
		wait = min(wait, until.Sub(now))
	}
	return slices.DeleteFunc(slices.Clone(lanes), func(lane string) bool {
		_, shut := r.closed[r.why[lane]]
		return shut
	}), wait
}

// giveBack returns what is in hand to the queue, for others.
func (w *Worker) giveBack(ctx context.Context) {
	w.waiting.mu.Lock()
	n := len(w.waiting.held)
	w.waiting.held = nil
	w.waiting.mu.Unlock()
	if n == 0 {
		return
	}
	if _, err := w.Queue.GiveBack(ctx, w.ID); err != nil {
		w.Log.Warn("cannot give back what waits; another worker takes it in a few minutes", "error", err)
	}
}
