package redisq

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"rapport/internal/queue"
)

// chunk is how many commands or ids go to the server at once: enough that the
// round trip does not count, few enough that nobody waits for them.
const chunk = 1000

// Push implements queue.Work.
func (q *Queue) Push(ctx context.Context, lane string, batches ...int64) error {
	stream := q.keys.ready(lane)
	for part := range slices.Chunk(batches, chunk) {
		_, err := q.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			p.SAdd(ctx, q.keys.lanes(), lane)
			for _, batch := range part {
				p.XAdd(ctx, &redis.XAddArgs{Stream: stream, Values: []any{"batch", batch}})
			}
			return nil
		})
		if err != nil {
			return q.failed(ctx, err)
		}
	}
	return nil
}

// Ack implements queue.Work.
func (q *Queue) Ack(ctx context.Context, entries ...queue.Entry) error {
	for part := range slices.Chunk(entries, chunk) {
		tokens := map[string][]string{}
		for _, e := range part {
			tokens[e.Lane] = append(tokens[e.Lane], e.Token)
		}
		_, err := q.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for lane, ids := range tokens {
				p.XAck(ctx, q.keys.ready(lane), group, ids...)
				p.XDel(ctx, q.keys.ready(lane), ids...)
			}
			return nil
		})
		if err != nil {
			return q.failed(ctx, err)
		}
	}
	return nil
}

// Reclaim implements queue.Work; idle is measured by the server. It also drops
// the names of consumers that are long gone.
func (q *Queue) Reclaim(ctx context.Context, consumer string, idle time.Duration, max int) ([]queue.Entry, error) {
	lanes, err := q.lanes(ctx)
	if err != nil || len(lanes) == 0 {
		return nil, err
	}
	streams := q.keys.allReady(lanes)
	reply, err := reclaimScript.Run(ctx, q.client, streams, group, consumer, idle.Milliseconds(), max).Slice()
	if err != nil {
		return nil, q.failed(ctx, err)
	}
	var entries []queue.Entry
	for r := range slices.Chunk(reply, 4) {
		deliveries, _ := r[3].(int64)
		e := queue.Entry{Lane: lanes[r[0].(int64)-1], Token: r[1].(string), Deliveries: int(deliveries)}
		entries = q.read(ctx, entries, e, r[2])
	}
	if err := forgetScript.Run(ctx, q.client, streams, group, q.forget.Milliseconds()).Err(); err != nil && len(entries) == 0 {
		return nil, q.failed(ctx, err) // what is in hand counts; the next call will tell
	}
	return entries, nil
}

// GiveBack implements queue.Work.
func (q *Queue) GiveBack(ctx context.Context, consumer string) (given int, err error) {
	lanes, err := q.lanes(ctx)
	if err != nil {
		return 0, err
	}
	for _, lane := range lanes {
		n, err := giveAllBackScript.Run(ctx, q.client, []string{q.keys.ready(lane)}, group, consumer).Int()
		if err != nil {
			return given, q.failed(ctx, err)
		}
		given += n
	}
	return given, nil
}

// read fills in the batch and appends the entry. An entry that we cannot have
// written is removed instead, or it would come back for ever.
func (q *Queue) read(ctx context.Context, entries []queue.Entry, e queue.Entry, field any) []queue.Entry {
	text, _ := field.(string)
	batch, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		_ = q.Ack(ctx, e) // failing, it comes back and is removed then
		return entries
	}
	e.Batch = batch
	return append(entries, e)
}

// Later implements queue.Work.
func (q *Queue) Later(ctx context.Context, lane string, batch int64, at time.Time) error {
	_, err := q.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.SAdd(ctx, q.keys.lanes(), lane)
		p.ZAdd(ctx, q.keys.delayed(lane), redis.Z{Score: float64(at.UnixMilli()), Member: batch})
		return nil
	})
	return q.failed(ctx, err)
}

// Due implements queue.Work.
func (q *Queue) Due(ctx context.Context, now time.Time) (moved int, err error) {
	lanes, err := q.lanes(ctx)
	if err != nil || len(lanes) == 0 {
		return 0, err
	}
	var pairs []string
	for _, lane := range lanes {
		pairs = append(pairs, q.keys.delayed(lane), q.keys.ready(lane))
	}
	for {
		reply, err := dueScript.Run(ctx, q.client, pairs, now.UnixMilli(), chunk).Int64Slice()
		if err != nil {
			return moved, q.failed(ctx, err)
		}
		if moved += int(reply[0]); reply[1] == 0 {
			return moved, nil
		}
	}
}

// Depth implements queue.Work. What is ready is what the stream holds without
// what is pending, because acknowledged entries are deleted.
func (q *Queue) Depth(ctx context.Context) (map[string]queue.Depth, error) {
	lanes, err := q.lanes(ctx)
	if err != nil {
		return nil, err
	}
	all, pending, delayed := make([]*redis.IntCmd, len(lanes)), make([]*redis.XPendingCmd, len(lanes)), make([]*redis.IntCmd, len(lanes))
	_, _ = q.client.Pipelined(ctx, func(p redis.Pipeliner) error { // each command is asked below
		for i, lane := range lanes {
			all[i] = p.XLen(ctx, q.keys.ready(lane))
			pending[i] = p.XPending(ctx, q.keys.ready(lane), group)
			delayed[i] = p.ZCard(ctx, q.keys.delayed(lane))
		}
		return nil
	})
	depth := make(map[string]queue.Depth, len(lanes))
	for i, lane := range lanes {
		d := queue.Depth{Delayed: int(delayed[i].Val())}
		for _, err := range []error{all[i].Err(), pending[i].Err(), delayed[i].Err()} {
			if err != nil && !gone(err) { // no group yet: nothing is pending
				return nil, q.failed(ctx, err)
			}
		}
		if summary := pending[i].Val(); summary != nil {
			d.Pending = int(summary.Count)
		}
		d.Ready = max(0, int(all[i].Val())-d.Pending)
		depth[lane] = d
	}
	return depth, nil
}

// lanes lists the lanes, the most urgent first.
func (q *Queue) lanes(ctx context.Context) ([]string, error) {
	names, err := q.client.SMembers(ctx, q.keys.lanes()).Result()
	if err != nil {
		return nil, q.failed(ctx, err)
	}
	return queue.Order(names, 0), nil
}
