package redisq

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"rapport/internal/queue"
	"rapport/internal/testenv"
)

const lane = "50.mia"

// taken takes one entry with a long wait, in a goroutine.
func taken(ctx context.Context, q *Queue) <-chan error {
	done := make(chan error, 1)
	go func() {
		entries, err := q.Take(ctx, "waiting", []string{lane, "10.tom"}, 5, patience)
		if err == nil && len(entries) == 0 {
			err = errors.New("nothing came")
		}
		done <- err
	}()
	return done
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	want := fmt.Sprintf("redis at %s is unreachable: connection refused", addr)
	q := open(t, Config{URL: "redis://user:secret@" + addr})
	ctx := t.Context()
	now := time.UnixMilli(0)
	for name, call := range map[string]func() error{
		"ping":    func() error { return q.Ping(ctx) },
		"push":    func() error { return q.Push(ctx, lane, 1) },
		"take":    func() error { _, err := q.Take(ctx, "a", []string{lane}, 1, patience); return err },
		"ack":     func() error { return q.Ack(ctx, queue.Entry{Lane: lane, Token: "1-1"}) },
		"reclaim": func() error { _, err := q.Reclaim(ctx, "a", 0, 1); return err },
		"later":   func() error { return q.Later(ctx, lane, 1, now) },
		"due":     func() error { _, err := q.Due(ctx, now); return err },
		"depth":   func() error { _, err := q.Depth(ctx); return err },
		"publish": func() error { return q.Publish(ctx, queue.Notice{}) },
		"reserve": func() error {
			_, _, err := q.Reserve(ctx, queue.Ask{Key: "k", Rate: queue.Rate{Per: 1}, Most: 1}, now)
			return err
		},
	} {
		err := call()
		if err == nil || err.Error() != want || !errors.Is(err, queue.ErrUnreachable) {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
}

func TestWrongLogin(t *testing.T) {
	s := testenv.StartRedis(t, "--requirepass", "right")
	for url, want := range map[string]string{
		"redis://" + s.Addr: "redis at " + s.Addr + " refuses the login: NOAUTH Authentication required.; correct user and password in redis:",
		"redis://:wrong@" + s.Addr: "redis at " + s.Addr + " refuses the login: WRONGPASS invalid username-password pair or user is disabled.; " +
			"correct user and password in redis:",
	} {
		if err := open(t, Config{URL: url}).Ping(t.Context()); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	if err := open(t, Config{URL: "redis://:right@" + s.Addr}).Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestKilledAndRestarted(t *testing.T) {
	ctx := t.Context()
	s := testenv.StartRedis(t)
	q := open(t, Config{URL: s.URL()})
	if err := q.Push(ctx, lane, 1, 2); err != nil {
		t.Fatal(err)
	}
	entries, err := q.Take(ctx, "a", []string{lane}, 1, 0)
	if err != nil || len(entries) != 1 {
		t.Fatal(entries, err)
	}
	notices := q.Subscribe(ctx)
	waiting := make(chan error, 1)
	go func() {
		_, err := q.Take(ctx, "b", []string{"10.tom"}, 1, patience)
		waiting <- err
	}()
	s.Kill9()

	if err := <-waiting; !errors.Is(err, queue.ErrUnreachable) {
		t.Errorf("a waiting take: %v", err)
	}
	if err := q.Ping(ctx); !errors.Is(err, queue.ErrUnreachable) {
		t.Errorf("ping: %v", err)
	}
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	if n := <-notices; n.Kind != queue.Resync {
		t.Errorf("after the restart came %+v, want a resync", n)
	}
	// Everything is gone, the entry in hand too, and nobody fails because of it.
	if err := q.Ack(ctx, entries...); err != nil {
		t.Errorf("ack: %v", err)
	}
	if left, err := q.Reclaim(ctx, "b", 0, 9); err != nil || len(left) != 0 {
		t.Errorf("reclaim: %v, %v", left, err)
	}
	if depth, err := q.Depth(ctx); err != nil || len(depth) != 0 {
		t.Errorf("depth: %v, %v", depth, err)
	}
	if err := q.Push(ctx, lane, 3); err != nil {
		t.Fatal(err)
	}
	entries, err = q.Take(ctx, "b", []string{lane, "10.tom"}, 5, 0)
	if err != nil || len(entries) != 1 || entries[0].Batch != 3 {
		t.Errorf("take: %v, %v", entries, err)
	}
	if err := q.Publish(ctx, queue.Notice{Kind: "pause"}); err != nil {
		t.Fatal(err)
	}
	if n := <-notices; n.Kind != "pause" {
		t.Errorf("got %+v, want the pause", n)
	}
}

// FLUSHALL takes streams, groups and scripts away under a consumer that waits.
func TestEmptiedInTheMiddle(t *testing.T) {
	ctx := t.Context()
	q := open(t, Config{URL: testenv.Redis(t)})
	for round := range 3 {
		if err := q.Push(ctx, lane, 1); err != nil {
			t.Fatal(err)
		}
		entries, err := q.Take(ctx, "a", []string{lane, "10.tom"}, 1, 0)
		if err != nil || len(entries) != 1 {
			t.Fatal(entries, err)
		}
		waiting := taken(ctx, q)
		eventually(t, "a take is blocked", func() bool { return blocked(t, q) == 1 })
		if err := q.client.FlushAll(ctx).Err(); err != nil {
			t.Fatal(err)
		}
		if err := q.client.ScriptFlush(ctx).Err(); err != nil {
			t.Fatal(err)
		}
		if err := q.Ack(ctx, entries...); err != nil {
			t.Errorf("round %d: ack: %v", round, err)
		}
		if _, err := q.Due(ctx, time.UnixMilli(0)); err != nil {
			t.Errorf("round %d: due: %v", round, err)
		}
		if err := q.Push(ctx, lane, 2); err != nil {
			t.Fatal(err)
		}
		if err := <-waiting; err != nil {
			t.Errorf("round %d: the waiting take: %v", round, err)
		}
		depth, err := q.Depth(ctx)
		if err != nil || depth[lane] != (queue.Depth{Pending: 1}) {
			t.Errorf("round %d: depth %v, %v", round, depth, err)
		}
		left, err := q.Reclaim(ctx, "b", 0, 9)
		if err != nil || len(left) != 1 || left[0].Batch != 2 {
			t.Errorf("round %d: reclaim %v, %v", round, left, err)
		}
		if err := q.Ack(ctx, left...); err != nil {
			t.Fatal(err)
		}
	}
}

// blocked is how many clients wait in a blocking read.
func blocked(t *testing.T, q *Queue) int {
	t.Helper()
	info, err := q.client.Info(t.Context(), "clients").Result()
	if err != nil {
		t.Fatal(err)
	}
	var n int
	for line := range lines(info) {
		if _, err := fmt.Sscanf(line, "blocked_clients:%d", &n); err == nil {
			return n
		}
	}
	t.Fatalf("no blocked_clients in %q", info)
	return 0
}

func TestCancelledWhileBlocked(t *testing.T) {
	q := open(t, Config{URL: testenv.Redis(t)})
	ctx, cancel := context.WithCancel(t.Context())
	waiting := taken(ctx, q)
	eventually(t, "the take is blocked", func() bool { return blocked(t, q) == 1 })
	cancel()
	// The blocked read still gets this one; the take must put it back.
	if err := q.Push(t.Context(), lane, 1); err != nil {
		t.Fatal(err)
	}
	if err := <-waiting; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	entries, err := q.Take(t.Context(), "b", []string{lane}, 1, 0)
	if err != nil || len(entries) != 1 || entries[0].Batch != 1 {
		t.Errorf("for the next consumer: %v, %v", entries, err)
	}
}

func TestSubscribedBeforeTheServerIsThere(t *testing.T) {
	t.Parallel()
	s := testenv.StartRedis(t)
	s.Stop()
	q := open(t, Config{URL: s.URL()})
	notices := q.Subscribe(t.Context())
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	if n := <-notices; n.Kind != queue.Resync {
		t.Errorf("got %+v, want a resync", n)
	}
}

func TestDroppedSubscriptionResyncs(t *testing.T) {
	q := open(t, Config{URL: testenv.Redis(t)})
	notices := q.Subscribe(t.Context())
	if err := q.client.Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub").Err(); err != nil {
		t.Fatal(err)
	}
	if n := <-notices; n.Kind != queue.Resync {
		t.Errorf("got %+v, want a resync", n)
	}
}

// A server that stops answering without closing the connection is found out by
// a ping that stays unanswered.
func TestFrozenSubscriptionResyncs(t *testing.T) {
	t.Parallel()
	proxy := freezable(t, testenv.Redis(t))
	q := open(t, Config{URL: "redis://" + proxy.addr})
	notices := q.Subscribe(t.Context())
	proxy.freeze()
	if n := <-notices; n.Kind != queue.Resync {
		t.Errorf("got %+v, want a resync", n)
	}
}

// Most notices must arrive within 250 ms; one that the machine was too busy for
// may be late.
func TestNoticesAreFast(t *testing.T) {
	url := testenv.Redis(t)
	a, b := open(t, Config{URL: url}), open(t, Config{URL: url})
	notices := a.Subscribe(t.Context())
	late := 0
	const total = 20
	for range total {
		timer := time.NewTimer(250 * time.Millisecond)
		if err := b.Publish(t.Context(), queue.Notice{Kind: "pause"}); err != nil {
			t.Fatal(err)
		}
		select {
		case <-notices:
		case <-timer.C:
			late++
			<-notices
		}
		timer.Stop()
	}
	if late > total/4 {
		t.Errorf("%d of %d notices took more than 250 ms", late, total)
	}
}
