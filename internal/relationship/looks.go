package relationship

import (
	"strings"

	"rapport/internal/contacts"
	"rapport/segments"
)

// looks is what the rules of a definition look at. What they do not look at
// changes no answer: Fold passes over it, and nobody has to load it.
type looks struct {
	names    map[string]bool // of events
	consents bool
	fields   bool
	rules    map[*segments.Condition]uses
}

func newLooks(d *Definition) *looks {
	l := &looks{names: map[string]bool{d.Health.Purchase: true}, rules: map[*segments.Condition]uses{}}
	for _, r := range d.Ladder {
		l.add(r.When)
		l.add(r.Keep)
	}
	for _, s := range d.Health.States {
		l.add(s.When)
	}
	return l
}

func (l *looks) add(c *segments.Condition) {
	if c == nil {
		return
	}
	u := usesOf(c)
	l.rules[c] = u
	for name := range u.events {
		l.names[name] = true
	}
	l.consents = l.consents || u.consents
	l.fields = l.fields || u.fields
}

// at reports whether events of a name can change an answer.
func (l *looks) at(name string) bool {
	return l.names[name] || l.fields && name == contacts.EventChanged || l.consents && strings.HasPrefix(name, "consent.")
}

// LooksAt reports whether an event of this name can move anybody on the ladder
// or change their health. Without such an event only time does, or an edit of
// the rules.
func (d *Definition) LooksAt(name string) bool { return d.looks.at(name) }

// Needs says which facts Fold looks at.
func (d *Definition) Needs() contacts.Needs {
	n := contacts.Needs{Consents: d.looks.consents, Sent: d.looks.names[contacts.EventSent]}
	for name := range d.looks.names {
		n = n.And(contacts.Needs{Events: []string{name}})
	}
	if d.looks.fields {
		n = n.And(contacts.Needs{Events: []string{contacts.EventChanged}})
	}
	return n
}
