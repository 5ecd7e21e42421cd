package scheduler

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"rapport/campaigns"
	"rapport/internal/catalog"
	"rapport/internal/contacts"
	"rapport/internal/relationship"
	"rapport/internal/store"
)

// changeSize is how many contacts are looked at because time has passed.
const changeSize = 1000

// React draws the consequences of what is new about contacts: their stage and
// health, the segments they enter or leave, the campaigns that an event or an
// entry starts, goals reached, and enrolments whose exit or wait it may decide.
func (s *Scheduler) React(ctx context.Context, m moment) (did int, err error) {
	moved := 0
	if m.pending.Changing {
		if moved, err = s.Store.TouchDue(ctx, m.now, changeSize); err != nil {
			return 0, err
		}
	}
	if moved == 0 && !m.pending.Touched {
		return 0, nil
	}
	for range turns {
		in := store.ReactInput{Now: m.now, Limit: reactSize, Version: m.applied.ID}
		n, err := s.Store.React(ctx, in, func(touched []store.TouchedContact) []store.Reaction {
			out := make([]store.Reaction, len(touched))
			for i, t := range touched {
				out[i] = s.react(ctx, m.applied, t, m.now)
			}
			return out
		})
		did += n
		if errors.Is(err, store.ErrStale) {
			_, err = s.Catalog.Refresh(ctx)
			return did + 1, err // the next tick goes by what stands now
		}
		if err != nil || n == 0 {
			return did, err
		}
	}
	return did, nil
}

func (s *Scheduler) react(ctx context.Context, applied *catalog.Applied, t store.TouchedContact, now time.Time) store.Reaction {
	f := t.Facts
	state := relationship.Fold(applied.Relationship, f, now, applied.Zone, applied.Segments)
	r := store.Reaction{Contact: f.Contact.ID, Convert: map[int64]time.Time{}, State: store.StateChange{
		Contact: f.Contact.ID, Stage: state.Stage, StageSince: state.StageSince,
		Health: state.Health, HealthSince: state.HealthSince, Changes: state.Changes, NextChange: state.NextChange,
	}}
	// What follows sees the new stage at once.
	f.Contact.Stage, f.Contact.StageSince = state.Stage, state.StageSince
	f.Contact.Health, f.Contact.HealthSince = state.Health, state.HealthSince
	f.Changes = state.Changes

	entered := s.memberships(applied, t, now, &r)
	s.starts(applied, t, entered, now, &r)
	for _, d := range t.Entries {
		s.reactEntry(ctx, applied, d, now, &r)
	}
	return r
}

// memberships compares the segments that campaigns start from with what they
// hold, and returns those the contact has entered.
func (s *Scheduler) memberships(applied *catalog.Applied, t store.TouchedContact, now time.Time, r *store.Reaction) (entered []string) {
	q := applied.Question(t.Facts, now)
	for _, name := range applied.EnterSegments() {
		if t.Baselines[name] != applied.SegmentHash(name) {
			continue // who is in now will be its baseline
		}
		is := !t.Facts.Contact.Erased && applied.Segments[name].Where.Match(&q)
		was := slices.Contains(t.Member, name)
		switch {
		case is && !was:
			r.Enter = append(r.Enter, name)
		case was && !is:
			r.Leave = append(r.Leave, name)
		}
	}
	return r.Enter
}

// starts enrols the contact where a new event or an entry starts a campaign.
func (s *Scheduler) starts(applied *catalog.Applied, t store.TouchedContact, entered []string, now time.Time, r *store.Reaction) {
	news := newEvents(t)
	for _, name := range slices.Sorted(maps.Keys(applied.Workspace.Campaigns)) {
		d, k := applied.Workspace.Campaigns[name], applied.Campaigns[name]
		if k.Status != store.Running {
			continue
		}
		switch d.Start.Kind {
		case campaigns.StartEnter:
			if slices.Contains(entered, d.Audience.Segment) {
				s.admit(applied, d, k, t, campaigns.Origin{}, now, r)
			}
		case campaigns.StartEvent:
			for _, e := range news {
				if !e.At.Before(k.Applied) && d.Start.Matches(&e, applied.Zone) {
					s.admit(applied, d, k, t, campaigns.Origin{Event: e.ID, Key: e.Key, Name: e.Name, At: e.At, Properties: e.Properties}, now, r)
				}
			}
		}
	}
}

func newEvents(t store.TouchedContact) []contacts.Event {
	if len(t.News) == 0 {
		return nil
	}
	var out []contacts.Event
	for _, e := range t.Facts.Events {
		if slices.Contains(t.News, e.ID) && e.ID != 0 {
			out = append(out, e)
		}
	}
	return out
}

// admit writes down what campaigns.Admit decided, and tells later decisions of
// the same turn about it.
func (s *Scheduler) admit(applied *catalog.Applied, d *campaigns.Definition, k store.Campaign, t store.TouchedContact, origin campaigns.Origin, now time.Time, r *store.Reaction) {
	f := t.Facts
	a := campaigns.Admit(campaigns.Applicant{
		Definition: d, Facts: f, Segments: applied.Segments, Ladder: applied.Relationship.Stages(), Now: now, Zone: applied.Zone,
	})
	switch a.Verdict {
	case campaigns.Refused:
		r.Refuse = append(r.Refuse, store.Refusal{Campaign: k.ID, Reason: a.Reason})
		return
	case campaigns.AlreadyIn:
		r.Refuse = append(r.Refuse, store.Refusal{Campaign: k.ID, Reason: "already in"})
		return
	case campaigns.Restart:
		for _, e := range t.Entries {
			if e.Enrolment.Campaign == k.ID {
				r.Restart = append(r.Restart, e.Enrolment.ID)
			}
		}
	}
	n := store.NewEnrolment{Campaign: k.ID, Version: applied.ID, StartedAt: now, Origin: origin, Control: a.Verdict == campaigns.HeldOut}
	if d.Goal != nil || n.Control {
		n.HasGoal = true
		n.GoalTill = d.GoalEnd(&campaigns.Enrolment{StartedAt: now}, d.Zone(&f.Contact, applied.Zone))
	}
	r.Enrol = append(r.Enrol, n)
	f.Campaigns = append(f.Campaigns, contacts.Participation{Campaign: d.Name, State: string(campaigns.Active), StartedAt: now})
}

// reactEntry looks at one enrolment: whether its goal was reached, and whether
// the step machine should look at it now.
func (s *Scheduler) reactEntry(ctx context.Context, applied *catalog.Applied, d store.Due, now time.Time, r *store.Reaction) {
	pinned := s.pinned(ctx, applied, d.Enrolment)
	if pinned == nil {
		return
	}
	in := applied.Input(pinned, d, now)
	if d.Enrolment.ConvertedAt.IsZero() {
		if at, ok := campaigns.Goal(in); ok {
			r.Convert[d.Enrolment.ID] = at
		}
	}
	if !d.Enrolment.State.Open() {
		return
	}
	waits := false
	if step := pinned.Step(d.Enrolment.Position); step != nil {
		waits = step.Kind == campaigns.StepWaitFor || step.Wait != nil && step.Wait.Attribute != ""
	}
	if _, leaves := campaigns.ExitReason(in); leaves || waits && d.Enrolment.State == campaigns.Active {
		r.Wake = append(r.Wake, d.Enrolment.ID)
	}
}
