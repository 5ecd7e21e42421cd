package campaigns

import (
	"sort"
	"time"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
)

// DefaultGoalWithin bounds a goal that does not say `within`.
var DefaultGoalWithin = calendar.Span{Days: 30}

// Conversion is the first time an enrolment reached its goal.
type Conversion struct {
	At    time.Time
	Event int64   // the event that did it; 0 when it was a change of stage or of the contact
	Key   string  // of that event
	Value float64 // the property that goal.value names, by its dotted path; 0 when there is none
}

// Goal is Converted for those who ask for the moment only.
func Goal(in Input) (time.Time, bool) {
	c, ok := Converted(in)
	return c.At, ok
}

// Converted tells when an enrolment reached its goal, if it has by now. A goal
// that held before the enrolment started must first cease to hold. Converting
// does not end an enrolment, and an enrolment that has ended, or is held out
// as control, can still convert until goal.within is over.
func Converted(in Input) (Conversion, bool) {
	r := newRun(in)
	goal := r.cur.Goal
	if goal == nil || goal.When == nil {
		return Conversion{}, false
	}
	end := r.cur.GoalEnd(&r.e, r.zone)
	if in.Now.Before(end) {
		end = in.Now
	}
	start := ScopeOf(&r.e).Since
	held := r.goalHeld(start.Add(-time.Millisecond))
	for _, m := range moments(in.Question.Facts, start, end) {
		holds := r.goalHeld(m)
		if holds && !held {
			return r.conversion(m), true
		}
		held = holds
	}
	return Conversion{}, false
}

func (r *run) goalHeld(t time.Time) bool {
	q := r.scoped()
	q.Now = t
	q.Facts = asOf(q.Facts, t)
	return r.cur.Goal.When.Match(q)
}

// moments are the times at which a goal may have become true: at the start,
// at each event and change of stage between start and end, and at the end.
func moments(f *contacts.Facts, start, end time.Time) []time.Time {
	if end.Before(start) {
		return nil
	}
	all := []time.Time{start}
	between := func(t time.Time) bool { return t.After(start) && t.Before(end) }
	for _, e := range f.Events {
		if between(e.At) {
			all = append(all, e.At)
		}
	}
	for _, c := range f.Changes {
		if between(c.At) {
			all = append(all, c.At)
		}
	}
	all = append(all, end)
	sort.Slice(all, func(i, j int) bool { return all[i].Before(all[j]) })
	return all
}

// MostValue bounds what one conversion is worth, in the unit of the property: one
// absurd event must not be all that a campaign was worth, and squares of values
// are summed.
const MostValue = 1e12

// conversion finds the event behind a conversion at t: the last one of that
// moment which carries the value that the goal names, else the last one.
func (r *run) conversion(t time.Time) Conversion {
	c := Conversion{At: t}
	for _, e := range r.in.Question.Facts.Events {
		if !e.At.Equal(t) {
			continue
		}
		value, ok := contacts.Amount(e.Properties, r.cur.Goal.Value)
		if ok || c.Event == 0 {
			c.Event, c.Key, c.Value = e.ID, e.Key, max(-MostValue, min(MostValue, value))
		}
	}
	return c
}

// GoalEnd is when the goal's window ends; without a goal, when the enrolment
// started. zone is the one the campaign counts days in, see Zone.
func (d *Definition) GoalEnd(e *Enrolment, zone *time.Location) time.Time {
	if d.Goal == nil {
		return e.StartedAt
	}
	within := d.Goal.Within
	if within.IsZero() {
		within = DefaultGoalWithin
	}
	return within.After(e.StartedAt, zone)
}
