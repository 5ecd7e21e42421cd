package scheduler

import (
	"context"
	"maps"
	"slices"
	"time"

	"rapport/campaigns"
	"rapport/internal/catalog"
	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/internal/store"
)

// Step asks the step machine about the enrolments that are due, writes what it
// decided, and puts new messages on the queue once they are durable.
func (s *Scheduler) Step(ctx context.Context, m moment) (did int, err error) {
	if !m.pending.Enrolments {
		return 0, nil
	}
	for range turns {
		n, batches, err := s.Store.StepDue(ctx, m.now, stepSize, s.Machine(ctx, m.applied, m.now))
		did += n
		if err != nil {
			return did, err
		}
		// A crash here loses nothing: the sweep finds what was never queued.
		if err := s.push(ctx, batches); err != nil {
			return did, err
		}
		if n == 0 { // a short turn may have left something: campaigns take shares
			return did, nil
		}
	}
	return did, nil
}

// Machine is the step machine as the store asks it: here for what is due, in a
// worker for those whose message has just been settled.
func (s *Scheduler) Machine(ctx context.Context, applied *catalog.Applied, now time.Time) store.Step {
	return store.Step{
		Needs: func(e campaigns.Enrolment, settled bool) contacts.Needs {
			pinned := s.pinned(ctx, applied, e)
			if pinned == nil { // when it is decided it may be there, and nothing may be missing then
				return contacts.Everything
			}
			return applied.StepNeeds(pinned, e, settled)
		},
		Decide: func(due []store.Due) []store.Stepped {
			out := make([]store.Stepped, len(due))
			for i, d := range due {
				out[i] = s.decide(ctx, applied, d, now)
			}
			return out
		},
		First: func(e campaigns.Enrolment, timezone string) (store.Stepped, bool) {
			pinned := s.pinned(ctx, applied, e)
			if pinned == nil {
				return store.Stepped{}, false
			}
			d := store.Due{Enrolment: e, Facts: &contacts.Facts{Contact: contacts.Contact{Timezone: timezone}}}
			decision, ok := campaigns.First(applied.Input(pinned, d, now))
			if !ok || s.Held != nil && decision.Message != nil && decision.Message.Hold != "" { // who hears of what is held hears it of each
				return store.Stepped{}, false
			}
			return s.stepped(applied, pinned, e, d.Facts, decision), true
		},
	}
}

// decide is one enrolment's decision, as the store writes it.
func (s *Scheduler) decide(ctx context.Context, applied *catalog.Applied, d store.Due, now time.Time) store.Stepped {
	e := d.Enrolment
	pinned := s.pinned(ctx, applied, e)
	if d.Status == store.Stopped && e.State.Open() {
		return stopped(e, pinned, now)
	}
	if pinned == nil {
		// The version cannot be read just now; an hour later it may.
		e.DueAt = now.Add(time.Hour)
		s.Log.Error("cannot read the version an enrolment is pinned to", "campaign", applied.Name(e.Campaign), "version", e.Version)
		return store.Stepped{Enrolment: e}
	}
	return s.stepped(applied, pinned, e, d.Facts, campaigns.Next(applied.Input(pinned, d, now)))
}

// stepped is a decision about an enrolment e as the store writes it.
func (s *Scheduler) stepped(applied *catalog.Applied, pinned *campaigns.Definition, e campaigns.Enrolment, facts *contacts.Facts, decision campaigns.Decision) store.Stepped {
	out := store.Stepped{Enrolment: decision.Enrolment, Set: decision.Set, ParkedFor: decision.ParkedFor, Withdraw: decision.Withdraw}
	for _, a := range decision.Awards {
		out.Awards = append(out.Awards, awarded(e, applied.Name(e.Campaign), a))
	}
	for _, n := range decision.Notices {
		out.Calls = append(out.Calls, noticed(e, applied.Name(e.Campaign), n, &facts.Contact))
	}
	if e := decision.Enrolment; e.State == campaigns.Active {
		step := pinned.Step(e.Position)
		out.Watches = step != nil && (step.Kind == campaigns.StepWaitFor || step.Kind == campaigns.StepWait && step.Wait.Attribute != "")
	}
	if m := decision.Message; m != nil {
		current := applied.Definition(e.Campaign)
		if current == nil {
			current = pinned
		}
		if m.Hold != "" && s.Held != nil {
			s.Held(m.ID, e.Campaign, m.Hold)
		}
		notBefore := m.NotBefore
		if notBefore.After(m.Expires) {
			notBefore = m.Expires // then it is looked at once more, and skipped
		}
		out.Message = &store.PlannedMessage{
			ID: m.ID, Contact: e.Contact, Campaign: e.Campaign, Template: m.Template, Subject: m.Subject,
			Lane: applied.Lane(current), NotBefore: notBefore, Reason: m.Hold, Expires: m.Expires,
		}
	}
	return out
}

// awarded are points to give. The key is that of the enrolment and the step, so
// that no step gives them twice.
func awarded(e campaigns.Enrolment, campaign string, a campaigns.Awarded) store.Award {
	out := store.Award{Points: a.Points, Key: "award:" + ident.Format(e.ID) + ":" + a.Step, Properties: map[string]any{"campaign": campaign}}
	if a.For != "" {
		out.Properties["for"] = a.For
	}
	return out
}

// noticed is what a step tells a webhook, once for each enrolment.
func noticed(e campaigns.Enrolment, campaign string, n campaigns.Noticed, who *contacts.Contact) store.Call {
	out := store.Call{
		Key: "notify:" + ident.Format(e.ID) + ":" + n.Step, Webhook: n.Webhook, Type: "campaign.notify", Contact: *who,
		Data: map[string]any{"campaign": campaign, "enrolment": ident.Format(e.ID), "step": n.Step},
	}
	if n.Task != "" {
		out.Data["task"] = n.Task
	}
	return out
}

func (s *Scheduler) pinned(ctx context.Context, applied *catalog.Applied, e campaigns.Enrolment) *campaigns.Definition {
	d, err := s.Catalog.Pinned(ctx, applied, e)
	if err != nil {
		s.Log.Error("version", "error", err)
	}
	return d
}

// stopped ends an enrolment of a campaign that somebody stopped for good. The
// message that it waits for goes with it; where its version cannot be read, the
// claim skips that.
func stopped(e campaigns.Enrolment, pinned *campaigns.Definition, now time.Time) store.Stepped {
	out := store.Stepped{}
	if e.State == campaigns.Parked && pinned != nil {
		if step := pinned.Step(e.Position); step != nil && step.Kind == campaigns.StepSend {
			out.Withdraw = ident.Message(e.ID, step.Number)
		}
	}
	e.State, e.Reason, e.EndedAt, e.DueAt = campaigns.Exited, "the campaign was stopped", now, time.Time{}
	out.Enrolment = e
	return out
}

func (s *Scheduler) push(ctx context.Context, batches []store.Batch) error {
	lanes := map[string][]int64{}
	for _, b := range batches {
		lanes[b.Lane] = append(lanes[b.Lane], b.ID)
	}
	for _, lane := range slices.Sorted(maps.Keys(lanes)) {
		if err := s.Queue.Push(ctx, lane, lanes[lane]...); err != nil {
			return err
		}
	}
	return nil
}
