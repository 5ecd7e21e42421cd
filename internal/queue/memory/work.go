package memory

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"rapport/internal/queue"
)

// held is an entry in the hands of a consumer.
type held struct {
	entry    queue.Entry
	consumer string
	order    uint64    // of its token
	since    time.Time // last handed out
}

// Push implements queue.Work.
func (q *Queue) Push(ctx context.Context, name string, batches ...int64) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.usable(ctx); err != nil || len(batches) == 0 {
		return err
	}
	l := q.lane(name)
	l.ready = append(l.ready, batches...)
	q.announce()
	return nil
}

// Take implements queue.Work.
func (q *Queue) Take(ctx context.Context, consumer string, lanes []string, max int, wait time.Duration) ([]queue.Entry, error) {
	var over <-chan time.Time
	for {
		entries, changed, err := q.tryTake(ctx, consumer, lanes, max)
		if err != nil || len(entries) > 0 || wait <= 0 {
			return entries, err
		}
		if over == nil { // made only when there is something to wait for
			timer := time.NewTimer(wait)
			defer timer.Stop()
			over = timer.C
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-over:
			return nil, nil
		case <-changed:
		}
	}
}

// tryTake takes what is ready; changed is closed when there is more.
func (q *Queue) tryTake(ctx context.Context, consumer string, lanes []string, max int) (entries []queue.Entry, changed <-chan struct{}, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.usable(ctx); err != nil {
		return nil, nil, err
	}
	now := q.now()
	for _, name := range queue.Order(lanes, q.turn) {
		l := q.lanes[name]
		if l == nil || len(entries) >= max {
			continue
		}
		for _, batch := range l.take(max - len(entries)) {
			entries = append(entries, q.hold(consumer, name, batch, now))
		}
	}
	if len(entries) > 0 {
		q.turn++
	}
	return entries, q.changed, nil
}

// hold notes that the batch was handed out.
func (q *Queue) hold(consumer, name string, batch int64, now time.Time) queue.Entry {
	q.tokens++
	e := queue.Entry{Lane: name, Batch: batch, Token: strconv.FormatUint(q.tokens, 10), Deliveries: 1}
	q.held[e.Token] = &held{entry: e, consumer: consumer, order: q.tokens, since: now}
	q.lanes[name].pending++
	return e
}

// Ack implements queue.Work.
func (q *Queue) Ack(ctx context.Context, entries ...queue.Entry) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.usable(ctx); err != nil {
		return err
	}
	for _, e := range entries {
		if h := q.held[e.Token]; h != nil {
			delete(q.held, e.Token)
			q.lanes[h.entry.Lane].pending--
		}
	}
	return nil
}

// Reclaim implements queue.Work; idle is measured by the injected clock.
func (q *Queue) Reclaim(ctx context.Context, consumer string, idle time.Duration, limit int) ([]queue.Entry, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.usable(ctx); err != nil {
		return nil, err
	}
	now := q.now()
	var abandoned []*held
	for _, h := range q.held {
		if now.Sub(h.since) >= idle {
			abandoned = append(abandoned, h)
		}
	}
	slices.SortFunc(abandoned, func(a, b *held) int { return cmp.Compare(a.order, b.order) })
	var entries []queue.Entry
	for _, h := range abandoned[:max(0, min(limit, len(abandoned)))] {
		h.since, h.consumer = now, consumer
		h.entry.Deliveries++
		entries = append(entries, h.entry)
	}
	return entries, nil
}

// GiveBack implements queue.Work.
func (q *Queue) GiveBack(ctx context.Context, consumer string) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.usable(ctx); err != nil {
		return 0, err
	}
	var back []*held
	for _, h := range q.held {
		if h.consumer == consumer {
			back = append(back, h)
		}
	}
	slices.SortFunc(back, func(a, b *held) int { return cmp.Compare(a.order, b.order) })
	for _, h := range back {
		delete(q.held, h.entry.Token)
		l := q.lanes[h.entry.Lane]
		l.pending--
		l.ready = append(l.ready, h.entry.Batch)
	}
	if len(back) > 0 {
		q.announce()
	}
	return len(back), nil
}

// Later implements queue.Work.
func (q *Queue) Later(ctx context.Context, name string, batch int64, at time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.usable(ctx); err != nil {
		return err
	}
	q.lane(name).later(batch, at)
	return nil
}

// Due implements queue.Work.
func (q *Queue) Due(ctx context.Context, now time.Time) (moved int, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.usable(ctx); err != nil {
		return 0, err
	}
	for _, l := range q.lanes {
		moved += l.due(now)
	}
	if moved > 0 {
		q.announce()
	}
	return moved, nil
}

// Depth implements queue.Work.
func (q *Queue) Depth(ctx context.Context) (map[string]queue.Depth, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.usable(ctx); err != nil {
		return nil, err
	}
	depth := make(map[string]queue.Depth, len(q.lanes))
	for name, l := range q.lanes {
		depth[name] = queue.Depth{Ready: len(l.ready), Pending: l.pending, Delayed: len(l.delayed)}
	}
	return depth, nil
}

// lane returns the lane of the name, a new one when there is none.
func (q *Queue) lane(name string) *lane {
	l := q.lanes[name]
	if l == nil {
		l = &lane{at: map[int64]*delay{}}
		q.lanes[name] = l
	}
	return l
}
