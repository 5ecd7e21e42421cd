package catalog

import (
	"rapport/campaigns"
	"rapport/internal/contacts"
)

// What decisions look at is worked out once for each place in a campaign.
type needsOf struct {
	current, pinned *campaigns.Definition // pinned is nil at the claim
	position        string
	parked          bool
}

func (a *Applied) needing(of needsOf, find func() contacts.Needs) contacts.Needs {
	if found, ok := a.needs.Load(of); ok {
		return found.(contacts.Needs)
	}
	n := find()
	a.needs.Store(of, n)
	return n
}

// ClaimNeeds says which facts are looked at when a message of a campaign is
// claimed, under this version.
func (a *Applied) ClaimNeeds(d *campaigns.Definition) contacts.Needs {
	return a.needing(needsOf{current: d}, func() contacts.Needs { return d.ClaimNeeds(a.Segments, a.Limits.PerContact) })
}

// StepNeeds says which facts the step machine looks at, under this version, for
// an enrolment that is pinned to a definition.
func (a *Applied) StepNeeds(pinned *campaigns.Definition, e campaigns.Enrolment) contacts.Needs {
	current := a.Definition(e.Campaign)
	if current == nil {
		current = pinned
	}
	parked := e.State == campaigns.Parked
	return a.needing(needsOf{current, pinned, e.Position, parked}, func() contacts.Needs {
		return current.StepNeeds(pinned, e.Position, parked, a.Segments, a.Limits.PerContact)
	})
}
