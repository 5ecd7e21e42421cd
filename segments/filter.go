package segments

import (
	"strings"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/strict"
)

// Filter asks the properties of one event, as where: does in a condition. A nil
// Filter accepts every event.
type Filter struct{ tests []propertyTest }

// DecodeFilter reads the map below where: for an event of this name.
func DecodeFilter(n strict.Node, event string, env *Env) (*Filter, bool) {
	tests, ok := (&decoder{env: env}).where(n, event)
	if !ok {
		return nil, false
	}
	return &Filter{tests}, true
}

// Match tells whether the event's properties pass. Dates are compared in the
// company's zone; nil is UTC.
func (f *Filter) Match(e *contacts.Event, now time.Time, zone *time.Location) bool {
	if f == nil {
		return true
	}
	return (&eventLeaf{where: f.tests}).fits(e, clock{now, zoneOr(zone)})
}

// String is the filter in a few words: "total above 50".
func (f *Filter) String() string {
	if f == nil {
		return ""
	}
	texts := make([]string, len(f.tests))
	for i, t := range f.tests {
		texts[i] = t.path + " " + testsText(t.tests)
	}
	return strings.Join(texts, " and ")
}
