package segments

import (
	"slices"
	"strconv"
	"time"

	"rapport/internal/contacts"
)

func (l *eventLeaf) String() string { return l.text }

// seen tells whether the leaf may see an event at all; bounds of time are
// another matter.
func (l *eventLeaf) seen(e *contacts.Event, at int64, v visible) bool {
	return e.Name == l.name && !e.Machine && at >= v.since && (v.origin == 0 || e.ID != v.origin)
}

func (l *eventLeaf) fits(e *contacts.Event, c clock) bool {
	for i := range l.where {
		value, _ := contacts.Lookup(e.Properties, l.where[i].path)
		compared := contacts.Compare(value)
		if !holdAll(l.where[i].tests, &compared, c) {
			return false
		}
	}
	return true
}

// tally counts what fits. With enough, it stops as soon as the answer is sure.
func (l *eventLeaf) tally(q *Question, enough bool) tally {
	var t tally
	c := q.clock()
	b := l.window.bounds(c)
	v := q.Scope.visible(l.ever)
	enough = enough && l.sumOf == "" && l.count.high == unbounded
	if l.pick != "" {
		if e := l.picked(q, v, b.now); e != nil && b.hold(e.At.UnixMilli()) && l.fits(e, c) {
			t.add(e.At.UnixMilli())
		}
		return t
	}
	events := q.Facts.Events
	for i := range events {
		e := &events[i]
		if e.Name != l.name {
			continue
		}
		at := e.At.UnixMilli()
		if !l.seen(e, at, v) || !b.hold(at) || !l.fits(e, c) {
			continue
		}
		t.add(at)
		if l.sumOf != "" {
			value, _ := contacts.Lookup(e.Properties, l.sumOf)
			t.amount(value)
		}
		if enough && t.count >= l.count.low {
			break
		}
	}
	return t
}

// picked is the first or last event of the name up to now.
func (l *eventLeaf) picked(q *Question, v visible, now int64) *contacts.Event {
	var found *contacts.Event
	for i := range q.Facts.Events {
		e := &q.Facts.Events[i]
		if at := e.At.UnixMilli(); !l.seen(e, at, v) || at > now {
			continue
		}
		found = e
		if l.pick == "first" {
			break
		}
	}
	return found
}

func (l *eventLeaf) answer(q *Question) bool {
	t := l.tally(q, true)
	return l.count.holds(t.count) && (l.sumOf == "" || l.sum.holds(t.sum()))
}

func (l *eventLeaf) why(q *Question) string {
	t := l.tally(q, false)
	c := q.clock()
	if l.pick != "" {
		e := l.picked(q, q.Scope.visible(l.ever), c.now.UnixMilli())
		if e == nil {
			return "no " + l.name + " at all"
		}
		return "the " + l.pick + " " + l.name + " was on " + e.At.In(c.zone).Format("2006-01-02 15:04")
	}
	text := t.why(l.name, l.count, c)
	if l.sumOf != "" {
		text += ", sum of " + l.sumOf + " " + strconv.FormatFloat(float64(t.sum())/contacts.Million, 'f', -1, 64)
	}
	return text
}

func (l *eventLeaf) next(q *Question) time.Time {
	c := q.clock()
	s := spans{bounds: l.window.bounds(c), window: l.window.last}
	v := q.Scope.visible(l.ever)
	next := time.Time{}
	moving := slices.ContainsFunc(l.where, func(p propertyTest) bool { return slices.ContainsFunc(p.tests, test.moves) })
	for i := range q.Facts.Events {
		e := &q.Facts.Events[i]
		at := e.At.UnixMilli()
		if !l.seen(e, at, v) {
			continue
		}
		if moving {
			next = earlier(next, l.nextWithin(e, c))
		}
		// Another event can become the one that is picked, whatever it is.
		if l.pick != "" || moving || l.fits(e, c) {
			s.take(at)
			if l.pick != "" && at > s.bounds.now {
				s.matters(at)
			}
		}
	}
	exact := l.sumOf == "" && l.pick == "" && !moving
	return earlier(next, s.change(l.count, exact))
}

// nextWithin is the next moment at which a test of the event's own dates changes.
func (l *eventLeaf) nextWithin(e *contacts.Event, c clock) time.Time {
	var next time.Time
	for i := range l.where {
		value, _ := contacts.Lookup(e.Properties, l.where[i].path)
		compared := contacts.Compare(value)
		for j := range l.where[i].tests {
			if d, ok := l.where[i].tests[j].next(&compared, c); ok {
				next = earlier(next, c.moment(d))
			}
		}
	}
	return next
}

func (l *eventLeaf) uses(u *Uses) {
	u.Events = append(u.Events, l.name)
	u.Time = u.Time || l.window.last > 0
	for _, p := range l.where {
		u.Time = u.Time || slices.ContainsFunc(p.tests, test.moves)
	}
}
