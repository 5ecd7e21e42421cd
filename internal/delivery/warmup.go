package delivery

import (
	"context"
	"fmt"
	"sync"
	"time"

	"rapport/campaigns"
	"rapport/internal/catalog"
	"rapport/internal/store"
)

// quota is what a claim was granted of a provider's day.
type quota struct {
	provider, day string
	granted       int
}

// askAgain is how soon a provider whose day is full is asked once more: another
// process may have given back what it did not use.
const askAgain = time.Minute

// warmed remembers the first days of providers, once they are past: from then on
// they stand for good, and a warm-up that is over costs nothing.
type warmed struct {
	mu    sync.Mutex
	first map[string]string
}

// warms reports whether what leaves through a provider is counted by the day.
func (w *Worker) warms(applied *catalog.Applied, provider, day string) bool {
	up := applied.Providers[provider].WarmUp
	if up == nil || !applied.Delivery.Live {
		return false
	}
	w.warmed.mu.Lock()
	defer w.warmed.mu.Unlock()
	first, known := w.warmed.first[provider]
	return !known || up.CeilingOn(first, day) >= 0
}

// withinDay cuts an allowance to what the provider's day has left. It reports
// false when that is nothing, and tells the router.
func (w *Worker) withinDay(ctx context.Context, applied *catalog.Applied, a *allowance, now time.Time) (bool, error) {
	day := applied.Day(now)
	if !w.warms(applied, a.provider, day) {
		return true, nil
	}
	up := applied.Providers[a.provider].WarmUp
	taken, err := w.Store.TakeQuota(ctx, store.Quota{Provider: a.provider, Day: day, Want: a.limit,
		Ceiling: func(first string) int { return up.CeilingOn(first, day) }})
	if err != nil {
		w.unused(*a, a.limit)
		return false, err
	}
	w.warmed.note(a.provider, taken.First, day)
	w.unused(*a, a.limit-taken.Granted)
	a.limit = taken.Granted
	if taken.Ceiling >= 0 {
		a.today = quota{a.provider, day, taken.Granted}
	}
	if taken.Granted > 0 {
		return true, nil
	}
	until := midnight(applied.Zone, now)
	if again := now.Add(askAgain); again.Before(until) {
		until = again
	}
	w.Router.Report(Report{Provider: a.provider, Until: until,
		Full: fmt.Sprintf("warm-up of %s: %d a day", a.provider, taken.Ceiling)}, now)
	return false, nil
}

func (r *warmed) note(provider, first, day string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if first >= day {
		return // given back, it was not the first
	}
	if r.first == nil {
		r.first = map[string]string{}
	}
	r.first[provider] = first
}

// midnight is when the next day begins.
func midnight(zone *time.Location, now time.Time) time.Time {
	y, m, d := now.In(zone).Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, zone)
}

// tomorrow holds back what would go, with the reason: of a campaign that stands
// still, those who were in hand when the day was full. The others are not touched.
func tomorrow(zone *time.Location, found []store.Candidate, verdicts []store.Verdict, why string, now time.Time) {
	for i, c := range found {
		if !verdicts[i].Go {
			continue
		}
		until := midnight(zone, now)
		if until.After(c.Expires) {
			until = c.Expires
		}
		verdicts[i] = store.Verdict{Until: until, Reason: why}
	}
}

// count corrects what was counted for a claim by what did leave. When it cannot,
// the day's count stays too high, and fewer messages leave.
func (w *Worker) count(ctx context.Context, applied *catalog.Applied, granted quota, outcomes []store.Outcome, now time.Time) {
	left := map[string]int{}
	day := applied.Day(now)
	if granted.provider != "" {
		left[granted.provider] = -granted.granted
	}
	for _, o := range outcomes {
		if (o.State == campaigns.Sent || o.State == campaigns.Unknown) && !o.Mailbox && w.warms(applied, o.Provider, day) {
			left[o.Provider]++
		}
	}
	for provider, n := range left {
		if n == 0 {
			continue
		}
		if err := w.Store.CountLeaving(ctx, provider, day, n); err != nil {
			w.Log.Warn("cannot count what has left today", "provider", provider, "error", err)
		}
	}
}
