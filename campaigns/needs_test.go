package campaigns

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/segments"
)

// only is an input as a store makes it that loads what is needed.
func only(in Input, n contacts.Needs) Input {
	full := in.Question.Facts
	facts := contacts.Facts{Contact: contacts.Contact{ID: full.Contact.ID}}
	if n.Contact {
		facts.Contact = full.Contact
	}
	switch {
	case n.Consents:
		facts.Consents = full.Consents
	case n.Permits:
		for i, c := range full.Consents {
			if !slices.ContainsFunc(full.Consents[i+1:], func(later contacts.Consent) bool { return later.Topic == c.Topic }) {
				facts.Consents = append(facts.Consents, c)
			}
		}
	}
	if n.Campaigns {
		facts.Campaigns = full.Campaigns
	}
	if n.Clicks {
		facts.Clicks = full.Clicks
	}
	if n.Changes {
		facts.Changes = full.Changes
	}
	for _, e := range full.Events {
		switch {
		case e.Name == contacts.EventSent && n.Sent, strings.HasPrefix(e.Name, "consent.") && n.Consents,
			n.AllEvents, slices.Contains(n.Events, e.Name):
			facts.Events = append(facts.Events, e)
		}
	}
	in.Question.Facts = &facts
	if !n.Ledger {
		in.Permit.Sent = nil
	}
	if !n.Outcomes {
		in.Outcomes = slices.DeleteFunc(slices.Clone(in.Outcomes), func(o Outcome) bool {
			step := in.Pinned.byNumber(ident.Step(o.Message))
			return in.Enrolment.State != Parked || step == nil || step.ID != in.Enrolment.Position
		})
	}
	return in
}

// place is where it stands, as a store sees it.
func (l *life) place() Place {
	at := Place{Position: l.e.Position, Parked: l.e.State == Parked}
	step := l.d.Step(l.e.Position)
	at.Settled = at.Parked && slices.ContainsFunc(l.outcomes, func(o Outcome) bool {
		return step != nil && ident.Step(o.Message) == step.Number && o.State.Settled()
	})
	return at
}

func TestProperty_WhatIsNotNeededChangesNothing(t *testing.T) {
	less := 0
	rapid.Check(t, func(t *rapid.T) {
		l := newLife(t)
		// What decides elsewhere must not decide here.
		l.facts.Events = append(l.facts.Events, contacts.Event{ID: 99, Name: "page.viewed", At: l.now, Key: "noise"})
		steps := len(l.d.flow().nodes)
		for range 20 + 10*steps {
			l.happen()
			in := l.input()
			for _, o := range l.outcomes {
				if o.State.Went() {
					in.Permit.Sent = append(in.Permit.Sent, o.At)
				}
			}
			needs := l.d.StepNeeds(l.d, l.place(), nil, l.permit.Limits)
			if !needs.Ledger || !needs.Outcomes || !slices.Contains(needs.Events, "page.viewed") {
				less++
			}
			whole, part := Next(in), Next(only(in, needs))
			if diff := cmp.Diff(whole, part); diff != "" {
				t.Fatalf("at %q, with %+v loaded and not all:\n%s", l.e.Position, needs, diff)
			}
			reason, leaves := ExitReason(in)
			again, leavesToo := ExitReason(only(in, l.d.ClaimNeeds(nil, l.permit.Limits)))
			if reason != again || leaves != leavesToo {
				t.Fatalf("with all facts it leaves for %q, with what a claim needs for %q", reason, again)
			}
			if l.e = whole.Enrolment; !l.e.State.Open() {
				return
			}
			l.pass()
		}
	})
	if less == 0 {
		t.Error("everything was needed every time: this proves nothing")
	}
}

func TestNeedsOfAPlace(t *testing.T) {
	d := define(t, head+`exit: [ { event: order.placed } ]
steps:
  - send: a
  - if: { stage: customer }
    then: [ { send: b } ]
  - wait_for: { stage: client, up_to: 2d }
    then: [ { exit: enough } ]
    else: []
`)
	limits := []Limit{{Max: 1}}
	exits := contacts.Needs{Contact: true, Permits: true, Events: []string{"order.placed"}}
	with := func(change func(*contacts.Needs)) contacts.Needs {
		n := exits
		change(&n)
		return n
	}
	for _, c := range []struct {
		at     Place
		limits []Limit
		want   contacts.Needs
	}{
		{Place{}, limits, with(func(n *contacts.Needs) { n.Ledger, n.Changes = true, true })},
		{Place{}, nil, with(func(n *contacts.Needs) { n.Changes = true })},
		{Place{"send:a", true, false}, limits, with(func(n *contacts.Needs) { n.Ledger, n.Outcomes, n.Changes = true, true, true })},
		{Place{"if#1/then/send:b", true, true}, limits, with(func(n *contacts.Needs) { n.Outcomes, n.Changes = true, true })},
		{Place{"wait_for#1", false, false}, limits, with(func(n *contacts.Needs) { n.Outcomes, n.Changes = true, true })},
		{Place{Position: End}, limits, contacts.Needs{}},
	} {
		got := d.StepNeeds(d, c.at, segments.Set{}, c.limits)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("at %+v: %s", c.at, diff)
		}
	}
}
