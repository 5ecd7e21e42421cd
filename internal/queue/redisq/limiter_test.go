package redisq

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rapport/internal/queue"
	"rapport/internal/testenv"
)

// The script and queue.Rate.Reserve are one rule written twice: over any
// sequence of calls both must say the same and keep the same state.
func TestScriptAndGoAgree(t *testing.T) {
	q := open(t, Config{URL: testenv.Redis(t), CallerClock: true})
	ctx := t.Context()
	key := 0
	rapid.Check(t, func(rt *rapid.T) {
		key++
		name := "k" + strconv.Itoa(key)
		at := time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
		var bucket queue.Bucket
		for range rapid.IntRange(1, 12).Draw(rt, "calls") {
			rate := queue.Rate{
				Per:   rapid.Float64Range(0.01, 50_000).Draw(rt, "per"),
				Burst: rapid.IntRange(-1, 5000).Draw(rt, "burst"),
			}
			n := rapid.IntRange(0, 3000).Draw(rt, "n")
			at = at.Add(time.Duration(rapid.Int64Range(-2e6, 10e6).Draw(rt, "µs later")) * time.Microsecond)
			ask := queue.Ask{Key: name, Rate: rate, Most: n,
				Back: rapid.IntRange(0, 50).Draw(rt, "back"), Least: rapid.IntRange(0, 100).Draw(rt, "least")}
			after, want, wait := rate.Reserve(bucket, at, ask)
			granted, retry, err := q.Reserve(ctx, ask, at)
			if err != nil {
				rt.Fatal(err)
			}
			if granted != want || retry != wait {
				rt.Fatalf("redis grants %d, %s; go %d, %s", granted, retry, want, wait)
			}
			state, err := q.client.Get(ctx, q.keys.rate(name)).Result()
			if kept := fmt.Sprintf("%.17g %d", after.Level, after.At); err != nil || state != kept {
				rt.Fatalf("redis keeps %s (%v), go %s", state, err, kept)
			}
			bucket = after
		}
	})
}

// The same for lines: over any sequence of arrivals.
func TestLinesOfScriptAndGoAgree(t *testing.T) {
	q := open(t, Config{URL: testenv.Redis(t), CallerClock: true})
	ctx := t.Context()
	key := 0
	rapid.Check(t, func(rt *rapid.T) {
		key++
		names := []string{"a" + strconv.Itoa(key), "b" + strconv.Itoa(key)}
		at := time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
		lines := make([]queue.Line, 2)
		for range rapid.IntRange(1, 12).Draw(rt, "calls") {
			at = at.Add(time.Duration(rapid.Int64Range(-2e6, 10e6).Draw(rt, "µs later")) * time.Microsecond)
			var arrivals []queue.Arrival
			var want []queue.Admission
			for i, name := range names {
				a := queue.Arrival{Key: name, Again: rapid.IntRange(0, 200).Draw(rt, "again"), Fresh: rapid.IntRange(0, 200).Draw(rt, "fresh"),
					Rate: queue.Rate{Per: rapid.Float64Range(0.01, 500).Draw(rt, "per"), Burst: rapid.IntRange(1, 500).Draw(rt, "burst")}}
				var w queue.Admission
				lines[i], w = a.Rate.Admit(lines[i], at, a)
				arrivals, want = append(arrivals, a), append(want, w)
			}
			got, err := q.Admit(ctx, arrivals, at)
			if err != nil {
				rt.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				rt.Fatalf("(-go +redis):\n%s", diff)
			}
		}
	})
}

// With the server's clock the caller's time does not matter, and the key goes
// away by itself when its burst is whole again.
func TestServerClock(t *testing.T) {
	url := testenv.Redis(t)
	a, b := open(t, Config{URL: url}), open(t, Config{URL: url})
	ctx := t.Context()
	rate := queue.Rate{Per: 0.001, Burst: 10} // one in a thousand seconds
	granted, _, err := a.Reserve(ctx, queue.Ask{Key: "k", Rate: rate, Most: 6}, time.UnixMilli(0))
	if err != nil || granted != 6 {
		t.Fatal(granted, err)
	}
	granted, retry, err := b.Reserve(ctx, queue.Ask{Key: "k", Rate: rate, Most: 6}, time.UnixMilli(1<<45))
	if err != nil || granted != 4 || retry <= 900*time.Second || retry > 1000*time.Second {
		t.Errorf("granted %d, retry %s, error %v", granted, retry, err)
	}
	// A rate and burst without measure are kept within what a Duration holds.
	absurd := queue.Rate{Per: 1e-12, Burst: 1e9}
	granted, _, err = a.Reserve(ctx, queue.Ask{Key: "absurd", Rate: absurd, Most: 1e9}, time.UnixMilli(0))
	if err != nil || granted != 1e9 {
		t.Errorf("granted %d, error %v", granted, err)
	}
	if _, retry, err = a.Reserve(ctx, queue.Ask{Key: "absurd", Rate: absurd, Most: 1}, time.UnixMilli(0)); err != nil || retry != 365*24*time.Hour {
		t.Errorf("retry %s, error %v", retry, err)
	}
	ttl, err := a.client.PTTL(ctx, a.keys.rate("k")).Result()
	if err != nil || ttl < 9000*time.Second || ttl > 10_001*time.Second {
		t.Errorf("the key lives %s, error %v", ttl, err)
	}
}
