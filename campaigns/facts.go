package campaigns

import (
	"sort"
	"time"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
)

// zoneOf resolves the name of a zone for a contact.
func zoneOf(name string, c *contacts.Contact, company *time.Location) *time.Location {
	if company == nil {
		company = time.UTC
	}
	if name == ContactZone {
		name = ""
		if c != nil {
			name = c.Timezone
		}
	}
	if name == "" {
		return company
	}
	zone, err := calendar.LoadZone(name)
	if err != nil {
		return company
	}
	return zone
}

// asOf is what was known of a contact at t: the events and consents until
// then, and the stage and health it had. Attributes and scores stay as they are.
func asOf(f *contacts.Facts, t time.Time) *contacts.Facts {
	then := *f
	n := sort.Search(len(f.Events), func(i int) bool { return f.Events[i].At.After(t) })
	then.Events = f.Events[:n:n]
	then.Consents = nil
	for _, c := range f.Consents {
		if !c.At.After(t) {
			then.Consents = append(then.Consents, c)
		}
	}
	if stage, since, ok := rungAt(f.Changes, "stage", t); ok {
		then.Contact.Stage, then.Contact.StageSince = stage, since
	}
	if health, since, ok := rungAt(f.Changes, "health", t); ok {
		then.Contact.Health, then.Contact.HealthSince = health, since
	}
	return &then
}

// rungAt is the stage or health at t by the recorded changes; ok is false
// when there are none of that kind and the present one has always held.
func rungAt(changes []contacts.StageChange, kind string, t time.Time) (name string, since time.Time, ok bool) {
	for _, c := range changes {
		if c.Kind != kind {
			continue
		}
		if c.At.After(t) {
			if !ok {
				return c.From, time.Time{}, true
			}
			return name, since, true
		}
		name, since, ok = c.To, c.At, true
	}
	return name, since, ok
}
