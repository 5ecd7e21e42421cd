package segments

import (
	"strings"

	"rapport/internal/contacts"
)

// Needs says which facts the condition looks at, those of the segments that it
// names included. It may say too much, never too little.
func (c *Condition) Needs(all Set) contacts.Needs {
	return c.needs(all, map[string]bool{})
}

func (c *Condition) needs(all Set, seen map[string]bool) contacts.Needs {
	u := c.Uses()
	n := contacts.Needs{Consents: len(u.Topics) > 0, Campaigns: len(u.Campaigns) > 0, Scores: len(u.Scores) > 0 || u.Tier}
	for _, name := range u.Events {
		n = n.And(eventNeeds(name))
	}
	for _, kind := range u.Emails {
		n = n.And(eventNeeds("email." + kind))
	}
	for _, name := range u.Segments {
		s := all[name]
		if seen[name] || s == nil || s.Where == nil {
			continue
		}
		seen[name] = true
		n = n.And(s.Where.needs(all, seen))
	}
	return n
}

// eventNeeds is where the events of a name are kept.
func eventNeeds(name string) contacts.Needs {
	switch {
	case name == contacts.EventSent:
		return contacts.Needs{Sent: true, Events: []string{name}}
	case strings.HasPrefix(name, "consent."):
		return contacts.Needs{Consents: true, Events: []string{name}}
	}
	return contacts.Needs{Events: []string{name}}
}
