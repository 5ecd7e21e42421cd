package queuetest

import (
	"context"
	"errors"
	"strconv"
	"testing"

	"rapport/internal/queue"
)

func noticesReach(t *testing.T, h Harness) {
	a, b := h.Open(t), h.Open(t)
	subscribers := []<-chan queue.Notice{a.Subscribe(t.Context()), a.Subscribe(t.Context()), b.Subscribe(t.Context())}
	sent := []queue.Notice{
		{Kind: "pause", Key: "spring-sale"},
		{Kind: "consent", Key: "7f00000000000001"},
		{Kind: "suppression", Key: "zoë@example.org\n\""},
		{},
	}
	for _, n := range sent {
		check(t, b.Publish(t.Context(), n))
	}
	for _, c := range subscribers {
		for _, want := range sent {
			equal(t, "notice", await(t, c), want)
		}
	}
}

func noticesEnd(t *testing.T, h Harness) {
	q := h.Open(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended, other := q.Subscribe(ctx), q.Subscribe(t.Context())
	cancel()
	awaitClosed(t, ended)
	check(t, q.Publish(t.Context(), queue.Notice{Kind: "pause"}))
	equal(t, "the other goes on", await(t, other).Kind, "pause")
	awaitClosed(t, q.Subscribe(ctx)) // a context that has ended already
}

func noticesSlow(t *testing.T, h Harness) {
	q := h.Open(t)
	c := q.Subscribe(t.Context())
	const many = 5000 // more than is kept for one who does not read
	for n := range many {
		check(t, q.Publish(t.Context(), queue.Notice{Kind: "consent", Key: strconv.Itoa(n)}))
	}
	check(t, q.Publish(t.Context(), queue.Notice{Kind: "last"}))
	resync, received := false, 0
	for {
		n := await(t, c)
		if n.Kind == "last" {
			break
		}
		resync = resync || n.Kind == queue.Resync
		received++
	}
	if received < many && !resync {
		t.Errorf("got %d of %d notices and was not told", received, many)
	}
}

func closing(t *testing.T, h Harness) {
	q := h.Open(t)
	check(t, q.Ping(t.Context()))
	notices := q.Subscribe(t.Context())
	done := takeAsync(t.Context(), q, 1, lane)
	check(t, q.Close())
	check(t, q.Close())
	if got := await(t, done); !errors.Is(got.err, queue.ErrClosed) {
		t.Errorf("take: error %v, want %v", got.err, queue.ErrClosed)
	}
	awaitClosed(t, notices)
	for what, err := range map[string]error{
		"push":    q.Push(t.Context(), lane, 1),
		"publish": q.Publish(t.Context(), queue.Notice{}),
		"ping":    q.Ping(t.Context()),
	} {
		if !errors.Is(err, queue.ErrClosed) {
			t.Errorf("%s: error %v, want %v", what, err, queue.ErrClosed)
		}
	}
}

// awaitClosed reads until the channel is closed.
func awaitClosed(t *testing.T, c <-chan queue.Notice) {
	t.Helper()
	done := make(chan bool, 1)
	go func() {
		for range c { // what was under way does not matter
		}
		done <- true
	}()
	await(t, done)
}
