package campaigns

import (
	"time"

	"rapport/internal/contacts"
)

// Expected is mail that an enrolment is going to get, as far as the steps tell.
type Expected struct {
	Step  string // identity of the send step
	At    time.Time
	Held  bool    // a window or quiet hours moved it to At
	Share float64 // of the enrolments that get it, 0 to 1
}

// leastShare ends the look along ways that hardly anybody takes.
const leastShare = 1.0 / 1024

// Outlook is what an enrolment is going to be sent until a moment, when it
// comes to a position at from; passed says that what it stands on is behind it.
//
// It assumes that nobody answers, leaves or is converted: a wait_for ends when
// its time is up, and takes else. A split shares by its weights, an if and a
// branch evenly. A wait for a date of the contact ends outside of every outlook.
// Windows and quiet hours are those of a contact in the company's zone.
func (d *Definition) Outlook(position string, passed bool, from, until time.Time, known Permit, company *time.Location) []Expected {
	ix := d.flow()
	at, ok := ix.find(position)
	if !ok || at == ended {
		return nil
	}
	v := outlook{
		ix: ix, until: until, zone: d.Zone(nil, company),
		permit: d.Permit(known, &contacts.Contact{}, company),
	}
	if passed {
		n := &ix.nodes[at]
		at = n.next
		if n.step.Kind == StepWaitFor {
			at = n.lists[1]
		}
	}
	v.walk(at, from, 1)
	return v.out
}

type outlook struct {
	ix     *index
	until  time.Time
	zone   *time.Location
	permit Permit
	out    []Expected
}

func (v *outlook) walk(at int, t time.Time, share float64) {
	for at != ended && share >= leastShare && t.Before(v.until) {
		n := &v.ix.nodes[at]
		next := n.next
		switch s := n.step; s.Kind {
		case StepSend:
			goes, hold := v.permit.Allowed(t)
			if goes.IsZero() {
				return
			}
			if t = goes; t.Before(v.until) {
				v.out = append(v.out, Expected{Step: s.ID, At: t, Held: hold != "", Share: share})
			}
		case StepWait:
			switch {
			case s.Wait.Attribute != "":
				return
			case s.Wait.Until != nil:
				t = s.Wait.Until.next(t, v.zone)
			default:
				t = s.Wait.Span.After(t, v.zone)
			}
		case StepWaitFor:
			t = s.WaitFor.UpTo.After(t, v.zone)
			next = n.lists[1]
		case StepIf:
			v.walk(n.lists[0], t, share/2)
			next, share = n.lists[1], share/2
		case StepBranch:
			ways := len(s.Branch)
			if ways > 0 && s.Branch[ways-1].When != nil {
				ways++ // nobody's case
			}
			for i := range s.Branch {
				v.walk(n.lists[i], t, share/float64(ways))
			}
			if ways == len(s.Branch) {
				return
			}
			share /= float64(ways)
		case StepSplit:
			v.arms(n, t, share)
			if len(s.Split.Arms) > 0 {
				return
			}
		case StepExit:
			return
		}
		at = next
	}
}

// arms follows every arm of a split by its weight.
func (v *outlook) arms(n *node, t time.Time, share float64) {
	total := 0
	for _, a := range n.step.Split.Arms {
		total += a.Weight
	}
	for i, a := range n.step.Split.Arms {
		part := share / float64(len(n.step.Split.Arms))
		if total > 0 {
			part = share * float64(a.Weight) / float64(total)
		}
		v.walk(n.lists[i], t, part)
	}
}
