package redisq

import (
	"testing"
	"time"

	"rapport/internal/queue"
	"rapport/internal/testenv"
)

// BenchmarkPushTakeAck moves batches through the queue a hundred at a time.
func BenchmarkPushTakeAck(b *testing.B) {
	ctx := b.Context()
	q, err := Open(Config{URL: testenv.Redis(b)})
	if err != nil {
		b.Fatal(err)
	}
	defer q.Close()
	const block = 100
	ids := make([]int64, block)
	for n := range ids {
		ids[n] = int64(n)
	}
	lanes := []string{"90.mia", "50.mia", "50.tom", "10.mia"}
	b.ResetTimer()
	for n := 0; n < b.N; n += block {
		if err := q.Push(ctx, "50.mia", ids...); err != nil {
			b.Fatal(err)
		}
		entries, err := q.Take(ctx, "a", lanes, block, 0)
		if err != nil || len(entries) != block {
			b.Fatal(len(entries), err)
		}
		if err := q.Ack(ctx, entries...); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReserve asks for a block of tokens.
func BenchmarkReserve(b *testing.B) {
	ctx := b.Context()
	q, err := Open(Config{URL: testenv.Redis(b)})
	if err != nil {
		b.Fatal(err)
	}
	defer q.Close()
	for b.Loop() {
		if _, _, err := q.Reserve(ctx, queue.Ask{Key: "k", Rate: queue.Rate{Per: 1e6, Burst: 1000}, Most: 100}, time.Time{}); err != nil {
			b.Fatal(err)
		}
	}
}
