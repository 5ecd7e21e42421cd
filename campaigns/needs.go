package campaigns

import (
	"rapport/internal/contacts"
	"rapport/segments"
)

// ClaimNeeds says which facts are looked at when a message of this campaign is
// claimed: those of permission, of the exits and of the limits.
func (d *Definition) ClaimNeeds(all segments.Set, limits []Limit) contacts.Needs {
	n := contacts.Needs{
		Consents: d.Kind != Transactional && d.Topic != "",
		Ledger:   d.Kind != Transactional && len(limits) > 0,
	}
	for _, c := range d.Exit {
		n = n.And(c.Needs(all))
	}
	return n
}

// StepNeeds says which facts Next looks at for an enrolment that is pinned to
// this definition: those of its steps. What the current definition looks at
// before each step is in its ClaimNeeds.
func (d *Definition) StepNeeds(all segments.Set) contacts.Needs {
	var n contacts.Needs
	ask := func(c *segments.Condition) {
		if c != nil {
			n = n.And(c.Needs(all))
		}
	}
	walk(d.Steps, func(s *Step) {
		if s.If != nil {
			ask(s.If.When)
		}
		for _, c := range s.Branch {
			ask(c.When)
		}
		if s.WaitFor != nil {
			ask(s.WaitFor.When)
		}
	})
	return n
}
