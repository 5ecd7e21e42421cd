package scheduler

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"rapport/campaigns"
	"rapport/internal/catalog"
	"rapport/internal/store"
	"rapport/segments"
)

// fireLease is how long a scheduler that enrols may be silent before another
// one goes on in its place. Every chunk renews it.
const fireLease = time.Minute

// firing is a firing that this scheduler enrols, with who is still to come.
type firing struct {
	campaign string
	in       store.EnrolInput
}

// Fire claims the occurrences of schedules that have come, takes over those that
// a stopped scheduler left behind, and enrols the next chunk of each: so those of
// a few contacts do not wait for one of a million. Of several missed occurrences
// the latest runs and the others are recorded.
func (s *Scheduler) Fire(ctx context.Context, m moment) (did int, err error) {
	applied, now := m.applied, m.now
	var left []store.Firing
	if m.pending.Firings {
		if left, err = s.Store.ResumeFirings(ctx, s.ID, now, now.Add(fireLease)); err != nil {
			return 0, err
		}
	}
	// What one campaign stumbles over must not keep the others from their hour.
	var failed []error
	for _, f := range left {
		// A chunk that took longer than the lease leaves its own firing behind.
		if !slices.ContainsFunc(s.firings, func(own firing) bool { return own.in.Firing == f.FiringKey }) {
			s.enrolLater(applied, f)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(applied.Campaigns)) {
		k := applied.Campaigns[name]
		d := applied.Workspace.Campaigns[name]
		if d == nil || k.Status != store.Running {
			continue
		}
		n, err := s.fireCampaign(ctx, m, d, k)
		did += n
		if err != nil {
			failed = append(failed, fmt.Errorf("campaign %s: %w", name, err))
		}
	}
	enrolled, err := s.enrol(ctx, applied)
	return did + enrolled, errors.Join(append(failed, err)...)
}

// quietKey is a start of a campaign in a version of the workspace.
type quietKey struct {
	campaign, version int64
	start             string
}

func (s *Scheduler) fireCampaign(ctx context.Context, m moment, d *campaigns.Definition, k store.Campaign) (did int, err error) {
	applied, now := m.applied, m.now
	if d.Start.Kind == campaigns.StartEnter && d.Start.IncludeCurrent {
		if m.behind(applied.Applied) {
			return 0, nil
		}
		return s.fireOne(ctx, applied, store.FiringKey{Campaign: k.ID, Start: "enter", Wall: "include_current"}, now, now)
	}
	key := d.StartKey()
	quiet := quietKey{k.ID, applied.ID, key}
	if key == "" || now.Before(s.quiet[quiet]) {
		return 0, nil
	}
	last, found, err := s.Store.LastFiring(ctx, k.ID, key)
	if err != nil {
		return 0, err
	}
	since := last.At
	if !found {
		// Of a new schedule nothing is missed: it starts when it was applied.
		since = applied.Applied
		if k.Applied.After(since) {
			since = k.Applied
		}
	}
	// One that comes back, by a rollback or with its campaign, is new as well:
	// what passed meanwhile was somebody else's hour.
	stands, err := s.Store.StartStands(ctx, d.Name)
	if err != nil {
		return 0, err
	}
	if stands.After(since) {
		since = stands
	}
	var missed []store.Firing
	for _, f := range d.Firings(since, now, applied.Zone) {
		firing := store.FiringKey{Campaign: k.ID, Start: key, Wall: f.Wall}
		if found && f.Wall == last.Wall {
			continue
		}
		if f.Run && m.behind(f.At) {
			return did, nil
		}
		if !f.Run {
			missed = append(missed, store.Firing{FiringKey: firing, At: f.At})
			continue
		}
		n, err := s.fireOne(ctx, applied, firing, f.At, now)
		did += n
		if err != nil {
			return did, err
		}
	}
	if next, ok := d.NextFiring(now, applied.Zone); ok && next.At.After(now) {
		s.quiet[quiet] = next.At
	}
	if len(missed) == 0 {
		return did, nil
	}
	s.Log.Warn("firings were missed", "campaign", d.Name, "count", len(missed))
	return did, s.Store.MissFirings(ctx, missed, now)
}

// newsFirst is how long a firing waits at most for what is new about contacts to
// be looked at: after a large import they have no stage yet, and a firing that
// went ahead would miss them, a `once` for good.
const newsFirst = 5 * time.Minute

// behind reports whether a firing of this moment should wait for the news.
func (m moment) behind(fires time.Time) bool {
	return m.pending.Touched && m.now.Before(fires.Add(newsFirst))
}

// fireOne claims an occurrence, whose audience is enrolled from now on.
func (s *Scheduler) fireOne(ctx context.Context, applied *catalog.Applied, key store.FiringKey, at, now time.Time) (int, error) {
	claimed, err := s.Store.ClaimFiring(ctx, key, at, s.ID, now.Add(fireLease))
	if err != nil || !claimed {
		return 0, err
	}
	s.Log.Info("fired", "campaign", applied.Name(key.Campaign), "wall", key.Wall)
	s.enrolLater(applied, store.Firing{FiringKey: key, At: at})
	return 1, nil
}

// enrolLater puts a firing among those that are enrolled.
func (s *Scheduler) enrolLater(applied *catalog.Applied, f store.Firing) {
	d := applied.Definition(f.Campaign)
	if d == nil {
		return // the campaign was removed meanwhile; its firing stays as it is
	}
	s.firings = append(s.firings, firing{applied.Name(f.Campaign), s.enrolInput(applied, d, f)})
}

// enrol enrols the next chunk of each firing. One that fails is left to whoever
// finds its lease run out.
func (s *Scheduler) enrol(ctx context.Context, applied *catalog.Applied) (did int, err error) {
	var failed []error
	going := s.firings[:0]
	for _, f := range s.firings {
		if f.in.Version != applied.ID {
			d := applied.Definition(f.in.Firing.Campaign)
			if d == nil {
				continue // the campaign was removed meanwhile; its firing stays as it is
			}
			// What was applied holds for the rest of the audience.
			f.in = s.enrolInput(applied, d, store.Firing{FiringKey: f.in.Firing, At: f.in.Now})
		}
		f.in.Written = s.Clock.Now()
		f.in.LeaseTill = f.in.Written.Add(fireLease)
		machine := s.Machine(ctx, applied, f.in.Written)
		f.in.Step = &machine
		release := s.hold(ctx, f)
		result, err := s.Store.EnrolChunk(ctx, f.in, enrolSize)
		release()
		did += int(result.Enrolled)
		// What cannot be queued now, and after a crash, is found by the sweep.
		if err := s.push(ctx, result.Ready); err != nil {
			failed = append(failed, err)
		}
		switch {
		case err == nil && !result.Done:
			going, did = append(going, f), did+1
		case err != nil && !errors.Is(err, store.ErrLost):
			failed = append(failed, fmt.Errorf("campaign %s: %w", f.campaign, err))
		}
	}
	clear(s.firings[len(going):])
	s.firings = going
	return did, errors.Join(failed...)
}

// hold renews the lease of a firing until it is released: to look for the audience
// of a chunk may take longer than the lease, and whoever took the firing over
// meanwhile would have to look for as long.
func (s *Scheduler) hold(ctx context.Context, f firing) (release func()) {
	ctx, stop := context.WithCancel(ctx)
	var renewing sync.WaitGroup
	renewing.Go(func() {
		tick := time.NewTicker(fireLease / 4)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if _, err := s.Store.RenewFiring(ctx, f.in.Firing, s.ID, s.Clock.Now().Add(fireLease)); err != nil && ctx.Err() == nil {
				s.Log.Warn("cannot renew a firing; another scheduler may go on with it", "campaign", f.campaign, "error", err)
			}
		}
	})
	return func() { stop(); renewing.Wait() }
}

func (s *Scheduler) enrolInput(applied *catalog.Applied, d *campaigns.Definition, f store.Firing) store.EnrolInput {
	in := store.EnrolInput{
		Firing: f.FiringKey, Owner: s.ID, Version: applied.ID, Now: f.At,
		Topic: d.Topic, Reentry: d.Reentry.Mode, Control: d.ControlSalt(), Share: d.Control, Apart: d.Apart,
		Exclude: map[string]*segments.Condition{}, Exit: d.Exit, Listens: d.Listens(),
		SQL: applied.SQL(f.At), Ahead: &store.Audience{},
	}
	if d.Kind == campaigns.Transactional {
		in.Topic = ""
	} else if since, limited := campaigns.CountsSince(applied.Limits.PerContact, f.At); limited {
		in.Limited, in.CountsSince = true, since
	}
	if segment := applied.Segments[d.Audience.Segment]; segment != nil {
		in.Audience = segment.Where
	}
	for _, name := range d.Audience.Exclude {
		if segment := applied.Segments[name]; segment != nil {
			in.Exclude[name] = segment.Where
		}
	}
	zone := d.Zone(nil, applied.Zone)
	if d.Reentry.Mode == campaigns.ReentryAfter {
		in.Before = d.Reentry.After.Before(f.At, zone)
	}
	if d.Goal != nil || d.Control > 0 {
		in.HasGoal, in.GoalTill = true, d.GoalEnd(&campaigns.Enrolment{StartedAt: f.At}, zone)
	}
	return in
}
