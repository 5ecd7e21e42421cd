package campaigns

import (
	"fmt"
	"time"

	"rapport/internal/contacts"
)

const (
	// bestDays is on how many days somebody must have clicked before an hour is a
	// habit: fewer say more about when mail was sent than about who reads it.
	bestDays = 5
	// bestSince is how far back clicks are looked at; habits change with the year.
	bestSince = 365 * 24 * time.Hour
	// bestWithin is how far the best hour may move a message: to each hour of a day.
	bestWithin = 24 * time.Hour
)

// habit is how often somebody clicked in each hour of the day.
type habit struct {
	hours [24]int
	days  int // on which they clicked
}

// habitOf counts clicks by the clock of the contact; those of an hour of a day are
// one. Weekdays are left alone: nobody clicks so often that seven times 24 hours
// tell anything, and the campaign says on which days it sends.
func habitOf(clicks []time.Time, now time.Time, zone *time.Location) habit {
	var h habit
	type hour struct {
		year, day, hour int
	}
	seen, days := map[hour]bool{}, map[hour]bool{}
	for _, c := range clicks {
		if c.After(now) || now.Sub(c) > bestSince {
			continue
		}
		at := c.In(zone)
		key := hour{at.Year(), at.YearDay(), at.Hour()}
		if !seen[key] {
			seen[key] = true
			h.hours[key.hour]++
		}
		key.hour = 0
		days[key] = true
	}
	h.days = len(days)
	return h
}

// weight is how much speaks for an hour. The hours beside it count half: five to
// seven is close to seven.
func (h *habit) weight(hour int) int {
	return 2*h.hours[hour] + h.hours[(hour+1)%24] + h.hours[(hour+23)%24]
}

// better reports whether one hour is better than another.
func (h *habit) better(a, b int) bool {
	if h.weight(a) != h.weight(b) {
		return h.weight(a) > h.weight(b)
	}
	return h.hours[a] > h.hours[b]
}

// bestTime moves a message that may go at planned to the hour in which the contact
// clicks most, of those that begin within a day of it, are over before the message
// expires, and in which the permit lets it go. The whole hour must be left: a rate
// or a limit may let a message of its beginning go at its end. why says what was decided; moved is false
// when it goes as planned.
func bestTime(p Permit, c *contacts.Contact, clicks []time.Time, planned, expires, now time.Time) (at time.Time, why string, moved bool) {
	zone := zoneOr(p.ContactZone)
	h := habitOf(clicks, now, zone)
	if h.days < bestDays {
		return planned, fmt.Sprintf("as planned: clicks on %d of the %d days that a best hour needs", h.days, bestDays), false
	}
	at = planned
	for t := nextHour(planned, zone); t.Before(planned.Add(bestWithin)) && !t.Add(time.Hour).After(expires); t = nextHour(t, zone) {
		if !h.better(t.In(zone).Hour(), at.In(zone).Hour()) {
			continue
		}
		if allowed, _ := p.Allowed(t); allowed.Equal(t) {
			at = t
		}
	}
	if at.Equal(planned) {
		return planned, "as planned: no hour in which it may go is better", false
	}
	name := c.FirstName
	if name == "" {
		name = "the contact"
	}
	why = fmt.Sprintf("waits until %s, the hour in which %s clicks most", at.In(zone).Format("15:04"), name)
	for hour := range h.hours {
		if h.better(hour, at.In(zone).Hour()) {
			return at, why + " of those in which it may go", true
		}
	}
	return at, why, true
}

// nextHour is when the next hour begins by the clock of a zone.
func nextHour(t time.Time, zone *time.Location) time.Time {
	local := t.In(zone)
	into := time.Duration(local.Minute())*time.Minute + time.Duration(local.Second())*time.Second + time.Duration(local.Nanosecond())
	return t.Add(time.Hour - into)
}
