package scheduler

import (
	"context"
	"time"
)

// React and those who bring in events share one database, often one machine. While
// more comes than React needs to be in time with, it gives way: an answer that is
// late is a callback that comes again, and a stage that is late by some seconds
// moves all the same. What has piled up meanwhile is then looked at contact by
// contact and not event by event, which costs less than keeping up would have.

const (
	// orderSize is how many touched contacts are put in order in one go.
	orderSize = 500_000
	// restShare is how long React rests after a turn, in lengths of that turn, and
	// restMost how long at most.
	restShare = 4
	restMost  = time.Second
	// yieldFor is how long it gives way before both have the same right again.
	yieldFor = 2 * time.Minute
)

// pace is what React goes by while it is behind.
type pace struct {
	newest  int64     // the newest row of touched contacts that was seen
	ordered int       // what is left of those that were put in order
	since   time.Time // when it began to give way; zero: it does not
	until   time.Time // when the next turn may begin
}

// paced is React in real time: it gives way to those who bring events in.
func (s *Scheduler) paced(ctx context.Context, m moment) (did int, err error) {
	if s.Watch.Now().Before(s.pace.until) {
		return 0, nil
	}
	return s.reactTurns(ctx, m, s.afterTurn)
}

// afterTurn looks, after a turn of n that began at a time, whether there is much
// more, and decides whether to go on at once.
func (s *Scheduler) afterTurn(ctx context.Context, began time.Time, n, limit int) (goOn bool, err error) {
	p, now := &s.pace, s.Watch.Now()
	p.ordered -= n
	if n < limit { // that was the last of them
		*p = pace{}
		return false, nil
	}
	if p.ordered <= 0 {
		if p.ordered, err = s.Store.OrderTouched(ctx, s.Clock.Now(), orderSize); err != nil {
			return false, err
		}
	}
	before := p.newest
	came, newest, err := s.Store.TouchedAfter(ctx, before)
	if err != nil {
		return false, err
	}
	p.newest = newest
	if before == 0 { // whatever waits, nobody knows since when
		return true, nil
	}
	// Nearly as much has come as it has taken away: it could keep up only by
	// taking half of the machine.
	if int(came) < n*3/4 {
		return true, nil
	}
	if p.since.IsZero() {
		p.since = now
	}
	if now.Sub(p.since) >= yieldFor {
		return true, nil
	}
	p.until = now.Add(min(restShare*now.Sub(began), restMost))
	return false, nil
}
