package campaigns

import (
	"slices"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/strict"
	"rapport/segments"
)

func (d *decoder) start(n strict.Node) {
	if !n.Present() {
		return
	}
	m := n.Map("schedule", "once", "event", "enter", "timezone", "catch_up", "include_current")
	kind, value := m.ExactlyOne("schedule", "once", "event", "enter")
	s := &d.def.Start
	s.Kind, s.CatchUp = StartKind(kind), DefaultCatchUp
	switch s.Kind {
	case StartSchedule:
		s.Cron, _ = value.Cron()
		s.Expr = s.Cron.String()
	case StartOnce:
		s.Once, _ = value.DateTime()
	case StartEvent:
		d.startEvent(value)
	case StartEnter:
		value.Choice("segment")
	default:
		return
	}
	timed := s.Kind == StartSchedule || s.Kind == StartOnce
	d.only(m, "timezone", timed, "schedule or once")
	d.only(m, "catch_up", timed, "schedule or once")
	d.only(m, "include_current", s.Kind == StartEnter, "enter")
	if zone, ok := m.Get("timezone").Zone(); ok {
		s.Timezone = zone
		if zone == ContactZone {
			s.Timezone = ""
			m.Get("timezone").Hintf(strict.CodeBadValue, "give the contact's zone to deliver.window, which holds each message until its time",
				"a start happens once for everybody and cannot follow the contact's own zone")
		}
	}
	if span, ok := m.Get("catch_up").Span(); ok {
		s.CatchUp = span
	}
	s.IncludeCurrent, _ = m.Get("include_current").Bool()
}

// only reports a key that has no meaning with this start.
func (d *decoder) only(m strict.Map, key string, fits bool, with string) {
	if m.Has(key) && !fits {
		m.Key(key).Errorf(CodeConflict, "%q goes with %s only", key, with)
	}
}

// startEvent reads `event: name` or `event: { name, where }`.
func (d *decoder) startEvent(n strict.Node) {
	s := &d.def.Start
	if !n.IsMap() {
		if name, ok := n.Text(); ok {
			s.Event = name
			d.eventName(n, name)
		}
		return
	}
	m := n.Map("name", "where")
	name, ok := m.Require("name").Text()
	if !ok {
		return
	}
	s.Event = name
	d.eventName(m.Get("name"), name)
	if where := m.Get("where"); where.Present() {
		s.Where, _ = segments.DecodeFilter(where, name, d.env)
	}
}

func (d *decoder) eventName(n strict.Node, name string) {
	if d.env == nil || d.env.Events == nil || slices.Contains(contacts.UndeclaredEvents, name) {
		return
	}
	names := make([]string, 0, len(d.env.Events))
	for known := range d.env.Events {
		names = append(names, known)
	}
	slices.Sort(names)
	d.known(n, "event", name, names)
}

// Matches reports whether an event starts this campaign. What a machine did
// starts nothing. company is the company's zone, in which dates are compared.
func (s *Start) Matches(e *contacts.Event, company *time.Location) bool {
	return s.Kind == StartEvent && e.Name == s.Event && !e.Machine && s.Where.Match(e, e.At, company)
}
