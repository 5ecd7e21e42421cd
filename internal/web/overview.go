package web

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"rapport/campaigns"
	"rapport/internal/store"
)

// overview answers whether everything goes, and if not, why not.
type overviewData struct {
	Verdict   verdict
	Sent      int64
	Rate      string // messages a second, or ""
	Waiting   int64  // queued messages
	Ready     int64  // batches that may go now
	Pending   int    // batches in the hands of workers
	Delayed   int    // batches that wait for their time
	Workers   int
	Contacts  int64
	Running   int64 // enrolments
	Reasons   []store.ReasonCount
	Sampled   bool // Reasons are those of the newest messages only
	Upcoming  []upcoming
	Recent    []firing
	Ladder    []rung
	Applied   time.Time
	Author    string
	HasLadder bool
}

// upcoming is a start that lies ahead.
type upcoming struct {
	Campaign string
	At       time.Time
	Paused   bool
}

// firing is a start that has happened.
type firing struct {
	store.Firing
	Campaign string
}

func (w *Web) overview(q *request) (view, error) {
	ctx := q.Context()
	s, err := w.situation(q)
	if err != nil {
		return view{}, err
	}
	d := overviewData{
		Verdict: judge(s), Sent: s.totals.Messages[string(campaigns.Sent)], Waiting: s.totals.Messages[string(campaigns.Queued)],
		Ready: int64(s.depth.Ready), Pending: s.depth.Pending, Delayed: s.depth.Delayed, Workers: s.workers, Contacts: s.totals.Contacts,
		Running: s.totals.Enrolments[string(campaigns.Active)] + s.totals.Enrolments[string(campaigns.Parked)],
		Reasons: s.reasons, Sampled: s.sampled, Upcoming: s.upcoming,
	}
	if s.hasRate {
		d.Rate = perSecond(s.rate)
	}
	firings, err := w.Store.RecentFirings(ctx, 0, 6)
	if err != nil {
		return view{}, err
	}
	names := namesOf(s.campaigns)
	for _, f := range firings {
		d.Recent = append(d.Recent, firing{f, names[f.FiringKey.Campaign]})
	}
	counts, err := w.ladder.get(ctx)
	if err != nil {
		return view{}, err
	}
	d.Ladder = rungs(stagesOf(q.applied), counts)
	d.HasLadder = len(d.Ladder) > 0
	if q.applied != nil {
		d.Applied, d.Author = q.applied.Version.Applied, q.applied.Version.Author
	}
	return view{page: "overview", room: "overview", title: "Overview", data: d, live: 2}, nil
}

func perSecond(r float64) string {
	switch {
	case r <= 0:
		return "0"
	case r < 0.1:
		return "< 0.1"
	case r < 10:
		return strings.TrimSuffix(trimFloat(r), ".0")
	}
	return num(int64(r + 0.5))
}

func namesOf(all map[string]store.Campaign) map[int64]string {
	out := make(map[int64]string, len(all))
	for name, c := range all {
		out[c.ID] = name
	}
	return out
}

// depthOf is what a queue holds over all its lanes.
type depthOf struct{ Ready, Pending, Delayed int }

// situation is everything that the verdict is made of.
type situation struct {
	now       time.Time
	applied   bool
	totals    store.Totals
	campaigns map[string]store.Campaign
	depth     depthOf
	queueErr  error
	workers   int
	touched   int64
	rate      float64
	hasRate   bool
	reasons   []store.ReasonCount // why queued messages wait
	sampled   bool
	failing   []Failing
	upcoming  []upcoming
}

// sampleSize is how many queued messages are asked why they wait.
const sampleSize = 500

func (w *Web) situation(q *request) (s situation, err error) {
	ctx := q.Context()
	s.now, s.applied, s.failing = q.now, q.applied != nil, w.Failing()
	if s.totals, err = w.totals.get(ctx); err != nil {
		return s, err
	}
	if s.campaigns, err = w.Store.Campaigns(ctx); err != nil {
		return s, err
	}
	workers, err := w.Store.Workers(ctx)
	if err != nil {
		return s, err
	}
	for _, worker := range workers {
		if !worker.Stopped {
			s.workers++
		}
	}
	if s.touched, err = w.Store.TouchedWaiting(ctx); err != nil {
		return s, err
	}
	s.depth, s.queueErr = w.depth(ctx)
	s.rate, s.hasRate = w.rate.see(w.Wall(), s.totals.Messages[string(campaigns.Sent)])
	if s.totals.Messages[string(campaigns.Queued)] > 0 {
		if s.reasons, s.sampled, err = w.whyWaiting(ctx, s.campaigns, q.now); err != nil {
			return s, err
		}
	}
	s.upcoming = q.upcoming(s.campaigns)
	return s, nil
}

func (w *Web) depth(ctx context.Context) (d depthOf, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := w.Queue.Ping(ctx); err != nil {
		return d, err
	}
	lanes, err := w.Queue.Depth(ctx)
	for _, lane := range lanes {
		d.Ready += lane.Ready
		d.Pending += lane.Pending
		d.Delayed += lane.Delayed
	}
	return d, err
}

// whyWaiting counts the reasons for which queued messages wait.
func (w *Web) whyWaiting(ctx context.Context, status map[string]store.Campaign, now time.Time) (reasons []store.ReasonCount, sampled bool, err error) {
	list, err := w.Store.Messages(ctx, store.MessageFilter{State: campaigns.Queued, Limit: sampleSize})
	if err != nil {
		return nil, false, err
	}
	count := map[string]int64{}
	for _, m := range list {
		why, _, _ := strings.Cut(whyQueued(m, status[m.Campaign].Status, w.shut(m.Campaign), now), untilWhen)
		count[why]++
	}
	for _, reason := range slices.Sorted(maps.Keys(count)) {
		reasons = append(reasons, store.ReasonCount{Reason: reason, Count: count[reason]})
	}
	slices.SortStableFunc(reasons, func(a, b store.ReasonCount) int { return cmp.Compare(b.Count, a.Count) })
	return reasons, len(list) == sampleSize, nil
}

// untilWhen parts the reason of a queued message from the time it holds until.
const untilWhen = "; from "

// whyPaused is the reason of a message that only a person can let go.
const whyPaused = "its campaign is paused"

// whyShut begins the reason of a message whose sender has no open provider.
const whyShut = "no provider is open: "

// whyQueued says why a message has not left. shut says why no provider of its
// sender is open.
func whyQueued(m store.Message, status store.CampaignStatus, shut string, now time.Time) string {
	switch {
	case status == store.Paused:
		return whyPaused
	case shut != "":
		return whyShut + shut
	case m.Reason != "":
		return m.Reason
	case m.NotBefore.After(now):
		return "its time has not come"
	}
	return "a worker will take it"
}

// upcoming are the next starts of the campaigns, soonest first.
func (q *request) upcoming(status map[string]store.Campaign) []upcoming {
	if q.applied == nil {
		return nil
	}
	var out []upcoming
	for name, d := range q.applied.Workspace.Campaigns {
		c := status[name]
		if c.Status == store.Stopped || c.Status == store.Removed {
			continue
		}
		if f, ok := d.NextFiring(q.now, q.zone); ok {
			out = append(out, upcoming{name, f.At, c.Status == store.Paused})
		}
	}
	slices.SortFunc(out, func(a, b upcoming) int { return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Campaign, b.Campaign)) })
	return out[:min(len(out), 5)]
}
