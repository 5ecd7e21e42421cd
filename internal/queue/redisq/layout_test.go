package redisq

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"rapport/internal/queue"
	"rapport/internal/testenv"
)

// spy records the keys of every command and pipeline.
type spy struct {
	mu    sync.Mutex
	calls [][]string
}

func (s *spy) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (s *spy) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		s.record(cmd)
		return next(ctx, cmd)
	}
}

func (s *spy) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		s.record(cmds...)
		return next(ctx, cmds)
	}
}

// record notes what looks like one of our keys among the arguments.
func (s *spy) record(cmds ...redis.Cmder) {
	var keys []string
	for _, cmd := range cmds {
		for _, arg := range cmd.Args() {
			if text, ok := arg.(string); ok && strings.HasPrefix(text, "rapport:") {
				keys = append(keys, text)
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(keys) > 1 {
		s.calls = append(s.calls, keys)
	}
}

// tag is the part of the key that chooses the slot of a cluster.
func tag(key string) string {
	_, rest, _ := strings.Cut(key, "{")
	inside, _, _ := strings.Cut(rest, "}")
	return inside
}

func TestKeysOfOneCallShareATag(t *testing.T) {
	ctx := t.Context()
	q := open(t, Config{URL: testenv.Redis(t)})
	s := &spy{}
	q.client.(*redis.Client).AddHook(s)

	now := time.UnixMilli(1)
	lanes := []string{lane, "10.tom", "90.a{b}c"}
	for n, name := range lanes {
		must(t, q.Push(ctx, name, int64(n)))
		must(t, q.Later(ctx, name, int64(n+10), now))
	}
	_, err := q.Due(ctx, now)
	must(t, err)
	entries, err := q.Take(ctx, "a", lanes, 100, 0)
	must(t, err)
	if len(entries) != 6 {
		t.Errorf("took %d entries of 6", len(entries))
	}
	_, err = q.Take(ctx, "a", lanes, 1, time.Millisecond)
	must(t, err)
	_, err = q.Reclaim(ctx, "b", 0, 100)
	must(t, err)
	must(t, q.Ack(ctx, entries...))
	_, err = q.Depth(ctx)
	must(t, err)
	_, err = q.Admit(ctx, []queue.Arrival{{Key: "gmail.com", Rate: queue.Rate{Per: 1}, Fresh: 1}, {Key: "gmx.de", Rate: queue.Rate{Per: 1}, Fresh: 1}}, now)
	must(t, err)
	_, _, err = q.Reserve(ctx, queue.Ask{Key: "provider:main", Rate: queue.Rate{Per: 1}, Most: 1}, now)
	must(t, err)

	if len(s.calls) < 10 {
		t.Fatalf("only %d calls with several keys were seen", len(s.calls))
	}
	for _, keys := range s.calls {
		for _, key := range keys {
			if tag(key) == "" || tag(key) != tag(keys[0]) {
				t.Errorf("%q and %q are in one call and not in one slot", keys[0], key)
			}
		}
	}
}

func TestConsumersThatAreGoneAreForgotten(t *testing.T) {
	ctx := t.Context()
	q := open(t, Config{URL: testenv.Redis(t)})
	must(t, q.Push(ctx, lane, 1, 2))
	done, err := q.Take(ctx, "done", []string{lane}, 1, 0)
	must(t, err)
	must(t, q.Ack(ctx, done...))
	_, err = q.Take(ctx, "holds", []string{lane}, 1, 0)
	must(t, err)

	q.forget = 0
	_, err = q.Reclaim(ctx, "other", time.Hour, 1)
	must(t, err)
	consumers, err := q.client.XInfoConsumers(ctx, q.keys.ready(lane), group).Result()
	must(t, err)
	if len(consumers) != 1 || consumers[0].Name != "holds" {
		t.Errorf("consumers %+v, want only the one that holds an entry", consumers)
	}
}

func TestEntriesOfOthersAreRemoved(t *testing.T) {
	ctx := t.Context()
	q := open(t, Config{URL: testenv.Redis(t)})
	must(t, q.Push(ctx, lane, 1))
	must(t, q.client.XAdd(ctx, &redis.XAddArgs{Stream: q.keys.ready(lane), Values: []any{"x", "no number"}}).Err())
	must(t, q.Push(ctx, lane, 2))
	entries, err := q.Take(ctx, "a", []string{lane}, 9, 0)
	must(t, err)
	if len(entries) != 2 || entries[0].Batch != 1 || entries[1].Batch != 2 {
		t.Errorf("got %v", entries)
	}
	depth, err := q.Depth(ctx)
	must(t, err)
	if depth[lane] != (queue.Depth{Pending: 2}) {
		t.Errorf("depth %+v: the foreign entry is still there", depth[lane])
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
