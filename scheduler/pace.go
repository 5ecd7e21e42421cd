package scheduler

import (
	"context"
	"time"

	"rapport/internal/catalog"
)

// React and those who bring events in share one database, and often one machine.
// While so much comes that React would have to work half of the time, it gives way:
// a callback that is answered late is sent again, and a stage that is some seconds
// late moves all the same. What has piled up is then looked at contact by contact
// and not event by event, which costs less than keeping up would have.

const (
	// orderSize is how many touched contacts are put in order in one go.
	orderSize = 500_000
	// restShare is how long React rests after a turn, in lengths of that turn, and
	// restMost how long at most; while it is in time restInTime, so that it stays so.
	restShare  = 4
	restMost   = 2 * time.Second
	restInTime = 200 * time.Millisecond
	// promptTo is how much may come in a second without React giving way to it: up
	// to there a stage follows its event at once, also on a machine that is busy.
	promptTo = 6000
	// yieldFor is how long it gives way before both have the same right again.
	yieldFor = 2 * time.Minute
	// little is a turn after which nobody needs a rest.
	little = 200
)

// pace is what React goes by while much comes in.
type pace struct {
	ordered int       // what is left of those that were put in order
	since   time.Time // when it began to give way, on Watch; zero: it does not
	until   time.Time // when the next turn may begin, on Watch
}

// paced is React in real time, where others want the database too.
func (s *Scheduler) paced(ctx context.Context, m moment) (did int, err error) {
	if s.Watch.Now().Before(s.pace.until) {
		return 0, nil
	}
	return s.reactTurns(ctx, m, s.pacedTurn)
}

// pacedTurn is turn, with a rest behind it where half as much came in meanwhile as
// it took away: then it could be in time only by working half of the time.
func (s *Scheduler) pacedTurn(ctx context.Context, applied *catalog.Applied) (n int, more bool, err error) {
	newest, err := s.Store.NewestTouched(ctx)
	if err != nil {
		return 0, false, err
	}
	p, began := &s.pace, s.Watch.Now()
	if n, more, err = s.turn(ctx, applied); err != nil {
		return n, false, err
	}
	if p.ordered = max(0, p.ordered-n); more && p.ordered == 0 {
		if p.ordered, err = s.Store.OrderTouched(ctx, s.Clock.Now(), orderSize); err != nil {
			return n, false, err
		}
	}
	came := int64(0)
	if n >= little {
		if came, err = s.Store.TouchedAfter(ctx, newest); err != nil {
			return n, false, err
		}
	}
	now := s.Watch.Now()
	took := now.Sub(began)
	if n < little || int(came) < n/2 || float64(came) < promptTo*took.Seconds() {
		p.since = time.Time{}
		return n, more, nil
	}
	if p.since.IsZero() {
		p.since = now
	}
	if now.Sub(p.since) >= yieldFor {
		return n, more, nil
	}
	most := restInTime
	if more {
		most = restMost
	}
	p.until = now.Add(min(restShare*took, most))
	return n, false, nil
}
