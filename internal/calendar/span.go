package calendar

import (
	"fmt"
	"strconv"
	"time"
)

// Span is a length of time as a person writes it: either whole days ("3d",
// "2w"), which follow the calendar, or hours and minutes ("12h", "30m"), which
// follow the clock. A span is one or the other.
type Span struct {
	Days  int
	Clock time.Duration
}

// The largest spans that are accepted: a hundred years.
const (
	maxDays  = 36_600
	maxHours = maxDays * 24
)

// ParseSpan reads "30m", "12h", "3d" or "2w", with a "-" before it for the
// time before something ("-14d").
func ParseSpan(s string) (Span, error) {
	bad := func() (Span, error) {
		return Span{}, fmt.Errorf("%q is not a length of time: write a whole number and m, h, d or w, as in 30m, 12h, 3d or 2w", s)
	}
	digits, sign := s, 1
	if len(digits) > 0 && digits[0] == '-' {
		digits, sign = digits[1:], -1
	}
	if len(digits) < 2 {
		return bad()
	}
	unit := digits[len(digits)-1]
	digits = digits[:len(digits)-1]
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return bad()
		}
	}
	n, err := strconv.Atoi(digits)
	tooLong := err != nil
	n *= sign
	var span Span
	switch unit {
	case 'm':
		tooLong = tooLong || outside(n, maxHours*60)
		span.Clock = time.Duration(n) * time.Minute
	case 'h':
		tooLong = tooLong || outside(n, maxHours)
		span.Clock = time.Duration(n) * time.Hour
	case 'd':
		tooLong = tooLong || outside(n, maxDays)
		span.Days = n
	case 'w':
		tooLong = tooLong || outside(n, maxDays/7)
		span.Days = n * 7
	default:
		return bad()
	}
	if tooLong {
		return Span{}, fmt.Errorf("%q is longer than a hundred years", s)
	}
	return span, nil
}

func outside(n, limit int) bool { return n > limit || n < -limit }

// String writes the span in the largest unit that loses nothing, up to days.
func (s Span) String() string {
	switch {
	case s.Days != 0 || s.Clock == 0:
		return strconv.Itoa(s.Days) + "d"
	case s.Clock%time.Hour == 0:
		return strconv.Itoa(int(s.Clock/time.Hour)) + "h"
	default:
		return strconv.Itoa(int(s.Clock/time.Minute)) + "m"
	}
}

// IsZero says whether the span has no length.
func (s Span) IsZero() bool { return s == Span{} }

// Negative says whether the span points backwards.
func (s Span) Negative() bool { return s.Days < 0 || s.Clock < 0 }

// After is the moment one span after t. Days keep the wall time; one that does
// not exist moves to the next that does.
func (s Span) After(t time.Time, zone *time.Location) time.Time {
	if s.Days != 0 {
		t = firstAt(wallOf(t, zone).AddDate(0, 0, s.Days), zone)
	}
	return t.Add(s.Clock)
}

// Before is the moment one span before t, by the same rules as After.
func (s Span) Before(t time.Time, zone *time.Location) time.Time {
	return Span{-s.Days, -s.Clock}.After(t, zone)
}

// Fixed is the span as a length that is the same for everybody: a day is
// 24 hours.
func (s Span) Fixed() time.Duration {
	return time.Duration(s.Days)*24*time.Hour + s.Clock
}
