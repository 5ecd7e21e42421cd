package campaigns

import (
	"fmt"
	"time"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
	"rapport/internal/ident"
)

// wait holds the enrolment until its moment. The moment of a span counts from
// when the enrolment came here, not from when somebody looked, so a late
// scheduler shifts nothing that follows.
func (r *run) wait(n *node) (int, time.Time, bool) {
	s, e := n.step, &r.e
	until := e.WaitUntil
	switch w := s.Wait; {
	case w.Attribute != "":
		// Asked again each time: the date may have changed while we waited.
		date, ok := r.date(w.Attribute)
		if !ok {
			r.exit(fmt.Sprintf("attribute %s holds no date to wait for", w.Attribute))
			return 0, time.Time{}, false
		}
		until = w.Offset.After(date, r.zone)
	case !until.IsZero():
	case w.Until != nil:
		until = r.weekday(w.Until)
	default:
		until = w.Span.After(e.WaitSince, r.zone)
	}
	if until.After(r.in.Now) {
		e.State, e.WaitUntil, e.DueAt = Active, until, until
		r.trace(s.ID, "waits", "until "+stamp(until, r.zone))
		return 0, time.Time{}, false
	}
	since := e.WaitSince
	if until.After(since) {
		since = until
	}
	r.trace(s.ID, "passed", "waited until "+stamp(until, r.zone))
	return n.next, since, true
}

// weekday is the next such weekday and hour from when the enrolment came
// here. When the scheduler was away for so long that this lies on an earlier
// day, it is the next one from now: "until Tuesday" must not end on a Thursday.
func (r *run) weekday(u *Until) time.Time {
	at := u.next(r.e.WaitSince, r.zone)
	if calendar.Of(at, r.zone).Before(calendar.Of(r.in.Now, r.zone)) {
		return u.next(r.in.Now, r.zone)
	}
	return at
}

// next is the first moment at or after t on one of the days at the hour.
func (u *Until) next(t time.Time, zone *time.Location) time.Time {
	day := calendar.Of(t, zone)
	for range 15 {
		if u.Days.Has(day.Weekday()) {
			if at := day.At(u.At, zone); !at.Before(t) {
				return at
			}
		}
		day = day.AddDays(1)
	}
	return t
}

// date reads a date attribute: a date means its first moment in the zone the
// campaign counts days in.
func (r *run) date(path string) (time.Time, bool) {
	v, ok := r.in.Question.Facts.Contact.Field(path)
	if !ok {
		return time.Time{}, false
	}
	switch v := v.(type) {
	case time.Time:
		return v, !v.IsZero()
	case calendar.Date:
		return v.At(0, r.zone), true
	case string:
		if d, err := calendar.ParseDate(v); err == nil {
			return d.At(0, r.zone), true
		}
		if d, err := calendar.ParseDateTime(v); err == nil {
			return d.In(r.zone), true
		}
		if t, err := time.Parse(time.RFC3339, v); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// waitFor holds the enrolment until its condition is true or its time is up.
// What happened after the time was up is not seen, however late we look.
func (r *run) waitFor(n *node) (int, time.Time, bool) {
	s, e := n.step, &r.e
	w := s.WaitFor
	until := e.WaitUntil
	if until.IsZero() {
		until = w.UpTo.After(e.WaitSince, r.zone)
	}
	q := r.scoped()
	looked := r.in.Now
	if looked.After(until) {
		looked = until
		q.Now = until
		q.Facts = asOf(q.Facts, until)
	}
	const then, otherwise = 0, 1
	switch {
	case w.When.Match(q):
		since := looked
		if e.WaitSince.After(since) {
			since = e.WaitSince
		}
		r.trace(s.ID, "took then", w.When.String())
		return n.lists[then], since, true
	case w.about.hopeless(r.went):
		r.trace(s.ID, "took else", "the message it waits for did not go")
		return n.lists[otherwise], e.WaitSince, true
	case !until.After(r.in.Now):
		r.trace(s.ID, "took else", "not within "+w.UpTo.String())
		return n.lists[otherwise], until, true
	}
	e.State, e.WaitUntil, e.DueAt = Active, until, until
	if change := w.When.NextChange(q); !change.IsZero() && change.After(r.in.Now) && change.Before(until) {
		e.DueAt = change
	}
	r.trace(s.ID, "waits", w.When.String()+", at most until "+stamp(until, r.zone))
	return 0, time.Time{}, false
}

// went reports whether a message of this enrolment made of the template left,
// may have left, or is still on its way; "" asks for any template.
func (r *run) went(template string) bool {
	for _, o := range r.in.Outcomes {
		if o.State.Settled() && !o.State.Went() {
			continue
		}
		if template == "" {
			return true
		}
		if s := r.in.Pinned.byNumber(ident.Step(o.Message)); s != nil && s.Send.Template == template {
			return true
		}
	}
	return false
}

func (d *Definition) byNumber(number int) *Step {
	for _, n := range d.flow().nodes {
		if n.step.Kind == StepSend && n.step.Number == number {
			return n.step
		}
	}
	return nil
}

// aboutMail is the skeleton of a wait_for's condition: enough to see that it
// cannot come true because the messages it is about did not go.
type aboutMail struct {
	mail     bool   // a leaf about this enrolment's mail
	template string // of that leaf; "" means any
	all, any []*aboutMail
}

// hopeless reports whether the condition cannot come true any more.
func (a *aboutMail) hopeless(went func(template string) bool) bool {
	switch {
	case a == nil:
		return false
	case a.mail:
		return !went(a.template)
	case len(a.all) > 0:
		for _, c := range a.all {
			if c.hopeless(went) {
				return true
			}
		}
		return false
	case len(a.any) > 0:
		for _, c := range a.any {
			if !c.hopeless(went) {
				return false
			}
		}
		return true
	}
	return false
}

// assign sets a field of a contact that is ours to change.
func assign(c *contacts.Contact, field string, value any) {
	text, _ := value.(string)
	switch field {
	case "first_name":
		c.FirstName = text
	case "last_name":
		c.LastName = text
	case "language":
		c.Language = text
	case "timezone":
		c.Timezone = text
	default:
		name := field
		if len(name) > len(attributePrefix) && name[:len(attributePrefix)] == attributePrefix {
			name = name[len(attributePrefix):]
		}
		if value == nil {
			delete(c.Attributes, name)
			return
		}
		c.Attributes[name] = value
	}
}

// attributePrefix may stand before the name of an attribute.
const attributePrefix = "attributes."

// stamp writes a moment for people, in the zone they think in.
func stamp(t time.Time, zone *time.Location) string {
	return t.In(zone).Format("2006-01-02 15:04")
}
