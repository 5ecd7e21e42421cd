package redisq

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"rapport/internal/queue"
)

const (
	// confirm is how long Subscribe waits for the server's confirmation, so that
	// what is published after it returned is seen.
	confirm = time.Second
	// quiet is how long a subscription may be silent before it is pinged; when
	// it stays silent as long again, the connection is dead.
	quiet = 2 * time.Second
	// firstRetry and lastRetry bound the pause between attempts to connect.
	firstRetry = 50 * time.Millisecond
	lastRetry  = 2 * time.Second
)

// Publish implements queue.Notices.
func (q *Queue) Publish(ctx context.Context, n queue.Notice) error {
	text, err := json.Marshal([2]string{n.Kind, n.Key})
	if err != nil {
		return err
	}
	return q.failed(ctx, q.client.Publish(ctx, q.keys.notices(), text).Err())
}

// Subscribe implements queue.Notices. It waits up to a second for the server.
func (q *Queue) Subscribe(ctx context.Context) <-chan queue.Notice {
	ctx, cancel := context.WithCancel(ctx)
	detach := context.AfterFunc(q.background, cancel)
	s := &subscription{queue: q, feed: queue.NewFeed(ctx), confirmed: make(chan struct{})}
	go func() {
		defer cancel()
		defer detach()
		s.run(ctx)
	}()
	late := time.NewTimer(confirm)
	defer late.Stop()
	select {
	case <-s.confirmed:
	case <-late.C:
		s.missed.Store(true)
	case <-ctx.Done():
	}
	return s.feed.C()
}

// subscription is one subscriber and its connection, made again when it breaks.
type subscription struct {
	queue     *Queue
	feed      *queue.Feed
	confirmed chan struct{} // closed at the first confirmation
	missed    atomic.Bool   // notices may have passed while nobody listened
	pause     time.Duration // before the next attempt
}

// run keeps a connection until the context ends.
func (s *subscription) run(ctx context.Context) {
	s.pause = firstRetry
	for ctx.Err() == nil {
		s.listen(ctx)
		s.missed.Store(true)
		_ = pause(ctx, s.pause) // the loop asks the context
		s.pause = min(2*s.pause, lastRetry)
	}
}

// listen subscribes and passes notices on until the connection breaks.
func (s *subscription) listen(ctx context.Context) {
	channel := s.queue.client.Subscribe(ctx, s.queue.keys.notices())
	defer channel.Close()
	// A blocked read ends only with its connection.
	stop := context.AfterFunc(ctx, func() { channel.Close() })
	defer stop()

	subscribed, asked := false, false
	for {
		message, err := channel.ReceiveTimeout(ctx, quiet)
		var slow net.Error
		switch {
		case err == nil:
			asked = false
		case errors.As(err, &slow) && slow.Timeout() && subscribed && !asked:
			if channel.Ping(ctx) != nil {
				return
			}
			asked = true
			continue
		default:
			return
		}
		switch m := message.(type) {
		case *redis.Subscription:
			// The library reconnects by itself inside Receive: a second
			// confirmation means that something may have been missed.
			s.established(subscribed)
			subscribed = true
		case *redis.Message:
			s.pass(m.Payload)
		}
	}
}

// established notes a confirmation of the server.
func (s *subscription) established(again bool) {
	s.pause = firstRetry
	if s.missed.Swap(false) || again {
		s.feed.Offer(queue.Notice{Kind: queue.Resync})
	}
	select {
	case <-s.confirmed:
	default:
		close(s.confirmed)
	}
}

// pass hands on one notice. What cannot be read is news that we do not know:
// reading everything again is the safe answer.
func (s *subscription) pass(payload string) {
	var pair [2]string
	if json.Unmarshal([]byte(payload), &pair) != nil {
		s.feed.Offer(queue.Notice{Kind: queue.Resync})
		return
	}
	s.feed.Offer(queue.Notice{Kind: pair[0], Key: pair[1]})
}
