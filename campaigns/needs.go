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

// StepNeeds says which facts Next looks at for an enrolment of this campaign
// that is pinned to a definition and stands at a position; parked says that it
// waits for the outcome of the message it stands on, which whoever asks knows.
func (d *Definition) StepNeeds(pinned *Definition, position string, parked bool, all segments.Set, limits []Limit) contacts.Needs {
	n := d.exitNeeds(all)
	standsOn := parked
	pinned.ahead(position, func(s *Step) {
		if standsOn {
			standsOn = false
			return
		}
		n = n.And(s.needs(all))
		if s.Kind == StepSend {
			n.Ledger = n.Ledger || d.limited(limits)
		}
	})
	if position == "" {
		n.Outcomes = false // nothing was ever sent for it
	}
	return n
}

// exitNeeds are those of the look before every step: permission and exits.
func (d *Definition) exitNeeds(all segments.Set) contacts.Needs {
	n := contacts.Needs{Consents: d.Kind != Transactional && d.Topic != ""}
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
	case StepWaitFor:
		n = s.WaitFor.When.Needs(all)
		n.Outcomes = true
		// Asked late, it is asked as of the time that was up: the rung then.
		u := s.WaitFor.When.Uses()
		n.Changes = n.Changes || u.Stage || u.Health || len(u.Segments) > 0
	}
	return n
}
