package calendar

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// TimeOfDay is a wall time in minutes since midnight, 0 to 1439.
type TimeOfDay int

// ParseTimeOfDay reads "09:00": two digits, a colon, two digits, up to 23:59.
func ParseTimeOfDay(s string) (TimeOfDay, error) {
	if len(s) == 5 && s[2] == ':' {
		hour, ok := twoDigits(s[:2])
		minute, ok2 := twoDigits(s[3:])
		if ok && ok2 && hour < 24 && minute < 60 {
			return TimeOfDay(hour*60 + minute), nil
		}
	}
	if s == "24:00" {
		return 0, fmt.Errorf(`"24:00" is not a time of day: write "00:00"`)
	}
	return 0, fmt.Errorf(`%q is not a time of day: write hours and minutes, as in "09:00" or "18:30"`, s)
}

func twoDigits(s string) (int, bool) {
	if s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9' {
		return 0, false
	}
	return int(s[0]-'0')*10 + int(s[1]-'0'), true
}

func (t TimeOfDay) String() string { return fmt.Sprintf("%02d:%02d", int(t)/60, int(t)%60) }

// Date is a day of the calendar, in no zone.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// ParseDate reads "2026-03-02". A day that no calendar has is an error.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse("2006-01-02", s)
	switch {
	case err != nil && strings.Contains(err.Error(), "out of range"):
		return Date{}, fmt.Errorf("%q is not a date: there is no such day", s)
	case err != nil:
		return Date{}, fmt.Errorf("%q is not a date: write year, month and day, as in 2026-03-02", s)
	}
	return dateOf(t), nil
}

// Of is the date that a calendar on the wall shows at t.
func Of(t time.Time, zone *time.Location) Date { return dateOf(t.In(zone)) }

func dateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day) }

func (d Date) wall() wall { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

// IsZero says whether d is no date at all.
func (d Date) IsZero() bool { return d == Date{} }

// AddDays is the date n days later.
func (d Date) AddDays(n int) Date { return dateOf(d.wall().AddDate(0, 0, n)) }

// Sub is the number of days from o to d.
func (d Date) Sub(o Date) int { return int(d.wall().Sub(o.wall()) / (24 * time.Hour)) }

// Weekday is the day of the week.
func (d Date) Weekday() time.Weekday { return d.wall().Weekday() }

// Compare is -1, 0 or 1 as d is earlier than, the same as or later than o.
func (d Date) Compare(o Date) int {
	return cmp.Or(cmp.Compare(d.Year, o.Year), cmp.Compare(d.Month, o.Month), cmp.Compare(d.Day, o.Day))
}

// Before says whether d is earlier than o.
func (d Date) Before(o Date) bool { return d.Compare(o) < 0 }

// After says whether d is later than o.
func (d Date) After(o Date) bool { return d.Compare(o) > 0 }

// At is the moment at which the clock shows this date and time. One that does
// not exist moves to the next that does; of a doubled one it is the first.
func (d Date) At(tod TimeOfDay, zone *time.Location) time.Time {
	return firstAt(d.wall().Add(time.Duration(tod)*time.Minute), zone)
}

// StartOfDay is the first moment of the day that t falls on. It is not always
// midnight.
func StartOfDay(t time.Time, zone *time.Location) time.Time {
	return Of(t, zone).At(0, zone)
}

// DateTime is a wall time on a date, in no zone.
type DateTime struct {
	Date
	TimeOfDay
}

// ParseDateTime reads "2026-12-01 09:00".
func ParseDateTime(s string) (DateTime, error) {
	date, tod, found := strings.Cut(s, " ")
	if !found {
		return DateTime{}, fmt.Errorf("%q is not a date and time: write both, as in 2026-12-01 09:00", s)
	}
	d, err := ParseDate(date)
	if err != nil {
		return DateTime{}, err
	}
	t, err := ParseTimeOfDay(tod)
	if err != nil {
		return DateTime{}, err
	}
	return DateTime{d, t}, nil
}

func (d DateTime) String() string { return d.Date.String() + " " + d.TimeOfDay.String() }

// IsZero says whether d is no moment at all.
func (d DateTime) IsZero() bool { return d == DateTime{} }

// In is the moment at which the clock of the zone shows d, by the rules of
// Date.At.
func (d DateTime) In(zone *time.Location) time.Time { return d.Date.At(d.TimeOfDay, zone) }
