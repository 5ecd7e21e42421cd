package segments

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"rapport/internal/contacts"
)

// visible is what a question may see of the past at all.
type visible struct {
	since     int64 // Unix milliseconds
	origin    int64 // an event that is not seen
	enrolment int64 // 0: every message
}

func (s Scope) visible(ever bool) visible {
	if ever || s.Ever {
		return visible{since: math.MinInt64}
	}
	v := visible{since: math.MinInt64, origin: s.Origin, enrolment: s.Enrolment}
	if !s.Since.IsZero() {
		v.since = s.Since.UnixMilli()
	}
	return v
}

// tally counts the events that a leaf asks for.
type tally struct {
	count       int64
	units, rest int64 // the sum: whole units, and millionths beyond them
	last        int64 // when the last of them was
}

func (t *tally) add(at int64) {
	t.count++
	t.last = max(t.last, at)
}

// amount adds a property to the sum, if it is a number that can be summed.
func (t *tally) amount(v any) {
	c := contacts.Compare(v)
	n := c.Amount
	if c.Is(contacts.KindNumber) {
		n = c.Number
	}
	t.units += n / contacts.Million
	t.rest += n % contacts.Million
}

// sum is in millionths; beyond what can be asked it is merely very large.
func (t *tally) sum() int64 {
	const most = math.MaxInt64/contacts.Million - 1
	if t.units > most {
		return math.MaxInt64
	}
	if t.units < -most {
		return math.MinInt64
	}
	return t.units*contacts.Million + t.rest
}

// why tells a count: "2, needed: at least 2, last 2026-10-02".
func (t *tally) why(what string, need interval, c clock) string {
	text := count(t.count) + " " + what
	switch {
	case need.high == unbounded && t.count < need.low:
		text += fmt.Sprintf(", of at least %d", need.low)
	case need.high == unbounded:
		text = fmt.Sprintf("%s of at least %d %s", count(t.count), need.low, what)
	case need.low <= 0:
		text += fmt.Sprintf(", of at most %d", need.high)
	default:
		text += fmt.Sprintf(", of %d to %d", need.low, need.high)
	}
	if t.count > 0 {
		text += ", last " + time.UnixMilli(t.last).In(c.zone).Format("2006-01-02")
	}
	return text
}

func count[N int | int64](n N) string {
	if n == 0 {
		return "none"
	}
	return strconv.FormatInt(int64(n), 10)
}

// spans collects the moments at which events come into view or leave it.
type spans struct {
	bounds bounds
	window time.Duration // 0: they never leave
	leave  []int64
	next   int64 // the earliest moment that is known to matter; 0: none
}

// take notes an event that the leaf asks for, wherever it lies in time.
func (s *spans) take(at int64) {
	if at > s.bounds.now {
		if at >= s.bounds.since && at < s.bounds.before {
			s.matters(at)
		}
		return
	}
	if s.window > 0 && s.bounds.hold(at) {
		s.leave = append(s.leave, at+s.window.Milliseconds())
	}
}

func (s *spans) matters(at int64) {
	if s.next == 0 || at < s.next {
		s.next = at
	}
}

// change is the moment at which time alone can change whether the count lies in
// the interval. With exact, only the count matters.
func (s *spans) change(need interval, exact bool) time.Time {
	slices.Sort(s.leave)
	n := int64(len(s.leave))
	switch {
	case n == 0:
	case exact && need.high == unbounded:
		// The condition falls when so many have left that too few remain.
		if n >= need.low {
			s.matters(s.leave[n-need.low])
		}
	default:
		s.matters(s.leave[0])
	}
	if s.next == 0 {
		return time.Time{}
	}
	return time.UnixMilli(s.next).UTC()
}
