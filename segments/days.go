package segments

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
)

// day is a date as the number of days since 1970-01-01.
type day = int64

// Ends of an open range of days, beyond every date that can be written.
const (
	firstDay day = -4_000_000
	lastDay  day = 4_000_000
)

// dayRange is a range of dates with both ends in it.
type dayRange struct{ from, to day }

// clock tells dates in the company's zone at one moment.
type clock struct {
	now  time.Time
	zone *time.Location
}

func (q *Question) clock() clock { return clock{q.Now, zoneOr(q.Zone)} }
func (p *SQL) clock() clock      { return clock{p.Now, zoneOr(p.Zone)} }

func zoneOr(zone *time.Location) *time.Location {
	if zone == nil {
		return time.UTC
	}
	return zone
}

func (c clock) today() day { return contacts.DayNumber(calendar.Of(c.now, c.zone)) }

// start is the moment at which a date begins, in Unix milliseconds.
func (c clock) start(d day) int64 { return c.moment(d).UnixMilli() }

func (c clock) moment(d day) time.Time { return dateOf(d).At(0, c.zone) }

func dateOf(d day) calendar.Date { return calendar.Of(time.Unix(d*86400, 0), time.UTC) }

// dayOf is the date on which a moment falls: the one that has begun and whose
// successor has not. Where clocks go back over midnight, the wall shows
// something else for a minute; beginnings are what SQL can compare.
func (c clock) dayOf(ms int64) day {
	d := contacts.DayNumber(calendar.Of(time.UnixMilli(ms), c.zone))
	for d > firstDay && c.start(d) > ms {
		d--
	}
	for d < lastDay && c.start(d+1) <= ms {
		d++
	}
	return d
}

// holds tells whether a value, in its forms, is a date within the range.
func (r dayRange) holds(v *contacts.Comparable, c clock) bool {
	switch {
	case v.Is(contacts.KindDay):
		return v.Day >= r.from && v.Day <= r.to
	case v.Is(contacts.KindInstant):
		return (r.from <= firstDay || v.Instant >= c.start(r.from)) && (r.to >= lastDay || v.Instant < c.start(r.to+1))
	}
	return false
}

// sql is holds as an expression, possibly null.
func (r dayRange) sql(s source, c clock) string {
	var byDay, byInstant []string
	if r.from > firstDay {
		byDay = append(byDay, fmt.Sprintf("%s >= %d", s.of(contacts.KindDay), r.from))
		byInstant = append(byInstant, fmt.Sprintf("%s >= %d", s.of(contacts.KindInstant), c.start(r.from)))
	}
	if r.to < lastDay {
		byDay = append(byDay, fmt.Sprintf("%s <= %d", s.of(contacts.KindDay), r.to))
		byInstant = append(byInstant, fmt.Sprintf("%s < %d", s.of(contacts.KindInstant), c.start(r.to+1)))
	}
	return fmt.Sprintf("coalesce(%s, %s, false)", strings.Join(byDay, " and "), strings.Join(byInstant, " and "))
}

// An anniversary is the same day of a later year. Who was born on 29 February
// celebrates on 28 February in a common year, so that the day stays in its month.

// yearPart is the part of a window of days that lies in one year, as days of the
// year; only dates before that year have an anniversary in it.
type yearPart struct {
	year     int
	from, to int64 // contacts.YearDay
}

// yearParts splits the window from today to days later.
func yearParts(today day, days int) []yearPart {
	from, to := dateOf(today), dateOf(today+int64(days))
	last := contacts.YearDay(to)
	if last == 228 && !leap(to.Year) {
		last = 229
	}
	if from.Year == to.Year {
		return []yearPart{{from.Year, contacts.YearDay(from), last}}
	}
	return []yearPart{{from.Year, contacts.YearDay(from), 1231}, {to.Year, 101, last}}
}

func leap(year int) bool { return time.Date(year, 2, 29, 0, 0, 0, 0, time.UTC).Day() == 29 }

// firstJanuary is the first day of a year.
func firstJanuary(year int) day {
	return contacts.DayNumber(calendar.Date{Year: year, Month: 1, Day: 1})
}

// earliestAnniversary is the first year of which moments have anniversaries.
const earliestAnniversary = 1900

// ranges are the dates since 1900 whose anniversary lies in the part, one range
// for each year.
func (y yearPart) ranges() []dayRange {
	var list []dayRange
	for year := earliestAnniversary; year < y.year; year++ {
		list = append(list, dayRange{dayIn(year, y.from, 1), dayIn(year, y.to, 0)})
	}
	return list
}

// dayIn is a day of the year in a given year. Where there is no 29 February it
// is the day before plus the shift.
func dayIn(year int, yearDay, shift int64) day {
	if yearDay == 229 && !leap(year) {
		return dayIn(year, 228, 0) + shift
	}
	return contacts.DayNumber(calendar.Date{Year: year, Month: time.Month(yearDay / 100), Day: int(yearDay % 100)})
}

// anniversaryIn tells whether a date has an anniversary from today to days later.
func anniversaryIn(v *contacts.Comparable, c clock, days int) bool {
	date, yearDay := v.Day, v.YearDay
	switch {
	case v.Is(contacts.KindDay):
	case v.Is(contacts.KindInstant):
		date = c.dayOf(v.Instant)
		if date < firstJanuary(earliestAnniversary) {
			return false
		}
		yearDay = contacts.YearDay(dateOf(date))
	default:
		return false
	}
	for _, part := range yearParts(c.today(), days) {
		if yearDay >= part.from && yearDay <= part.to && date < firstJanuary(part.year) {
			return true
		}
	}
	return false
}

// anniversarySQL is anniversaryIn as an expression, possibly null.
func anniversarySQL(s source, c clock, days int) string {
	var byDay, rows []string
	var edges []int64
	for _, part := range yearParts(c.today(), days) {
		byDay = append(byDay, fmt.Sprintf("(%s between %d and %d and %s < %d)",
			s.of(contacts.KindYearDay), part.from, part.to, s.of(contacts.KindDay), firstJanuary(part.year)))
		for _, r := range part.ranges() {
			if from, until := c.start(r.from), c.start(r.to+1); from < until {
				rows = append(rows, fmt.Sprintf("(%d, %d)", from, until))
				edges = append(edges, from, until)
			}
		}
	}
	// Both databases name the columns of values column1 and column2.
	instant := s.of(contacts.KindInstant)
	byInstant := fmt.Sprintf("exists (select 1 from (values %s) as r where %s >= r.column1 and %s < r.column2)", strings.Join(rows, ", "), instant, instant)
	if s.dialect == Postgres {
		// Every second stretch between the edges is one of the ranges. PostgreSQL
		// shares the work only where it needs no subselect for each row.
		slices.Sort(edges)
		byInstant = fmt.Sprintf("width_bucket(%s, array[%s]::bigint[]) %% 2 = 1", instant, integers(edges))
	}
	if near := aboutYearDay(c, days); near != "" {
		byInstant = "case when " + instant + " is not null then " + fmt.Sprintf(near, instant) + " and " + byInstant + " end"
	}
	return fmt.Sprintf("coalesce(%s, %s, false)", strings.Join(byDay, " or "), byInstant)
}

// meanYear is the mean length of a year in the calendar, 365.2425 days.
const meanYear = 31_556_952_000

// aboutYearDay tells by arithmetic alone, of a moment that stands for %s, whether
// its anniversary can lie in the window from today to days later; it is empty
// where that would exclude nobody. A calendar year begins up to two days before or
// after its mean place, 29 February moves by a day, and a zone by another, so a
// week is left on both sides: what remains is looked up exactly.
func aboutYearDay(c clock, days int) string {
	const margin = 7 * 86_400_000
	width := int64(days)*86_400_000 + 2*margin
	if width >= meanYear {
		return ""
	}
	// Far enough back that what is divided is never negative.
	from := (c.start(c.today())-margin)%meanYear - 1000*meanYear
	return fmt.Sprintf("(%%s - (%d)) %%%% %d <= %d", from, int64(meanYear), width)
}

// nextAnniversaryChange is the first day after today on which the answer of
// anniversaryIn changes; ok is false when there is no such date.
func nextAnniversaryChange(v *contacts.Comparable, c clock, days int) (day, bool) {
	date := v.Day
	switch {
	case v.Is(contacts.KindDay):
	case v.Is(contacts.KindInstant):
		date = c.dayOf(v.Instant)
	default:
		return 0, false
	}
	today, of := c.today(), dateOf(date)
	var next day
	found := false
	take := func(d day) {
		if d > today && (!found || d < next) {
			next, found = d, true
		}
	}
	for year := max(dateOf(today).Year-1, of.Year+1); year <= max(dateOf(today).Year, of.Year)+2; year++ {
		on := dayIn(year, contacts.YearDay(of), 0)
		take(on - int64(days))
		take(on + 1)
	}
	return next, found
}

// spanText is a number of days as it is written.
func spanText(days int) string { return calendar.Span{Days: days}.String() }
