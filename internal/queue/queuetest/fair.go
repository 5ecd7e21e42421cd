package queuetest

import (
	"fmt"
	"testing"
	"time"

	"rapport/internal/queue"
)

// smallBesideLarge starts a campaign of one batch while one of a thousand is on
// its way, on one sender and one priority.
func smallBesideLarge(t *testing.T, h Harness) {
	for _, size := range []int{1, 8} {
		processes := []queue.Queue{h.Open(t), h.Open(t), h.Open(t)}
		large, small := queue.Lane(50, "mia", "large"), queue.Lane(50, "mia", "small")
		check(t, processes[0].Push(t.Context(), large, series(1, 1000)...))
		for n := range 5 { // the large one is on its way
			take(t, processes[n%3], "a", size, large, small)
		}
		check(t, processes[0].Push(t.Context(), small, 5000))
		before := 0
		for found := false; !found; before++ {
			for _, e := range take(t, processes[before%3], "a", size, large, small) {
				found = found || e.Batch == 5000
			}
			if before > 3*len(processes) {
				t.Fatalf("%d takes of %d, and the small campaign waits", before, size)
			}
		}
		for _, name := range []string{large, small} { // for the next size
			check(t, processes[0].Ack(t.Context(), take(t, processes[0], "a", 1000, name)...))
		}
	}
}

func hundredsOfLanes(t *testing.T, h Harness) {
	q := h.Open(t)
	const many = 300
	var lanes []string
	for n := range many {
		lanes = append(lanes, queue.Lane(50, "mia", fmt.Sprintf("campaign-%03d", n)))
		check(t, q.Push(t.Context(), lanes[n], int64(n), int64(n+many), int64(n+2*many)))
		check(t, q.Later(t.Context(), lanes[n], int64(n+3*many), start))
	}
	seen := map[string]int{}
	for range many * 8 / 7 { // every eighth begins elsewhere
		for _, e := range take(t, q, "a", 1, lanes...) {
			seen[e.Lane]++
			check(t, q.Ack(t.Context(), e))
		}
	}
	for _, name := range lanes {
		if seen[name] == 0 || seen[name] > 3 {
			t.Errorf("%s was served %d times in %d takes", name, seen[name], many*8/7)
		}
	}
	moved, err := q.Due(t.Context(), start)
	check(t, err)
	equal(t, "due", moved, many)
	h.Age(t, time.Hour)
	depth, err := q.Depth(t.Context())
	check(t, err)
	equal(t, "lanes", len(depth), many)
}
