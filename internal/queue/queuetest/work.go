package queuetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"rapport/internal/queue"
)

func takenInOrder(t *testing.T, h Harness) {
	q := h.Open(t)
	check(t, q.Push(t.Context(), lane, 3, 1, 2))
	check(t, q.Push(t.Context(), lane, 4))
	check(t, q.Push(t.Context(), lane)) // nothing to push is no error
	entries := take(t, q, "a", 10, lane)
	equal(t, "batches", batches(entries), []int64{3, 1, 2, 4})
	for _, e := range entries {
		if e.Lane != lane || e.Deliveries != 1 || e.Token == "" {
			t.Errorf("entry %+v", e)
		}
	}
	check(t, q.Ack(t.Context(), entries...))
	check(t, q.Ack(t.Context()))
	depth, err := q.Depth(t.Context())
	check(t, err)
	equal(t, "depth", depth, map[string]queue.Depth{lane: {}})
}

func neverMoreThanAsked(t *testing.T, h Harness) {
	q := h.Open(t)
	check(t, q.Push(t.Context(), "50.a", 1, 2, 3))
	check(t, q.Push(t.Context(), "40.b", 4, 5, 6))
	equal(t, "none", len(take(t, q, "a", 0, "50.a", "40.b")), 0)
	equal(t, "two", batches(take(t, q, "a", 2, "50.a", "40.b")), []int64{1, 2})
	equal(t, "two over two lanes", batches(take(t, q, "a", 2, "50.a", "40.b")), []int64{3, 4})
	equal(t, "the rest", batches(take(t, q, "a", 9, "50.a", "40.b")), []int64{5, 6})
}

func oneConsumer(t *testing.T, h Harness) {
	a, b := h.Open(t), h.Open(t)
	check(t, a.Push(t.Context(), lane, 1, 2))
	equal(t, "first", batches(take(t, a, "a", 1, lane)), []int64{1})
	equal(t, "second", batches(take(t, b, "b", 5, lane)), []int64{2})
	equal(t, "nothing is left", len(take(t, a, "a", 5, lane)), 0)
}

func manyConsumers(t *testing.T, h Harness) {
	const consumers, total = 4, 2000
	ctx := t.Context()
	check(t, h.Open(t).Push(ctx, lane, series(1, total)...))
	var mu sync.Mutex
	var got []int64
	var wg sync.WaitGroup
	for n := range consumers {
		q := h.Open(t)
		wg.Go(func() {
			for {
				entries, err := q.Take(ctx, consumer(n), []string{lane}, 7, 0)
				if err != nil || len(entries) == 0 {
					if err != nil {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				got = append(got, batches(entries)...)
				mu.Unlock()
				if err := q.Ack(ctx, entries...); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	slices.Sort(got)
	equal(t, "each once", got, series(1, total))
}

func wokenByPush(t *testing.T, h Harness) {
	taker, pusher := h.Open(t), h.Open(t)
	done := takeAsync(t.Context(), taker, 10, lane)
	check(t, pusher.Push(t.Context(), lane, 7))
	got := await(t, done)
	check(t, got.err)
	equal(t, "woken with", batches(got.entries), []int64{7})
}

func wokenByAnyLane(t *testing.T, h Harness) {
	q := h.Open(t)
	for _, name := range []string{"90.mia", "50.mia", "10.tom"} {
		done := takeAsync(t.Context(), q, 1, "90.mia", "50.mia", "10.tom")
		check(t, q.Push(t.Context(), name, 8))
		got := await(t, done)
		check(t, got.err)
		if len(got.entries) != 1 || got.entries[0].Lane != name {
			t.Errorf("pushed to %s, got %+v", name, got.entries)
		}
	}
}

func wokenByDue(t *testing.T, h Harness) {
	q := h.Open(t)
	check(t, q.Later(t.Context(), lane, 9, start))
	done := takeAsync(t.Context(), q, 10, lane)
	moved, err := q.Due(t.Context(), start)
	check(t, err)
	equal(t, "moved", moved, 1)
	got := await(t, done)
	check(t, got.err)
	equal(t, "woken with", batches(got.entries), []int64{9})
}

func emptyTake(t *testing.T, h Harness) {
	q := h.Open(t)
	for _, lanes := range [][]string{{lane}, {lane, "10.tom"}, {}} {
		entries, err := q.Take(t.Context(), "a", lanes, 10, 5*time.Millisecond)
		if err != nil || len(entries) != 0 {
			t.Errorf("lanes %v: got %v, %v, want nothing and no error", lanes, entries, err)
		}
	}
}

func cancelledTake(t *testing.T, h Harness) {
	q := h.Open(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := takeAsync(ctx, q, 10, lane)
	cancel()
	if got := await(t, done); !errors.Is(got.err, context.Canceled) || len(got.entries) != 0 {
		t.Errorf("got %v, %v, want nothing and %v", got.entries, got.err, context.Canceled)
	}
	check(t, q.Push(t.Context(), lane, 1))
	if _, err := q.Take(ctx, "a", []string{lane}, 10, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	equal(t, "for the next", batches(take(t, q, "b", 10, lane)), []int64{1})
}

func higherFirst(t *testing.T, h Harness) {
	q := h.Open(t)
	check(t, q.Push(t.Context(), "10.low", 1))
	check(t, q.Push(t.Context(), "9.lowest", 2)) // by number, not by letter
	check(t, q.Push(t.Context(), "90.high", 3))
	equal(t, "order", batches(take(t, q, "a", 10, "10.low", "9.lowest", "90.high")), []int64{3, 1, 2})
}

func noLaneStarves(t *testing.T, h Harness) {
	q := h.Open(t)
	lanes := []string{"90.high", "50.mia", "50.tom", "10.low"}
	seen := map[string]int{}
	const takes = 320
	for n := range takes {
		for i, name := range lanes { // every lane always has something
			check(t, q.Push(t.Context(), name, int64(n*len(lanes)+i)))
		}
		entries := take(t, q, "a", 1, lanes...)
		check(t, q.Ack(t.Context(), entries...))
		seen[entries[0].Lane]++
	}
	if seen["90.high"] < takes*8/10 {
		t.Errorf("the most urgent lane was served %d of %d times", seen["90.high"], takes)
	}
	for _, name := range lanes[1:] {
		if seen[name] < takes/40 {
			t.Errorf("%s was served %d of %d times", name, seen[name], takes)
		}
	}
}

func ackTwice(t *testing.T, h Harness) {
	q := h.Open(t)
	check(t, q.Push(t.Context(), lane, 1, 2))
	entries := take(t, q, "a", 1, lane)
	check(t, q.Ack(t.Context(), entries...))
	check(t, q.Ack(t.Context(), entries...))
	check(t, q.Ack(t.Context(), queue.Entry{Lane: "10.never", Token: "1-1"}))
	equal(t, "the other is there", batches(take(t, q, "a", 5, lane)), []int64{2})
}

func reclaimDead(t *testing.T, h Harness) {
	dead, alive := h.Open(t), h.Open(t)
	check(t, dead.Push(t.Context(), lane, 1, 2))
	check(t, dead.Push(t.Context(), "10.tom", 3))
	taken := take(t, dead, "dead", 10, lane, "10.tom")
	check(t, dead.Ack(t.Context(), taken[0]))
	h.Age(t, time.Minute)

	first, err := alive.Reclaim(t.Context(), "alive", 30*time.Second, 1)
	check(t, err)
	equal(t, "one", batches(first), []int64{2})
	equal(t, "delivered again", first[0].Deliveries, 2)
	rest, err := alive.Reclaim(t.Context(), "alive", 30*time.Second, 10)
	check(t, err)
	equal(t, "the other lane", batches(rest), []int64{3})
	equal(t, "its lane", rest[0].Lane, "10.tom")
	none, err := alive.Reclaim(t.Context(), "third", 30*time.Second, 10)
	check(t, err)
	equal(t, "the idle time starts anew", len(none), 0)

	h.Age(t, time.Minute)
	again, err := alive.Reclaim(t.Context(), "third", 30*time.Second, 10)
	check(t, err)
	for _, e := range again {
		equal(t, "third delivery", e.Deliveries, 3)
	}
	check(t, alive.Ack(t.Context(), again...))
	depth, err := alive.Depth(t.Context())
	check(t, err)
	equal(t, "all gone", depth, map[string]queue.Depth{lane: {}, "10.tom": {}})
}

func reclaimBusy(t *testing.T, h Harness) {
	q := h.Open(t)
	none, err := q.Reclaim(t.Context(), "b", 0, 10)
	check(t, err)
	equal(t, "of an empty queue", len(none), 0)
	check(t, q.Push(t.Context(), lane, 1, 2))
	take(t, q, "a", 1, lane)
	none, err = q.Reclaim(t.Context(), "b", time.Hour, 10)
	check(t, err)
	equal(t, "of a busy consumer", len(none), 0)
	h.Age(t, 2*time.Hour)
	none, err = q.Reclaim(t.Context(), "b", time.Hour, 0)
	check(t, err)
	equal(t, "when none are asked for", len(none), 0)
	idle, err := q.Reclaim(t.Context(), "b", time.Hour, 10)
	check(t, err)
	equal(t, "only what was taken", batches(idle), []int64{1})
}

func reclaimMany(t *testing.T, h Harness) {
	q := h.Open(t)
	const many = 300
	check(t, q.Push(t.Context(), lane, series(1, many)...))
	all := take(t, q, "a", many, lane)
	h.Age(t, time.Hour)
	// The first ones come back to life; only the last two stay idle.
	revived, err := q.Reclaim(t.Context(), "b", time.Minute, many-2)
	check(t, err)
	equal(t, "revived", len(revived), many-2)
	rest, err := q.Reclaim(t.Context(), "c", time.Minute, 2)
	check(t, err)
	equal(t, "behind them", batches(rest), batches(all[many-2:]))
}

func givenBack(t *testing.T, h Harness) {
	before, other, after := h.Open(t), h.Open(t), h.Open(t)
	n, err := before.GiveBack(t.Context(), "a")
	check(t, err)
	equal(t, "of an empty queue", n, 0)
	check(t, before.Push(t.Context(), lane, 1, 2, 3, 4))
	check(t, before.Push(t.Context(), "10.tom", 5))
	taken := take(t, before, "a", 3, lane)
	take(t, before, "a", 1, "10.tom")
	check(t, before.Ack(t.Context(), taken[0]))
	equal(t, "somebody else's", batches(take(t, other, "b", 1, lane)), []int64{4})

	n, err = after.GiveBack(t.Context(), "a")
	check(t, err)
	equal(t, "given back", n, 3)
	again := take(t, after, "a", 10, lane, "10.tom")
	equal(t, "ready again", batches(again), []int64{2, 3, 5})
	check(t, after.Ack(t.Context(), again...))
	depth, err := after.Depth(t.Context())
	check(t, err)
	equal(t, "only what the other holds", depth, map[string]queue.Depth{lane: {Pending: 1}, "10.tom": {}})
}

func delayedUntilDue(t *testing.T, h Harness) {
	q := h.Open(t)
	ctx := t.Context()
	check(t, q.Later(ctx, lane, 1, start.Add(3*time.Second)))
	check(t, q.Later(ctx, lane, 2, start.Add(1*time.Second)))
	check(t, q.Later(ctx, "10.tom", 3, start.Add(2*time.Second)))
	for _, step := range []struct {
		after time.Duration
		moved int
		taken []int64
	}{
		{999 * time.Millisecond, 0, nil},
		{1 * time.Second, 1, []int64{2}},
		{1 * time.Second, 0, nil},
		{3 * time.Second, 2, []int64{1, 3}},
	} {
		moved, err := q.Due(ctx, start.Add(step.after))
		check(t, err)
		equal(t, "moved after "+step.after.String(), moved, step.moved)
		equal(t, "taken after "+step.after.String(), batches(take(t, q, "a", 10, lane, "10.tom")), step.taken)
	}
	check(t, q.Later(ctx, lane, 4, start.Add(9*time.Second)))
	check(t, q.Later(ctx, lane, 5, start.Add(8*time.Second)))
	_, err := q.Due(ctx, start.Add(time.Minute))
	check(t, err)
	equal(t, "the earliest first", batches(take(t, q, "a", 10, lane)), []int64{5, 4})
}

func delayedAgain(t *testing.T, h Harness) {
	q := h.Open(t)
	ctx := t.Context()
	check(t, q.Later(ctx, lane, 1, start.Add(time.Second)))
	check(t, q.Later(ctx, lane, 1, start.Add(time.Minute)))
	moved, err := q.Due(ctx, start.Add(2*time.Second))
	check(t, err)
	equal(t, "moved at the old time", moved, 0)
	moved, err = q.Due(ctx, start.Add(time.Minute))
	check(t, err)
	equal(t, "moved at the new time", moved, 1)
}

func manyDue(t *testing.T, h Harness) {
	q := h.Open(t)
	const many = 2100 // more than one round of the redis script
	for id := int64(1); id <= many; id++ {
		check(t, q.Later(t.Context(), lane, id, start.Add(time.Duration(id)*time.Millisecond)))
	}
	moved, err := q.Due(t.Context(), start.Add(time.Hour))
	check(t, err)
	equal(t, "moved", moved, many)
	equal(t, "taken", batches(take(t, q, "a", many, lane)), series(1, many))
}

func depthCounts(t *testing.T, h Harness) {
	q := h.Open(t)
	ctx := t.Context()
	empty, err := q.Depth(ctx)
	check(t, err)
	equal(t, "of an empty queue", len(empty), 0)
	check(t, q.Push(ctx, lane, 1, 2, 3))
	check(t, q.Later(ctx, lane, 4, start))
	check(t, q.Later(ctx, "10.tom", 5, start))
	take(t, q, "a", 1, lane)
	got, err := q.Depth(ctx)
	check(t, err)
	equal(t, "depth", got, map[string]queue.Depth{
		lane:     {Ready: 2, Pending: 1, Delayed: 1},
		"10.tom": {Delayed: 1},
	})
}
