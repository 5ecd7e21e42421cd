package scheduler

import (
	"context"
	"time"

	"rapport/campaigns"
	"rapport/internal/store"
)

// sweepSize bounds what one sweep puts on the queue.
const sweepSize = 1000

// lostAfter is how long a batch may be on the queue before the sweep asks
// whether the queue still has it.
const lostAfter = time.Minute

// staleAfter is how long a batch may be on a queue that has a backlog before it
// is put there again. One that is there twice does no harm: the second finds
// nothing left to claim.
const staleAfter = time.Hour

// blind is how long the heartbeats may go unread before they are watched anew:
// in an outage of the database nobody can write one, and nobody is silent.
const blind = 30 * time.Second

// beat is a worker's counter and when this process saw it change.
type beat struct {
	counter int64
	seen    time.Time
}

// Sweep puts on the queue what was held until now, and what the queue has lost;
// and it gives up workers that have fallen silent.
func (s *Scheduler) Sweep(ctx context.Context, m moment) (did int, err error) {
	if m.pending.Open {
		if _, err := s.Queue.Due(ctx, m.now); err != nil {
			return 0, err
		}
		lost, err := s.lost(ctx, m)
		if err != nil {
			return 0, err
		}
		if err := s.push(ctx, lost); err != nil {
			return 0, err
		}
		did = len(lost)
	}
	if m.pending.Batches {
		due, err := s.Store.DueBatches(ctx, m.now, sweepSize)
		if err != nil {
			return did, err
		}
		if err := s.push(ctx, due); err != nil {
			return did, err
		}
		did += len(due)
	}
	return did, s.watch(ctx, m)
}

// watch gives up silent workers, and sends again what campaigns want sent again
// when nobody is sure of it. It looks seldom: heartbeats are seconds apart, and
// silence is minutes.
func (s *Scheduler) watch(ctx context.Context, m moment) error {
	watch := s.Watch.Now()
	if watch.Sub(s.watched) < time.Second {
		return nil
	}
	s.watched = watch
	if err := s.giveUp(ctx, m.now); err != nil {
		return err
	}
	var resend []int64
	for name, d := range m.applied.Workspace.Campaigns {
		if d.OnUnknown == campaigns.ResendUnknown {
			resend = append(resend, m.applied.CampaignID(name))
		}
	}
	if len(resend) == 0 {
		return nil
	}
	again, err := s.Store.ResendUnknown(ctx, resend, m.now.Add(-resendFor), m.now)
	if err != nil {
		return err
	}
	return s.push(ctx, again)
}

// resendFor is how far back unknown messages are sent again.
const resendFor = 30 * 24 * time.Hour

// lost finds committed batches that are on no queue: at once on lanes whose queue
// is empty. Where there is a backlog a batch may rightly wait for hours, so there
// it is only made sure, now and then, that none is missing.
func (s *Scheduler) lost(ctx context.Context, m moment) ([]store.Batch, error) {
	watch := s.Watch.Now()
	if watch.Sub(s.searched) < time.Second {
		return nil, nil
	}
	s.searched = watch
	open, err := s.Store.OpenLanes(ctx)
	if err != nil {
		return nil, err
	}
	// What no provider takes stays on the queue untouched, however long.
	if open = m.applied.OpenLanes(open); len(open) == 0 {
		return nil, nil
	}
	depth, err := s.Queue.Depth(ctx)
	if err != nil {
		return nil, err
	}
	var idle []string
	for _, lane := range open {
		if d := depth[lane]; d.Ready+d.Delayed+d.Pending == 0 {
			idle = append(idle, lane)
		}
	}
	found, err := s.Store.LostBatches(ctx, open, m.now.Add(-staleAfter), m.now, sweepSize)
	if err != nil || len(idle) == 0 {
		return found, err
	}
	more, err := s.Store.LostBatches(ctx, idle, m.now.Add(-lostAfter), m.now, sweepSize)
	return append(found, more...), err
}

// giveUp watches the heartbeats. A worker whose counter has stood still for too
// long is given up; what it was sending becomes unknown.
func (s *Scheduler) giveUp(ctx context.Context, now time.Time) error {
	workers, err := s.Store.Workers(ctx)
	if err != nil {
		return err
	}
	watch := s.Watch.Now()
	if watch.Sub(s.heard) > blind {
		clear(s.beats)
	}
	s.heard = watch
	alive := map[string]beat{}
	for _, w := range workers {
		last, known := s.beats[w.ID]
		switch {
		case !known || last.counter != w.Beat:
			alive[w.ID] = beat{w.Beat, watch}
		case watch.Sub(last.seen) < s.Silence && !w.Stopped:
			alive[w.ID] = last
		default:
			n, err := s.Store.GiveUp(ctx, w, now)
			if err != nil {
				return err
			}
			s.Log.Warn("gave up a silent worker", "worker", w.ID, "unknown", n)
			// What it took from the queue and never claimed is for others now.
			if _, err := s.Queue.GiveBack(ctx, w.ID); err != nil {
				s.Log.Warn("cannot give back what a silent worker took; another worker takes it in a few minutes", "worker", w.ID, "error", err)
			}
		}
	}
	s.beats = alive
	return nil
}
