package catalog

import (
	"rapport/campaigns"
	"rapport/internal/contacts"
)

// needs are what decisions about one definition look at, worked out once.
type needs struct{ claim, step contacts.Needs }

func (a *Applied) needsOf(d *campaigns.Definition) needs {
	if found, ok := a.needs.Load(d); ok {
		return found.(needs)
	}
	n := needs{claim: d.ClaimNeeds(a.Segments, a.Limits.PerContact)}
	n.step = n.claim.And(d.StepNeeds(a.Segments))
	a.needs.Store(d, n)
	return n
}

// ClaimNeeds says which facts are looked at when a message of a campaign is
// claimed, under this version.
func (a *Applied) ClaimNeeds(d *campaigns.Definition) contacts.Needs { return a.needsOf(d).claim }

// StepNeeds says which facts the step machine looks at, under this version, for
// an enrolment that is pinned to a definition.
func (a *Applied) StepNeeds(pinned *campaigns.Definition, campaign int64) contacts.Needs {
	n := a.needsOf(pinned).step
	if current := a.Definition(campaign); current != nil && current != pinned {
		n = n.And(a.needsOf(current).claim)
	}
	return n
}
