package catalog

import (
	"slices"
	"strings"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/segments"
)

// What decisions look at is worked out once for each place in a campaign.
type needsOf struct {
	current, pinned *campaigns.Definition // pinned is nil at the claim
	place           campaigns.Place
}

type (
	reactNeedsOf struct{ *campaigns.Definition }
	admitNeedsOf struct{ *campaigns.Definition }
)

func (a *Applied) needing(of any, find func() contacts.Needs) contacts.Needs {
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
	return a.needing(needsOf{current: d}, func() contacts.Needs {
		n := d.ClaimNeeds(a.Segments, a.Limits.PerContact)
		n.Scores = n.Scores || a.showsLoyalty()
		return n
	})
}

// showsLoyalty reports whether mail tells contacts of their points. A message of
// an older version may be made of any template.
func (a *Applied) showsLoyalty() bool {
	if !a.Relationship.Programs.Loyalty.Runs {
		return false
	}
	fields := []string{"points", "tier", "benefits"}
	for _, name := range a.Templates.Names() {
		if t := a.Templates.Template(name); t != nil && t.Reads("contact", fields...) {
			return true
		}
	}
	for _, d := range a.Workspace.Campaigns {
		for _, s := range d.Sends() {
			if t := a.Templates.Template(s.Send.Template); t != nil && s.Send.Subject != "" {
				if t, err := t.WithSubject(s.Send.Subject); err == nil && t.Reads("contact", fields...) {
					return true
				}
			}
		}
	}
	return false
}

// StepNeeds says which facts the step machine looks at, under this version, for
// an enrolment that is pinned to a definition; settled says that the outcome of
// the message that it is parked for is known.
func (a *Applied) StepNeeds(pinned *campaigns.Definition, e campaigns.Enrolment, settled bool) contacts.Needs {
	current := a.Definition(e.Campaign)
	if current == nil {
		current = pinned
	}
	place := campaigns.Place{Position: e.Position, Parked: e.State == campaigns.Parked, Settled: settled}
	return a.needing(needsOf{current, pinned, place}, func() contacts.Needs {
		return current.StepNeeds(pinned, place, a.Segments, a.Limits.PerContact)
	})
}

// ReactNeeds says which facts are looked at when something new may end, wake or
// convert an enrolment that is pinned to a definition.
func (a *Applied) ReactNeeds(pinned *campaigns.Definition, campaign int64) contacts.Needs {
	d := a.Definition(campaign)
	if d == nil {
		d = pinned
	}
	return a.needing(reactNeedsOf{d}, func() contacts.Needs { return d.ReactNeeds(a.Segments) })
}

// AdmitNeeds says which facts are looked at when somebody is let into a
// campaign.
func (a *Applied) AdmitNeeds(d *campaigns.Definition) contacts.Needs {
	return a.needing(admitNeedsOf{d}, func() contacts.Needs { return d.AdmitNeeds(a.Segments) })
}

// EnterNeeds says which facts are looked at to know who is in the segments that
// campaigns start from, and to let those in who enter one.
func (a *Applied) EnterNeeds() contacts.Needs {
	a.follow.Do(a.readFollowed)
	return a.entering
}

// EnterLooksAt reports whether an event of this name can decide who is in a
// segment that campaigns start from.
func (a *Applied) EnterLooksAt(name string) bool {
	n := a.EnterNeeds()
	return n.AllEvents || slices.Contains(n.Events, name) || name == contacts.EventChanged || strings.HasPrefix(name, "consent.")
}

// AsksPredictions reports whether any condition of this version asks for a score
// that is predicted.
func (a *Applied) AsksPredictions() bool {
	asks := func(c *segments.Condition) bool {
		return c != nil && slices.ContainsFunc(c.Uses().Scores, func(name string) bool { return slices.Contains(contacts.PredictedScores, name) })
	}
	for _, s := range a.Segments {
		if asks(s.Where) {
			return true
		}
	}
	for _, d := range a.Workspace.Campaigns {
		list := slices.Concat(d.Conditions(), d.Exit)
		if d.Goal != nil {
			list = append(list, d.Goal.When)
		}
		if slices.ContainsFunc(list, asks) {
			return true
		}
	}
	return a.Relationship.AsksPredictions()
}
