package campaigns

import (
	"slices"
	"strings"

	"rapport/internal/contacts"
	"rapport/segments"
)

// Hears reports whether an event of a contact can move an open enrolment of
// this definition: end it by an exit or lost permission, wake it from a
// wait_for, or convert it. Everything else need not be asked of Next or
// Converted. A running enrolment is to be asked of its pinned definition and
// of the current one.
func (d *Definition) Hears(e *contacts.Event) bool {
	if strings.HasPrefix(e.Name, "consent.") {
		return true
	}
	switch e.Name {
	case contacts.EventUnsubscribed, contacts.EventBounced, contacts.EventComplained:
		return true // permission may be lost
	}
	for _, c := range d.listening() {
		if hears(c, e) {
			return true
		}
	}
	return e.Name == contacts.EventChanged && d.waitsForAttribute()
}

// Listens reports whether anything but lost permission can move an enrolment that
// stands still: an exit, a goal, or what a step waits for.
func (d *Definition) Listens() bool { return len(d.listening()) > 0 || d.waitsForAttribute() }

func (d *Definition) waitsForAttribute() bool {
	return slices.ContainsFunc(d.flow().nodes, func(n node) bool { return n.step.Wait != nil && n.step.Wait.Attribute != "" })
}

// listening are the conditions that are asked while an enrolment stands still.
func (d *Definition) listening() []*segments.Condition {
	all := slices.Clone(d.Exit)
	if d.Goal != nil {
		all = append(all, d.Goal.When)
	}
	for _, n := range d.flow().nodes {
		if n.step.WaitFor != nil {
			all = append(all, n.step.WaitFor.When)
		}
	}
	return all
}

// hears reports whether an event can change the answer of a condition. Stage,
// health and segments may move with any event.
func hears(c *segments.Condition, e *contacts.Event) bool {
	u := c.Uses()
	if u.Stage || u.Health || u.Tier || len(u.Segments) > 0 || len(u.Scores) > 0 || len(u.Campaigns) > 0 {
		return true
	}
	if kind, isMail := strings.CutPrefix(e.Name, "email."); isMail {
		return slices.Contains(u.Emails, kind)
	}
	if e.Name == contacts.EventChanged {
		return len(u.Attributes) > 0
	}
	return slices.Contains(u.Events, e.Name)
}
