package calendar

import "time"

// A wall is a reading of a wall clock without a zone. It is kept in a time.Time
// whose zone is UTC, because UTC has neither gaps nor doubled hours and so all
// arithmetic on it is plain.
type wall = time.Time

// maxOffset is more than any zone was ever away from UTC.
const maxOffset = 26 * time.Hour

// wallOf is what a clock on the wall shows at t.
func wallOf(t time.Time, zone *time.Location) wall {
	_, offset := t.In(zone).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// segment is a stretch of time in which a zone keeps one offset from UTC. A
// zero from or until means that it is open on that side.
type segment struct {
	from, until time.Time
	offset      time.Duration
}

func segmentOf(t time.Time, zone *time.Location) segment {
	local := t.In(zone)
	from, until := local.ZoneBounds()
	// Go takes every year to have 365 days where it works with a rule instead
	// of a table (from 2038 on), so that on the last day of a leap year the
	// stretch "ends" before the moment asked about. Cutting it at the end of
	// that day is right: nothing relies on stretches being whole.
	if !until.IsZero() && !until.After(t) {
		until = t.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
	}
	_, offset := local.Zone()
	return segment{from, until, time.Duration(offset) * time.Second}
}

// firstAt is the first moment at which the clock shows w or later. For a wall
// time inside a gap that is the moment after the gap, for a doubled one it is
// the first of the two.
func firstAt(w wall, zone *time.Location) time.Time {
	t := w.Add(-maxOffset)
	for {
		s := segmentOf(t, zone)
		at := w.Add(-s.offset)
		if at.Before(t) {
			at = t
		}
		if s.until.IsZero() || at.Before(s.until) {
			return at.In(zone)
		}
		t = s.until
	}
}

// highest is the latest wall time that has been shown up to and including t.
// In the second pass of a doubled hour that is the end of the first pass.
func highest(t time.Time, zone *time.Location) wall {
	top := wallOf(t, zone)
	s := segmentOf(t, zone)
	for !s.from.IsZero() && s.from.After(t.Add(-2*maxOffset)) {
		last := s.from.Add(-1)
		if w := wallOf(last, zone); w.After(top) {
			top = w
		}
		s = segmentOf(last, zone)
	}
	return top
}

// follow walks the clock from t onwards and gives the first moment whose wall
// time next chooses. next is asked with a wall time and answers with the first
// suitable one at or after it, or false when there is none in its horizon.
func follow(t time.Time, zone *time.Location, next func(wall) (wall, bool)) (time.Time, bool) {
	for {
		s := segmentOf(t, zone)
		w, ok := next(t.UTC().Add(s.offset))
		if !ok {
			return time.Time{}, false
		}
		at := w.Add(-s.offset)
		if s.until.IsZero() || at.Before(s.until) {
			return at.In(zone), true
		}
		// Nothing suitable before the offset changes. Whatever comes next
		// cannot be earlier than the wall time found, less the largest shift.
		t = s.until
		if skip := w.Add(-maxOffset); skip.After(t) {
			t = skip
		}
	}
}
