package scheduler

import (
	"context"
	"fmt"
	"maps"
	"slices"
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

// Guard pauses campaigns, and then closes providers, whose mail bounces or draws
// complaints beyond what the workspace allows, by one elected scheduler. Nothing is
// counted while mail goes: a campaign is looked at when there is a new report
// about it, and the providers when there is one at all.
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
	if did, err = s.guardCampaigns(ctx, m, last); err != nil {
		return did, err
	}
	n, err := s.guardProviders(ctx, m, last)
	return did + n, err
}

// news reports whether there may be something about a campaign that was not judged.
func (s *Scheduler) news(campaign, event int64, now time.Time) bool {
	return event != 0 && (event != s.judged[campaign] || now.Sub(ident.Time(event)) <= judgedFor)
}

func (s *Scheduler) guardCampaigns(ctx context.Context, m moment, last map[int64]int64) (did int, err error) {
	for _, k := range m.applied.Campaigns {
		event := last[k.ID]
		if k.Status != store.Running || !s.news(k.ID, event, m.now) {
			continue
		}
		harm, err := s.harm(ctx, m.applied.Limits, store.Harm{Campaign: k})
		if err != nil {
			return did, err
		}
		s.judged[k.ID] = event
		if harm == "" {
			continue
		}
		reason := "paused by the guard: " + harm
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

// allCampaigns is where judged keeps the newest report of all.
const allCampaigns = 0

func (s *Scheduler) guardProviders(ctx context.Context, m moment, last map[int64]int64) (did int, err error) {
	var event int64
	for _, of := range last {
		event = max(event, of)
	}
	if !s.news(allCampaigns, event, m.now) {
		return 0, nil
	}
	for _, name := range slices.Sorted(maps.Keys(m.applied.Providers)) {
		state := m.applied.States[name]
		if state.Closed {
			continue
		}
		harm, err := s.harm(ctx, m.applied.Limits, store.Harm{Provider: name, Opened: state.Changed})
		if err != nil {
			return did, err
		}
		if harm == "" {
			continue
		}
		reason := "closed by the guard: " + harm
		closed, err := s.Store.CloseProvider(ctx, name, reason, state, m.now)
		if err != nil {
			return did, err
		}
		if closed {
			s.Log.Warn("a provider was "+reason, "provider", name)
			did++
		}
	}
	s.judged[allCampaigns] = event
	return did, nil
}

// harm is what a campaign or a provider has done beyond the limits, or "".
func (s *Scheduler) harm(ctx context.Context, limits workspace.Limits, of store.Harm) (string, error) {
	for _, g := range []struct {
		*workspace.Guard
		event, what string
	}{{limits.Bounces, contacts.EventBounced, "bounced"}, {limits.Complaints, contacts.EventComplained, "drew a complaint"}} {
		if g.Guard == nil {
			continue
		}
		of.Event, of.Row, of.Cases = g.event, g.OfLast, g.Beyond()
		found, err := s.Store.Harm(ctx, of)
		if err != nil {
			return "", err
		}
		for _, row := range found {
			if beyond(g.Guard, row.Harmed) && (of.Provider == "" || common(g.Guard, row)) {
				return fmt.Sprintf("%d of %d messages %s (%s, above %s)", row.Cases, row.Of, g.what, percent(row.Share(), 1), percent(g.Above, -1)), nil
			}
		}
	}
	return "", nil
}

func beyond(g *workspace.Guard, h store.Harmed) bool {
	return h.Cases >= g.AtLeast && h.Share() > g.Above
}

// common reports whether a row is beyond the limit whichever one of its campaigns
// is left out. One campaign alone is a campaign's fault, and pausing it helps; what
// several have in common is the provider.
func common(g *workspace.Guard, row store.HarmedRow) bool {
	for _, part := range row.Campaigns {
		if !beyond(g, store.Harmed{Cases: row.Cases - part.Cases, Of: row.Of - part.Of}) {
			return false
		}
	}
	return true
}

// percent writes a share with so many digits after the point; -1: as many as it has.
func percent(share float64, digits int) string {
	text := strconv.FormatFloat(share*100, 'f', digits, 64)
	if digits < 0 {
		text = strconv.FormatFloat(share*100, 'g', 6, 64) // 0.001*100 is not quite 0.1
	}
	return text + "%"
}
