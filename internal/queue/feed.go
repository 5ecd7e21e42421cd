package queue

import (
	"context"
	"sync"
)

// feedLimit is how many notices wait for a slow subscriber before they are
// replaced by one Resync.
const feedLimit = 1024

// Feed stands between a publisher that must never wait and one subscriber. What
// the subscriber is too slow for is dropped, and it is told so by a Resync.
type Feed struct {
	mu      sync.Mutex
	waiting []Notice
	wake    chan struct{} // holds one signal: something waits
	out     chan Notice
}

// NewFeed returns a feed whose channel is closed when the context ends.
func NewFeed(ctx context.Context) *Feed {
	f := &Feed{wake: make(chan struct{}, 1), out: make(chan Notice)}
	go f.deliver(ctx)
	return f
}

// C is the subscriber's channel.
func (f *Feed) C() <-chan Notice { return f.out }

// Offer adds a notice and never blocks.
func (f *Feed) Offer(n Notice) {
	f.mu.Lock()
	if len(f.waiting) >= feedLimit {
		f.waiting, n = nil, Notice{Kind: Resync}
	}
	f.waiting = append(f.waiting, n)
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default: // a signal is there already
	}
}

func (f *Feed) deliver(ctx context.Context) {
	defer close(f.out)
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.wake:
		}
		f.mu.Lock()
		batch := f.waiting
		f.waiting = nil
		f.mu.Unlock()
		for _, n := range batch {
			select {
			case <-ctx.Done():
				return
			case f.out <- n:
			}
		}
	}
}
