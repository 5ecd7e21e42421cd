package campaigns

import (
	"cmp"
	"time"

	"rapport/internal/contacts"
	"rapport/segments"
)

// ExitReason says why an open enrolment must end now, if it must: permission
// was lost, or one of the campaign's exits holds. It is asked before every
// step, on every new event of the contact and when a message is claimed. The
// definition that counts is the current one, not the pinned one.
func ExitReason(in Input) (reason string, ok bool) {
	if !in.Enrolment.State.Open() {
		return "", false
	}
	r := newRun(in)
	return r.exits()
}

func (r *run) exits() (string, bool) {
	if r.clear {
		return "", false
	}
	facts := r.in.Question.Facts
	if reason, may := r.cur.Mailable(facts); !may {
		return reason, true
	}
	if r.cur.IsApart(facts.Contact.Seed) {
		return ReasonApart, true // it was on the way when the control group was made
	}
	q := r.scoped()
	for _, c := range r.cur.Exit {
		if c.Match(q) {
			return c.String(), true
		}
	}
	r.clear = true
	return "", false
}

// Mailable reports whether a contact may be mailed by this campaign at all,
// and if not, why. Marketing needs consent to the topic and no suppression of
// any kind. Transactional mail ignores the topic and a general unsubscribe,
// never a hard bounce, a complaint, an erasure or a suppression by hand.
func (d *Definition) Mailable(f *contacts.Facts) (reason string, ok bool) {
	if f.Contact.Erased {
		return "erased", false
	}
	if s := f.Contact.Suppression; s != nil {
		if d.Kind != Transactional || s.Reason != contacts.ReasonUnsubscribedAll {
			return "suppressed: " + s.Reason, false
		}
	}
	if d.Kind == Transactional || d.Topic == "" {
		return "", true
	}
	switch state := f.ConsentFor(d.Topic).State; state {
	case contacts.ConsentGiven:
		return "", true
	case contacts.ConsentWithdrawn:
		return "consent to " + d.Topic + " is withdrawn", false
	case contacts.ConsentPending:
		return "consent to " + d.Topic + " is pending", false
	default:
		return "no consent to " + d.Topic, false
	}
}

// question asks about everything there is: `if` and `branch`.
func (r *run) question() *segments.Question {
	q := r.in.Question
	q.Now = r.in.Now
	q.Zone = r.in.Zone
	q.Scope = segments.Scope{}
	return &q
}

// scoped asks about what happened since the enrolment started, and about its
// own mail: exit, goal and wait_for.
func (r *run) scoped() *segments.Question {
	q := r.question()
	q.Scope = ScopeOf(&r.e)
	return q
}

// ScopeOf is what the exits, the goal and the wait_for conditions of an
// enrolment look back at: what happened since it started, and where an event
// started it, since that event, which itself does not count.
func ScopeOf(e *Enrolment) segments.Scope {
	since := e.StartedAt
	if !e.Origin.At.IsZero() {
		since = e.Origin.At
	}
	return segments.Scope{Since: since, Origin: e.Origin.Event, Enrolment: e.ID}
}

// Zone is where the campaign counts days and where its window stands: the zone
// that the window names, else the start's, else the company's. A contact
// without a valid zone is in the company's.
func (d *Definition) Zone(c *contacts.Contact, company *time.Location) *time.Location {
	return zoneOf(cmp.Or(d.Deliver.Zone, d.Start.Timezone), c, company)
}
