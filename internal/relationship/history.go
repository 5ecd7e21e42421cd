package relationship

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"rapport/internal/contacts"
)

// moment is one thing that happened: an event, or a consent that no event
// tells of.
type moment struct {
	at       time.Time
	event    *contacts.Event
	consents []contacts.Consent // that became known with it
	fields   map[string]any     // what the contact's changed fields are from now on
}

// history is a contact's past, put into order.
type history struct {
	moments  []moment
	events   []contacts.Event
	consents []contacts.Consent
	contact  contacts.Contact // as it was before the first moment
	later    time.Time        // the first event or consent after now
}

// order sorts events by (time in milliseconds, key), drops repeats, what nobody
// looks at and what lies after now, and takes the contact back to before its
// first change.
func order(f *contacts.Facts, now time.Time, l *looks) history {
	var h history
	for _, e := range f.Events {
		if l.at(e.Name) {
			h.events = append(h.events, e)
		}
	}
	if l.consents {
		h.consents = slices.Clone(f.Consents)
	}
	for i := range h.events {
		h.events[i].At = milli(h.events[i].At)
	}
	for i := range h.consents {
		h.consents[i].At = milli(h.consents[i].At)
	}
	if !slices.IsSortedFunc(h.events, byTimeAndKey) {
		slices.SortStableFunc(h.events, byTimeAndKey)
	}
	h.events = slices.CompactFunc(h.events, same)
	slices.SortStableFunc(h.consents, func(a, b contacts.Consent) int {
		return cmp.Or(contacts.CompareConsents(a, b), strings.Compare(a.Topic, b.Topic), strings.Compare(a.State, b.State))
	})
	h.consents = slices.Compact(h.consents)
	h.contact = f.Contact
	h.forget(now)
	h.merge()
	h.rewind()
	return h
}

func byTimeAndKey(a, b contacts.Event) int {
	return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Key, b.Key), strings.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
}

// same reports whether two events that stand side by side are one: the same
// deduplication key, or without a key the same id.
func same(a, b contacts.Event) bool {
	if !a.At.Equal(b.At) || a.Key != b.Key {
		return false
	}
	return a.Key != "" || a.ID == b.ID && a.Name == b.Name
}

// forget leaves out what lies after now.
func (h *history) forget(now time.Time) {
	n, _ := slices.BinarySearchFunc(h.events, now, func(e contacts.Event, t time.Time) int {
		if e.At.After(t) {
			return 1
		}
		return -1
	})
	if n < len(h.events) {
		h.later = h.events[n].At
	}
	m := 0
	for m < len(h.consents) && !h.consents[m].At.After(now) {
		m++
	}
	if m < len(h.consents) && (h.later.IsZero() || h.consents[m].At.Before(h.later)) {
		h.later = h.consents[m].At
	}
	// What lies after now must still be undone in the contact's fields.
	h.contact = undo(h.contact, h.events[n:])
	h.events, h.consents = h.events[:n], h.consents[:m]
}

// merge puts events and consents into one row. A consent becomes known with
// the first event of its millisecond that tells of it, else by itself, before
// the events of that millisecond; but never before one of its topic that it
// counts over, whose event may have the later key.
func (h *history) merge() {
	told := map[int][]contacts.Consent{} // by event
	last := map[string]int{}             // of each topic, the event that told of it
	var alone []contacts.Consent
	for _, c := range h.consents {
		j, ok := h.eventOf(c)
		if before, known := last[c.Topic]; known && h.events[before].At.Equal(c.At) {
			j, ok = max(j, before), true
		}
		if ok {
			told[j] = append(told[j], c)
			last[c.Topic] = j
		} else {
			alone = append(alone, c)
		}
	}
	h.moments = make([]moment, 0, len(h.events)+len(alone))
	for j := range h.events {
		at := h.events[j].At
		for len(alone) > 0 && !alone[0].At.After(at) {
			h.moments = append(h.moments, moment{at: alone[0].At, consents: alone[:1]})
			alone = alone[1:]
		}
		h.moments = append(h.moments, moment{at: at, event: &h.events[j], consents: told[j]})
	}
	for i := range alone {
		h.moments = append(h.moments, moment{at: alone[i].At, consents: alone[i : i+1]})
	}
}

// eventOf finds the event that tells of a consent.
func (h *history) eventOf(c contacts.Consent) (int, bool) {
	j, _ := slices.BinarySearchFunc(h.events, c.At, func(e contacts.Event, t time.Time) int { return e.At.Compare(t) })
	for ; j < len(h.events) && h.events[j].At.Equal(c.At); j++ {
		e := &h.events[j]
		if e.Name == "consent."+c.State && e.Properties["topic"] == c.Topic {
			return j, true
		}
	}
	return 0, false
}

func milli(t time.Time) time.Time { return t.Truncate(time.Millisecond) }

// rewind takes the contact back to before its first change, and notes at each
// change what the fields are from then on.
func (h *history) rewind() {
	c := h.contact
	c.Attributes = maps.Clone(c.Attributes)
	if c.Attributes == nil {
		c.Attributes = map[string]any{}
	}
	for i := len(h.moments) - 1; i >= 0; i-- {
		changes := changesOf(h.moments[i].event)
		if len(changes) == 0 {
			continue
		}
		after := make(map[string]any, len(changes))
		for field, from := range changes {
			after[field] = get(&c, field)
			set(&c, field, from)
		}
		h.moments[i].fields = after
	}
	h.contact = c
}

func undo(c contacts.Contact, events []contacts.Event) contacts.Contact {
	if len(events) == 0 {
		return c
	}
	c.Attributes = maps.Clone(c.Attributes)
	if c.Attributes == nil {
		c.Attributes = map[string]any{}
	}
	for i := len(events) - 1; i >= 0; i-- {
		for field, from := range changesOf(&events[i]) {
			set(&c, field, from)
		}
	}
	return c
}

// changesOf gives the fields that an event changed, with what they were before.
func changesOf(e *contacts.Event) map[string]any {
	if e == nil || e.Name != contacts.EventChanged {
		return nil
	}
	changes, _ := e.Properties["changes"].(map[string]any)
	before := make(map[string]any, len(changes))
	for field, change := range changes {
		if c, ok := change.(map[string]any); ok {
			before[field] = c["from"]
		}
	}
	return before
}

// apply makes what happened part of what is known.
func (m moment) apply(f *contacts.Facts) {
	if m.event != nil {
		f.Events = append(f.Events, *m.event)
	}
	f.Consents = append(f.Consents, m.consents...)
	for field, value := range m.fields {
		set(&f.Contact, field, value)
	}
}

// get and set reach the fields of a contact by the names that conditions use.
func get(c *contacts.Contact, field string) any {
	if p := builtIn(c, field); p != nil {
		return *p
	}
	return c.Attributes[attribute(field)]
}

func set(c *contacts.Contact, field string, value any) {
	if p := builtIn(c, field); p != nil {
		*p, _ = value.(string)
		return
	}
	if value == nil {
		delete(c.Attributes, attribute(field))
		return
	}
	c.Attributes[attribute(field)] = value
}

func attribute(field string) string { return strings.TrimPrefix(field, "attributes.") }

func builtIn(c *contacts.Contact, field string) *string {
	switch field {
	case "email":
		return &c.Email
	case "first_name":
		return &c.FirstName
	case "last_name":
		return &c.LastName
	case "language":
		return &c.Language
	case "timezone":
		return &c.Timezone
	}
	return nil
}
