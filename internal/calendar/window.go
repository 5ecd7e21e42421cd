package calendar

import (
	"fmt"
	"strings"
	"time"
)

// Weekdays is a set of days of the week; bit n stands for time.Weekday(n).
type Weekdays uint8

// EveryDay holds all seven.
const EveryDay Weekdays = 1<<7 - 1

var weekdayNames = [7]string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}

// ParseWeekday reads one day, "MON" to "SUN", in upper or lower case.
func ParseWeekday(s string) (time.Weekday, error) {
	for i, name := range weekdayNames {
		if strings.EqualFold(s, name) {
			return time.Weekday(i), nil
		}
	}
	return 0, fmt.Errorf("%q is not a day of the week: write MON, TUE, WED, THU, FRI, SAT or SUN", s)
}

// ParseWeekdays reads days and ranges of days, as in "MON-FRI" or "SAT,SUN". A
// range may run over the end of the week.
func ParseWeekdays(s string) (Weekdays, error) {
	var days Weekdays
	for _, item := range strings.Split(s, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(item), "-")
		if !isRange {
			last = first
		}
		from, err := ParseWeekday(first)
		if err != nil {
			return 0, err
		}
		to, err := ParseWeekday(last)
		if err != nil {
			return 0, err
		}
		for d := from; ; d = (d + 1) % 7 {
			days |= 1 << d
			if d == to {
				break
			}
		}
	}
	return days, nil
}

// Has says whether the day is in the set.
func (w Weekdays) Has(d time.Weekday) bool { return w&(1<<d) != 0 }

// String lists the days from Monday on, "MON,TUE".
func (w Weekdays) String() string {
	var names []string
	for i := 1; i <= 7; i++ {
		if w.Has(time.Weekday(i % 7)) {
			names = append(names, weekdayNames[i%7])
		}
	}
	return strings.Join(names, ",")
}

// Window is a stretch of the day, [From, To), on some days of the week; no days
// stands for all. One whose To is not after its From crosses midnight and
// belongs to the day on which it starts.
type Window struct {
	Days     Weekdays
	From, To TimeOfDay
}

// Contains says whether the clock shows a time inside the window at t.
func (w Window) Contains(t time.Time, zone *time.Location) bool {
	return w.holds(wallOf(t, zone))
}

// Next is the first moment at or after t that is inside the window: t itself
// when it is.
func (w Window) Next(t time.Time, zone *time.Location) time.Time {
	at, _ := follow(t, zone, func(from wall) (wall, bool) { return w.next(from), true })
	return at
}

func (w Window) holds(at wall) bool {
	tod := todOf(at)
	if w.From < w.To {
		return w.on(at) && tod >= w.From && tod < w.To
	}
	return w.on(at) && tod >= w.From || w.on(at.AddDate(0, 0, -1)) && tod < w.To
}

func (w Window) on(at wall) bool { return w.Days == 0 || w.Days.Has(at.Weekday()) }

func (w Window) next(from wall) wall {
	if w.holds(from) {
		return from
	}
	for day := dateOf(from); ; day = day.AddDays(1) {
		start := day.wall().Add(time.Duration(w.From) * time.Minute)
		if !start.Before(from) && w.on(start) {
			return start
		}
	}
}

func todOf(at wall) TimeOfDay { return TimeOfDay(at.Hour()*60 + at.Minute()) }

// Quiet is a stretch of every day, [From, To), in which nothing is sent. One
// whose To is not after its From crosses midnight.
type Quiet struct{ From, To TimeOfDay }

// Contains says whether t is in the quiet time.
func (q Quiet) Contains(t time.Time, zone *time.Location) bool {
	return Window{EveryDay, q.From, q.To}.Contains(t, zone)
}

// Next is the first moment at or after t that is not quiet: t itself when it is
// not.
func (q Quiet) Next(t time.Time, zone *time.Location) time.Time {
	return Window{EveryDay, q.To, q.From}.Next(t, zone)
}
