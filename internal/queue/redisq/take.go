package redisq

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"rapport/internal/queue"
)

const (
	// slice is how long one blocking read lasts at most: cancelling a context
	// does not interrupt it, and a stopping process should not wait longer.
	slice = 500 * time.Millisecond
	// minSlice is the shortest: Redis takes 0 as "for ever".
	minSlice = time.Millisecond
	// returning is the time for giving entries back after a cancelled Take.
	returning = 2 * time.Second
)

// Take implements queue.Work.
func (q *Queue) Take(ctx context.Context, consumer string, lanes []string, max int, wait time.Duration) ([]queue.Entry, error) {
	if max <= 0 {
		return nil, ctx.Err()
	}
	if len(lanes) == 0 {
		return nil, pause(ctx, wait)
	}
	t := take{queue: q, consumer: consumer, lanes: queue.Order(lanes, q.turn.Load()), max: max}
	entries, err := t.now(ctx, max)
	for err == nil && len(entries) == 0 && wait > 0 {
		d := min(wait, slice)
		wait -= d
		entries, err = t.block(ctx, d)
	}
	if err != nil {
		return nil, q.failed(ctx, err)
	}
	if len(entries) > 0 {
		q.turn.Add(1)
	}
	return entries, nil
}

// take is one call of Take.
type take struct {
	queue    *Queue
	consumer string
	lanes    []string // in order
	max      int
}

// now takes up to n entries without waiting.
func (t take) now(ctx context.Context, n int) ([]queue.Entry, error) {
	keys := t.queue.keys.allReady(t.lanes)
	reply, err := takeScript.Run(ctx, t.queue.client, keys, group, t.consumer, n).Slice()
	if err != nil {
		return nil, err
	}
	var entries []queue.Entry
	for r := range slices.Chunk(reply, 3) {
		e := queue.Entry{Lane: t.lanes[r[0].(int64)-1], Token: r[1].(string), Deliveries: 1}
		entries = t.queue.read(ctx, entries, e, r[2])
	}
	return entries, nil
}

// block waits for the first entry and then takes what else is there.
func (t take) block(ctx context.Context, wait time.Duration) ([]queue.Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	entries, err := t.first(ctx, wait)
	switch {
	case gone(err): // Redis was emptied: the next script makes the groups again
		return t.now(ctx, t.max)
	case err != nil:
		return nil, err
	case ctx.Err() != nil:
		t.giveBack(entries)
		return nil, ctx.Err()
	case len(entries) == 0:
		return nil, nil
	case len(entries) > t.max:
		t.giveBack(entries[t.max:])
		return entries[:t.max], nil
	}
	more, err := t.now(ctx, t.max-len(entries))
	if err != nil {
		return entries, nil // what is in hand counts; the next call will tell
	}
	return append(entries, more...), nil
}

// first is a blocking read of one entry. When several lanes get one at the same
// moment it returns one of each.
func (t take) first(ctx context.Context, wait time.Duration) ([]queue.Entry, error) {
	keys := t.queue.keys.allReady(t.lanes)
	streams := keys
	for range keys {
		streams = append(streams, ">")
	}
	reply, err := t.queue.client.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: group, Consumer: t.consumer, Streams: streams, Count: 1, Block: max(wait, minSlice),
	}).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var entries []queue.Entry
	for _, stream := range reply {
		lane := t.lanes[slices.Index(keys, stream.Stream)]
		for _, message := range stream.Messages {
			e := queue.Entry{Lane: lane, Token: message.ID, Deliveries: 1}
			entries = t.queue.read(ctx, entries, e, message.Values["batch"])
		}
	}
	return entries, nil
}

// giveBack makes entries ready again. What fails here is reclaimed later.
func (t take) giveBack(entries []queue.Entry) {
	ctx, cancel := context.WithTimeout(context.Background(), returning)
	defer cancel()
	for _, e := range entries {
		_ = giveBackScript.Run(ctx, t.queue.client, []string{t.queue.keys.ready(e.Lane)}, group, e.Token, e.Batch).Err()
	}
}

// pause waits as a Take of no lanes does.
func pause(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
