package memory

import (
	"context"

	"rapport/internal/queue"
)

// Publish implements queue.Notices.
func (q *Queue) Publish(ctx context.Context, n queue.Notice) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.usable(ctx); err != nil {
		return err
	}
	for feed := range q.feeds {
		feed.Offer(n)
	}
	return nil
}

// Subscribe implements queue.Notices.
func (q *Queue) Subscribe(ctx context.Context) <-chan queue.Notice {
	ctx, cancel := context.WithCancel(ctx)
	feed := queue.NewFeed(ctx)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		cancel()
		return feed.C()
	}
	q.feeds[feed] = cancel
	context.AfterFunc(ctx, func() {
		cancel()
		q.mu.Lock()
		defer q.mu.Unlock()
		delete(q.feeds, feed)
	})
	return feed.C()
}
