package campaigns

import (
	"rapport/internal/contacts"
	"rapport/segments"
)

// ClaimNeeds says which facts are looked at when a message of this campaign is
// claimed: those of permission, of the exits and of the limits.
func (d *Definition) ClaimNeeds(all segments.Set, limits []Limit) contacts.Needs {
	n := d.exitNeeds(all)
	n.Ledger = d.limited(limits)
	return n
}

// Place is where an enrolment stands.
type Place struct {
	Position string
	Parked   bool // it stands on a message
	Settled  bool // whose outcome is known
}

// StepNeeds says which facts Next looks at for an enrolment of this campaign
// that is pinned to a definition and stands at a place. Of the message that it
// stands on whoever asks knows the outcome.
func (d *Definition) StepNeeds(pinned *Definition, at Place, all segments.Set, limits []Limit) contacts.Needs {
	var n contacts.Needs
	if at.Parked && !at.Settled {
		n = d.exitNeeds(all) // it may leave before the message goes
	}
	standsOn := at.Parked
	pinned.ahead(at.Position, func(s *Step) {
		if standsOn {
			standsOn = false
			return
		}
		n = n.And(d.exitNeeds(all)).And(s.needs(all))
		if s.Kind == StepSend {
			n.Ledger = n.Ledger || d.limited(limits)
			n.Clicks = n.Clicks || d.Deliver.SendTime == BestTime
		}
	})
	if at.Position == "" {
		n.Outcomes = false // nothing was ever sent for it
	}
	return n
}

// exitNeeds are those of the look before every step: permission and exits.
func (d *Definition) exitNeeds(all segments.Set) contacts.Needs {
	n := contacts.Needs{Contact: true, Permits: d.Kind != Transactional && d.Topic != ""}
	for _, c := range d.Exit {
		n = n.And(c.Needs(all))
	}
	return n
}

// limited reports whether limits per contact hold the campaign's mail back.
func (d *Definition) limited(limits []Limit) bool { return d.Kind != Transactional && len(limits) > 0 }

// needs are those of one step.
func (s *Step) needs(all segments.Set) contacts.Needs {
	var n contacts.Needs
	switch s.Kind {
	case StepSend:
		n.Outcomes = true // a step runs at most once
	case StepIf:
		n = s.If.When.Needs(all)
	case StepBranch:
		for _, c := range s.Branch {
			if c.When != nil {
				n = n.And(c.When.Needs(all))
			}
		}
	case StepNotify:
		n.Contact = true // of whom it tells
	case StepWaitFor:
		n = s.WaitFor.When.Needs(all)
		n.Outcomes = true
		// Asked late, it is asked as of the time that was up: the rung then.
		u := s.WaitFor.When.Uses()
		n.Changes = n.Changes || u.Stage || u.Health || len(u.Segments) > 0
	}
	return n
}

// ReactNeeds says which facts are looked at when something new may end or
// convert an enrolment of this campaign: those of permission, of the exits and
// of the goal.
func (d *Definition) ReactNeeds(all segments.Set) contacts.Needs {
	n := d.exitNeeds(all)
	if d.Goal != nil && d.Goal.When != nil {
		n = n.And(d.Goal.When.Needs(all))
		n.Changes = true // it may have held in the past, with the rung of then
	}
	return n
}

// AdmitNeeds says which facts Admit looks at: where the contact was before, its
// permission, and whether it belongs to the audience.
func (d *Definition) AdmitNeeds(all segments.Set) contacts.Needs {
	n := contacts.Needs{Contact: true, Campaigns: true, Permits: d.Kind != Transactional && d.Topic != ""}
	for _, name := range append([]string{d.Audience.Segment}, d.Audience.Exclude...) {
		if s := all[name]; s != nil && s.Where != nil {
			n = n.And(s.Where.Needs(all))
		}
	}
	return n
}
