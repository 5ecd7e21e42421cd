package strict

import (
	"time"

	"go.yaml.in/yaml/v4"

	"rapport/internal/calendar"
)

// Scalar reads the characters of a scalar, whatever its type: for values that
// have a form of their own, such as 09:00 or 50/s. want names that form in the
// finding about anything else, with its article.
func (n Node) Scalar(want string) (string, bool) {
	if !n.sound() {
		return "", false
	}
	if n.y.Kind != yaml.ScalarNode || scalarOf(n.y) == nil {
		n.mustBe(want)
		return "", false
	}
	return n.y.Value, true
}

// read parses a scalar with its own form; what the parser says is the finding.
func read[T any](n Node, want string, parse func(string) (T, error)) (T, bool) {
	var zero T
	text, ok := n.Scalar(want)
	if !ok {
		return zero, false
	}
	v, err := parse(text)
	if err != nil {
		if n.filled() {
			n.Errorf(CodeBadValue, "%s must be %s; %s is not", n.Label(), want, n.shown())
		} else {
			n.Errorf(CodeBadValue, "%v", err)
		}
		return zero, false
	}
	return v, true
}

// Span reads a length of time of more than nothing: 30m, 12h, 3d, 2w.
func (n Node) Span() (calendar.Span, bool) {
	s, ok := n.Offset()
	switch {
	case ok && s.IsZero():
		n.Errorf(CodeBadValue, "%s must be longer than nothing", n.Label())
		return calendar.Span{}, false
	case ok && s.Negative():
		n.Errorf(CodeBadValue, "%s must not be negative", n.Label())
		return calendar.Span{}, false
	}
	return s, ok
}

// Offset reads a length of time that may be nothing or point backwards: -14d.
func (n Node) Offset() (calendar.Span, bool) {
	return read(n, "a length of time, as in 30m, 12h, 3d or 2w", calendar.ParseSpan)
}

// Duration reads a length of time as a fixed one: a day is 24 hours.
func (n Node) Duration() (time.Duration, bool) {
	s, ok := n.Span()
	return s.Fixed(), ok
}

// TimeOfDay reads "09:00".
func (n Node) TimeOfDay() (calendar.TimeOfDay, bool) {
	return read(n, `a time of day, as in "09:00"`, calendar.ParseTimeOfDay)
}

// Date reads 2026-03-02.
func (n Node) Date() (calendar.Date, bool) {
	return read(n, "a date, as in 2026-03-02", calendar.ParseDate)
}

// DateTime reads 2026-12-01 09:00.
func (n Node) DateTime() (calendar.DateTime, bool) {
	return read(n, "a date and time, as in 2026-12-01 09:00", calendar.ParseDateTime)
}

// Weekdays reads MON-FRI or SAT,SUN.
func (n Node) Weekdays() (calendar.Weekdays, bool) {
	return read(n, "days of the week, as in MON-FRI", calendar.ParseWeekdays)
}

// Cron reads a schedule of five fields.
func (n Node) Cron() (calendar.Cron, bool) {
	return read(n, `a schedule, as in "0 9 * * MON-FRI"`, calendar.ParseCron)
}

// Zone reads an IANA time zone, or "contact" for the contact's own.
func (n Node) Zone() (string, bool) {
	return read(n, "a time zone, as in Europe/Berlin", func(s string) (string, error) {
		if s == "contact" {
			return s, nil
		}
		_, err := calendar.LoadZone(s)
		return s, err
	})
}
