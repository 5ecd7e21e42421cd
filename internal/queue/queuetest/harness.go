package queuetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/queue"
)

// Harness is one empty queue as several processes see it.
type Harness struct {
	// Open returns the queue as one more process sees it. The harness closes it
	// when the test ends.
	Open func(t *testing.T) queue.Queue
	// Age makes all entries that are taken now look as if they had been taken so
	// much earlier.
	Age func(t *testing.T, d time.Duration)
}

const (
	// patience is how long a test waits for what must come.
	patience = 20 * time.Second
	lane     = "50.mia"
)

// start is when the tests play; nothing depends on it.
var start = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// Run runs the suite; each test gets a harness of its own.
func Run(t *testing.T, harness func(t *testing.T) Harness) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Harness)
	}{
		{"taken in the order pushed and gone after ack", takenInOrder},
		{"never more than asked for", neverMoreThanAsked},
		{"an entry goes to one consumer", oneConsumer},
		{"many consumers take each entry once", manyConsumers},
		{"a waiting take is woken by a push", wokenByPush},
		{"a waiting take is woken by a push to any lane", wokenByAnyLane},
		{"a waiting take is woken by what becomes due", wokenByDue},
		{"an empty take returns after its wait", emptyTake},
		{"a cancelled take takes nothing", cancelledTake},
		{"higher priority first", higherFirst},
		{"no lane starves", noLaneStarves},
		{"a small campaign is not stuck behind a large one", smallBesideLarge},
		{"hundreds of lanes each have their turn", hundredsOfLanes},
		{"acknowledging twice or what is unknown is harmless", ackTwice},
		{"entries of a dead consumer are reclaimed", reclaimDead},
		{"what is busy is not reclaimed", reclaimBusy},
		{"reclaiming finds idle entries behind many", reclaimMany},
		{"a consumer that starts anew gives back what it held", givenBack},
		{"delayed until due, the earliest first", delayedUntilDue},
		{"delayed again gets the new time", delayedAgain},
		{"many become due at once", manyDue},
		{"depth counts ready, pending and delayed", depthCounts},
		{"a rate grants its burst and then its pace", ratePace},
		{"a block above the burst is granted in parts", rateBlocks},
		{"keys have rates of their own", rateKeys},
		{"a changed rate takes effect at once", rateChanged},
		{"an impossible rate is refused", rateImpossible},
		{"four processes keep one rate exactly", rateExact},
		{"four processes hold a rate over a minute within two percent", rateOverMinutes},
		{"a grant is not made of crumbs", rateLeast},
		{"tokens given back are there again", rateBack},
		{"who must wait stands in one line", linePlaces},
		{"who comes again goes before who is fresh", lineAgain},
		{"notices reach every subscriber in order", noticesReach},
		{"a subscription ends with its context", noticesEnd},
		{"a slow subscriber is told to resync", noticesSlow},
		{"closing ends what waits", closing},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, harness(t)) })
	}
}

// check fails the test at once on an error.
func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// take takes without waiting.
func take(t *testing.T, q queue.Queue, consumer string, max int, lanes ...string) []queue.Entry {
	t.Helper()
	entries, err := q.Take(t.Context(), consumer, lanes, max, 0)
	check(t, err)
	return entries
}

// takeAsync takes with a long wait in a goroutine.
func takeAsync(ctx context.Context, q queue.Queue, max int, lanes ...string) <-chan result {
	done := make(chan result, 1)
	go func() {
		entries, err := q.Take(ctx, "async", lanes, max, patience)
		done <- result{entries, err}
	}()
	return done
}

type result struct {
	entries []queue.Entry
	err     error
}

// await returns what arrives on the channel, and fails when nothing does.
func await[V any](t *testing.T, c <-chan V) V {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case v, open := <-c:
		if !open {
			t.Fatal("the channel was closed")
		}
		return v
	case <-late.C:
		t.Fatalf("nothing came in %s", patience)
		panic("not reached")
	}
}

// batches are the ids of entries, in order.
func batches(entries []queue.Entry) []int64 {
	var ids []int64
	for _, e := range entries {
		ids = append(ids, e.Batch)
	}
	return ids
}

// equal compares and reports the difference.
func equal[V any](t *testing.T, what string, got, want V) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// series is the ids from first to last.
func series(first, last int64) []int64 {
	var ids []int64
	for id := first; id <= last; id++ {
		ids = append(ids, id)
	}
	return ids
}

// consumer names a consumer.
func consumer(n int) string { return fmt.Sprintf("consumer-%d", n) }
