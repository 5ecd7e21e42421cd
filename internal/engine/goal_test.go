package engine

import (
	"context"
	"testing"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/delivery/smtp/smtptest"
	"rapport/internal/store"
	"rapport/scheduler"
)

// converted is when the first contact reached the goal of the only campaign that it
// is in.
func (r *run) converted() time.Time {
	r.t.Helper()
	who := r.contact("p00000@example.com").ID
	facts, err := r.Store.LoadFacts(r.t.Context(), []contacts.ID{who})
	if err != nil || len(facts[who].Campaigns) != 1 {
		r.t.Fatalf("it is in %+v, %v", facts[who].Campaigns, err)
	}
	return facts[who].Campaigns[0].ConvertedAt
}

func TestRule03AGoalIsCountedOnceAndEndsNothing(t *testing.T) {
	r := start(t, 2, smtptest.Options{}, "", map[string]string{
		"campaigns/welcome.yaml": "campaign: welcome\ntopic: guides\nstart: { schedule: \"0 9 * * *\" }\ngoal: { event: order.placed, within: 10d }\nsteps: [ { send: one }, { wait: 2d }, { send: two } ]\n"})
	r.at(0, 9, 0)
	r.at(1, 9, 0)
	r.event("order.placed", "p00000@example.com", "order", map[string]any{"total": 10})
	r.settle()
	r.at(3, 9, 0)
	if at := r.converted(); !at.Equal(monday.AddDate(0, 0, 1).Add(time.Hour)) {
		t.Errorf("reached at %s, want the moment of the order", at)
	}
	if n := len(r.server.Messages()); n != 4 {
		t.Errorf("%d messages, want 4: a goal ends nothing", n)
	}
}

// A scheduler that was down enrols as of the hour that it missed: who has bought
// since has reached the goal, although the order was looked at before.
func TestRule03AGoalReachedBetweenTheFiringAndTheEnrolmentIsCounted(t *testing.T) {
	for name, c := range map[string]struct {
		steps, audience string
		people          int
	}{
		"a mail":                    {steps: "{ send: one }", people: 5},
		"a wait":                    {steps: "{ wait: 2d }, { send: one }", people: 5},
		"two among many who do not": {steps: "{ send: one }", people: 80, audience: "audience: { segment: two }\n"},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, c.people, smtptest.Options{}, "", map[string]string{
				"segments/two.yaml":      "segment: two\nwhere: { attribute: email, in: [p00000@example.com, p00079@example.com] }\n",
				"campaigns/welcome.yaml": "campaign: welcome\ntopic: guides\n" + c.audience + "start: { schedule: \"0 9 * * *\" }\ngoal: { event: order.placed, within: 10d }\nsteps: [ " + c.steps + " ]\n"})
			bought := monday.Add(63 * time.Minute)
			r.clock.Set(bought)
			r.event("order.placed", "p00000@example.com", "order", map[string]any{"total": 10})
			r.at(0, 9, 5)
			if at := r.converted(); !at.Equal(bought) {
				t.Errorf("reached at %s, want the moment of the order", at)
			}
		})
	}
}

// busy is a store that comes to a turn a moment after it was asked for, when
// something has come in.
type busy struct {
	scheduler.Store
	meanwhile func()
}

func (b *busy) React(ctx context.Context, in store.ReactInput, decide func([]store.TouchedContact) []store.Reaction) (int, error) {
	if b.meanwhile != nil {
		b.meanwhile()
		b.meanwhile = nil
	}
	return b.Store.React(ctx, in, decide)
}

func TestRule03AGoalOfTheMomentInWhichATurnBeginsIsCounted(t *testing.T) {
	r := start(t, 1, smtptest.Options{}, "", map[string]string{
		"campaigns/welcome.yaml": "campaign: welcome\ntopic: guides\nstart: { schedule: \"0 9 * * *\" }\ngoal: { event: talk.booked, within: 10d }\nsteps: [ { send: one } ]\n"})
	r.at(0, 9, 0)
	r.event("page.viewed", "p00000@example.com", "page", nil)
	booked := r.clock.Now().Add(time.Second)
	r.Scheduler.Store = &busy{r.Scheduler.Store, func() {
		r.clock.Set(booked)
		r.event("talk.booked", "p00000@example.com", "talk", nil)
	}}
	r.settle()
	if at := r.converted(); !at.Equal(booked) {
		t.Errorf("reached at %s, want the moment in which the talk was booked", at)
	}
}
