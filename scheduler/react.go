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
	"rapport/internal/ident"
	"rapport/internal/store"
)

// changeSize is how many contacts are looked at because time has passed.
const changeSize = 1000

// React draws the consequences of what is new about contacts: their stage and
// health, the segments they enter or leave, the campaigns that an event or an
// entry starts, goals reached, and enrolments whose exit or wait it may decide.
func (s *Scheduler) React(ctx context.Context, m moment) (did int, err error) {
	return s.reactTurns(ctx, m, s.turn)
}

// reactTurns takes turns for as long as there is more.
func (s *Scheduler) reactTurns(ctx context.Context, m moment, turn func(context.Context, *catalog.Applied) (n int, more bool, err error)) (did int, err error) {
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
		n, more, err := turn(ctx, m.applied)
		did += n
		if err != nil || !more {
			return did, err
		}
	}
	return did, nil
}

// turn looks at some of those who were touched. It returns how many, and whether
// there may be more of them.
func (s *Scheduler) turn(ctx context.Context, applied *catalog.Applied) (n int, more bool, err error) {
	now := s.Clock.Now()
	limit := s.reacting
	n, err = s.reactTurn(ctx, applied, now)
	switch {
	case errors.Is(err, store.ErrStale):
		_, err = s.Catalog.Refresh(ctx)
		return n + 1, false, err // the next tick goes by what stands now
	case err != nil && ctx.Err() == nil:
		n, err = s.putOff(ctx, now, err)
	}
	return n, err == nil && n >= min(limit, s.reacting), err
}

func (s *Scheduler) reactTurn(ctx context.Context, applied *catalog.Applied, now time.Time) (int, error) {
	in := store.ReactInput{Now: now, Limit: s.reacting, Version: applied.ID,
		Needs: func(t *store.TouchedContact) contacts.Needs { return s.reactNeeds(ctx, applied, t) }}
	n, err := s.Store.React(ctx, in, func(touched []store.TouchedContact) []store.Reaction {
		now := s.Clock.Now() // what came in while the turn waited is not of the future
		out := make([]store.Reaction, len(touched))
		for i, t := range touched {
			out[i] = s.react(ctx, applied, t, now)
		}
		return out
	})
	if err == nil {
		s.reacting = min(2*s.reacting, reactSize)
	}
	return n, err
}

// How long a contact waits about whom nothing can be decided. Somebody may have
// mended it by then.
const putOffFor = time.Hour

// putOff finds the one contact for whom a whole turn failed: each failure halves
// the turns that follow, and who fails alone is put off. Where the database is
// away nobody can be put off either, and the first error counts.
func (s *Scheduler) putOff(ctx context.Context, now time.Time, failed error) (did int, err error) {
	var turn *store.TurnError
	if !errors.As(failed, &turn) { // nobody was looked at
		return 0, failed
	}
	if s.reacting > 1 {
		s.reacting /= 2
		return 1, nil
	}
	t, found, err := s.Store.HoldTouched(ctx, turn.Touched[0].Contact, now, now.Add(putOffFor))
	if err != nil {
		return 0, failed
	}
	if found {
		s.Log.Error("nothing can be decided about a contact; it is tried again in an hour, and the others go on",
			"touched", t.ID, "contact", t.Contact, "event", ident.Format(t.Event), "error", failed)
	}
	return 1, nil
}

// reactNeeds says which facts react looks at for a contact.
func (s *Scheduler) reactNeeds(ctx context.Context, applied *catalog.Applied, t *store.TouchedContact) contacts.Needs {
	var n contacts.Needs
	if moves(applied, t) {
		n = applied.Relationship.Needs()
	}
	if follows(applied, t) {
		n = n.And(applied.EnterNeeds())
	}
	if brings(applied, t) {
		n = n.And(contacts.Needs{Events: []string{contacts.EventJoined, applied.Relationship.Health.Purchase}})
	}
	if s.buys(applied, t) {
		n = n.And(predictNeeds(applied))
	}
	if hasNews(t, contacts.EventPredicted) {
		n = n.And(contacts.Needs{Events: []string{contacts.EventPredicted}})
	}
	for name, d := range applied.Workspace.Campaigns {
		if applied.Campaigns[name].Status == store.Running && d.Start.Kind == campaigns.StartEvent && slices.ContainsFunc(t.News, func(e contacts.Event) bool { return e.Name == d.Start.Event }) {
			n = n.And(applied.AdmitNeeds(d)).And(contacts.Needs{Events: []string{d.Start.Event}})
		}
	}
	for _, d := range t.Entries {
		pinned := s.pinned(ctx, applied, d.Enrolment)
		if pinned == nil {
			return contacts.Everything
		}
		n = n.And(applied.ReactNeeds(pinned, d.Enrolment.Campaign))
	}
	return n
}

// moves reports whether what is new can move stage or health. Whoever never stood
// anywhere is given a place first: what starts a campaign may ask for it.
func moves(applied *catalog.Applied, t *store.TouchedContact) bool {
	return t.Unknown || t.Facts.Contact.Stage == "" || slices.ContainsFunc(t.News, func(e contacts.Event) bool { return applied.Relationship.LooksAt(e.Name) })
}

// follows reports whether what is new can decide who is in a segment that
// campaigns start from. What time alone decides is found by Enter.
func follows(applied *catalog.Applied, t *store.TouchedContact) bool {
	if len(applied.EnterSegments()) == 0 {
		return false
	}
	return moves(applied, t) || slices.ContainsFunc(t.News, func(e contacts.Event) bool { return applied.EnterLooksAt(e.Name) })
}

func (s *Scheduler) react(ctx context.Context, applied *catalog.Applied, t store.TouchedContact, now time.Time) store.Reaction {
	f := t.Facts
	r := store.Reaction{Contact: f.Contact.ID, Convert: map[int64]campaigns.Conversion{}}
	_, predicted := contacts.Predicted(f.Scores)
	if r.Predict = s.repredict(applied, &t, now); r.Predict != nil {
		predicted = r.Predict.Scores
	}
	if moves(applied, &t) {
		state := applied.Stand(f, now) // what follows sees the new stage at once
		// Events and time take no score away; other rules do, and then nobody says what is new.
		state.Scored = state.Scored || t.Unknown
		r.State = &state
	} else {
		f.Scores, _ = contacts.Predicted(f.Scores)
	}
	f.Scores = contacts.JoinScores(f.Scores, predicted)
	var entered []string
	if follows(applied, &t) {
		entered = s.memberships(applied, t, now, &r)
	}
	s.starts(applied, t, entered, now, &r)
	for _, d := range t.Entries {
		s.reactEntry(ctx, applied, d, now, &r)
	}
	if brings(applied, &t) {
		r.Tell = referral(applied.Relationship, f, now)
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
			for _, e := range t.News {
				if !e.At.Before(k.Applied) && d.Start.Matches(&e, applied.Zone) {
					s.admit(applied, d, k, t, campaigns.Origin{Event: e.ID, Key: e.Key, Name: e.Name, At: e.At, Properties: e.Properties}, now, r)
				}
			}
		}
	}
}

// admit writes down what campaigns.Admit decided, and tells later decisions of
// the same turn about it.
func (s *Scheduler) admit(applied *catalog.Applied, d *campaigns.Definition, k store.Campaign, t store.TouchedContact, origin campaigns.Origin, now time.Time, r *store.Reaction) {
	f := t.Facts
	a := campaigns.Admit(campaigns.Applicant{
		Definition: d, Facts: f, Segments: applied.Segments, Ladder: applied.Relationship.Stages(), Scoring: applied.Relationship.Scoring(), Now: now, Zone: applied.Zone,
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
	n := store.NewEnrolment{Campaign: k.ID, Version: applied.ID, StartedAt: now, Origin: origin, Control: a.Verdict == campaigns.HeldOut,
		Once: d.Reentry.Mode == campaigns.ReentryNever}
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
		if c, ok := campaigns.Converted(in); ok {
			r.Convert[d.Enrolment.ID] = c
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
