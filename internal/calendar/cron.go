package calendar

import (
	"time"

	"github.com/robfig/cron/v3"
)

// Cron is a schedule in the five fields of crontab: minute, hour, day of the
// month, month, day of the week. The zero Cron never fires.
//
// Where both days are restricted, either suffices, as POSIX has it; "*/2" is a
// restriction, "*" is not.
type Cron struct {
	expr     string
	schedule cron.Schedule // asked with walls only, so that it never sees a zone
	// follows: the hour is "*" or "*/n", so the schedule follows the clock
	// through a doubled hour. every: it is "*", which names no hour, so that a
	// missing one leaves nothing to make up for.
	follows, every bool
}

// Occurrence is one firing of a schedule.
type Occurrence struct {
	// Wall is the local time that fires, "2026-03-29T02:30", and the key of the
	// firing: the same for every process that works it out. The second pass of
	// a doubled hour ends in "/2".
	Wall string
	// At is when it fires. For a wall time that does not exist that is the
	// moment after the gap.
	At time.Time
}

const wallForm = "2006-01-02T15:04"

// String is the schedule as it was written.
func (c Cron) String() string { return c.expr }

// IsZero says whether c is no schedule.
func (c Cron) IsZero() bool { return c.schedule == nil }

// Next is the first firing after a moment. It is false when there is none.
//
// Fixed hours fire once for each wall time: in a doubled hour at its first
// pass, for a missing one at the moment after the gap. Wall times that would
// fire in the same moment are one firing, keyed by the earliest. An hour of
// "*" or "*/n" fires in both passes of a doubled hour.
func (c Cron) Next(after time.Time, zone *time.Location) (Occurrence, bool) {
	if c.schedule == nil {
		return Occurrence{}, false
	}
	if !c.follows {
		return c.nextFixed(after, zone)
	}
	next, ok := c.nextFollowing(after, zone)
	if c.every {
		return next, ok
	}
	if fixed, found := c.nextFixed(after, zone); found && (!ok || !fixed.At.After(next.At)) {
		return fixed, true
	}
	return next, ok
}

// Between gives the firings in (after, until], at most max of them, the first
// ones.
func (c Cron) Between(after, until time.Time, zone *time.Location, max int) []Occurrence {
	var all []Occurrence
	for len(all) < max {
		o, ok := c.Next(after, zone)
		if !ok || o.At.After(until) {
			break
		}
		all = append(all, o)
		after = o.At
	}
	return all
}

// Last is the latest firing in (after, until], and how many there were. It
// looks at every firing in between.
func (c Cron) Last(after, until time.Time, zone *time.Location) (last Occurrence, count int) {
	for {
		o, ok := c.Next(after, zone)
		if !ok || o.At.After(until) {
			return last, count
		}
		last, after = o, o.At
		count++
	}
}

func (c Cron) nextFixed(after time.Time, zone *time.Location) (Occurrence, bool) {
	w, ok := c.nextWall(highest(after, zone))
	if !ok {
		return Occurrence{}, false
	}
	return Occurrence{w.Format(wallForm), firstAt(w, zone)}, true
}

func (c Cron) nextFollowing(after time.Time, zone *time.Location) (Occurrence, bool) {
	at, ok := follow(after.Add(1), zone, func(from wall) (wall, bool) { return c.nextWall(from.Add(-1)) })
	if !ok {
		return Occurrence{}, false
	}
	w := wallOf(at, zone)
	key := w.Format(wallForm)
	if firstAt(w, zone).Before(at) {
		key += "/2"
	}
	return Occurrence{key, at}, true
}

// nextWall is the first wall time of the schedule after w. The library gives up
// after five years; a 29th of February can be eight years away, and with a day
// of the week up to forty.
func (c Cron) nextWall(w wall) (wall, bool) {
	for range 9 {
		if next := c.schedule.Next(w); !next.IsZero() {
			return next, true
		}
		w = time.Date(w.Year()+5, time.December, 31, 23, 59, 59, 0, time.UTC)
	}
	return wall{}, false
}
