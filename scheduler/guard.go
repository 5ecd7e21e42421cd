package scheduler

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

// guardEvery is how often the guard looks, and judgedFor how long after the last
// report about a campaign it looks again: the ledger may be later than the report.
const (
	guardEvery = 5 * time.Second
	judgedFor  = time.Minute
)

// Guard pauses campaigns whose mail bounces or draws complaints beyond what the
// workspace allows, by one elected scheduler. Nothing is counted while mail goes:
// a campaign is looked at when there is a new report about it.
func (s *Scheduler) Guard(ctx context.Context, m moment) (did int, err error) {
	limits := m.applied.Limits
	if limits.Bounces == nil && limits.Complaints == nil || !s.guarded.IsZero() && m.now.Sub(s.guarded) < guardEvery {
		return 0, nil
	}
	s.guarded = m.now
	held, err := s.Store.Lease(ctx, "guard", s.ID, m.now, m.now.Add(2*guardEvery))
	if err != nil || !held {
		return 0, err
	}
	last, err := s.Store.LastHarm(ctx)
	if err != nil {
		return 0, err
	}
	for _, k := range m.applied.Campaigns {
		event := last[k.ID]
		if event == 0 || k.Status != store.Running || event == s.judged[k.ID] && m.now.Sub(ident.Time(event)) > judgedFor {
			continue
		}
		reason, err := s.harm(ctx, k, limits)
		if err != nil {
			return did, err
		}
		s.judged[k.ID] = event
		if reason == "" {
			continue
		}
		paused, err := s.Store.PauseFor(ctx, k, reason, m.now)
		if err != nil {
			return did, err
		}
		if paused {
			s.Log.Warn("a campaign was "+reason, "campaign", k.Name)
			s.Changed(ctx, k.Name)
			did++
		}
	}
	return did, nil
}

// harm is why a campaign must pause, or "".
func (s *Scheduler) harm(ctx context.Context, k store.Campaign, limits workspace.Limits) (reason string, err error) {
	for _, g := range []struct {
		*workspace.Guard
		event, what string
	}{{limits.Bounces, contacts.EventBounced, "bounced"}, {limits.Complaints, contacts.EventComplained, "drew a complaint"}} {
		if g.Guard == nil {
			continue
		}
		found, err := s.Store.Harm(ctx, store.Harm{Campaign: k, Event: g.event, Row: g.OfLast, Cases: g.Beyond()})
		if err != nil {
			return "", err
		}
		for _, h := range found {
			if h.Cases >= g.AtLeast && h.Share() > g.Above {
				return fmt.Sprintf("paused by the guard: %d of %d messages %s (%s, above %s)", h.Cases, h.Of, g.what, percent(h.Share(), 1), percent(g.Above, -1)), nil
			}
		}
	}
	return "", nil
}

// percent writes a share with so many digits after the point; -1: as many as it has.
func percent(share float64, digits int) string {
	text := strconv.FormatFloat(share*100, 'f', digits, 64)
	if digits < 0 {
		text = strconv.FormatFloat(share*100, 'g', 6, 64) // 0.001*100 is not quite 0.1
	}
	return text + "%"
}
