package queue

import (
	"fmt"
	"math"
	"time"
)

// Rate is a number of tokens per second, of which up to Burst may be used at
// once after a pause. A burst below 1 counts as 1.
type Rate struct {
	Per   float64
	Burst int
}

// Check says what is wrong with the rate of a key.
func (r Rate) Check(key string) error {
	if !(r.Per > 0) || math.IsInf(r.Per, 1) {
		return fmt.Errorf("the rate of %q is %v per second: it must be above 0 and finite", key, r.Per)
	}
	return nil
}

// Bucket is the state of one rate: how many tokens count as used at a time. The
// zero value is a rate that was never used.
type Bucket struct {
	Level float64
	At    int64 // Unix microseconds
}

const (
	second = 1e6 // microseconds
	// rounding is what a sum of floats may miss of a whole token. What is granted
	// early by it stays in the level, so that it does not add up.
	rounding = 1e-6
	// disorder is how far apart, in microseconds, the clocks of callers may be.
	// A larger step back means that the clock was set, and is believed.
	disorder = second
	// longest bounds waits, for rates so slow that a Duration cannot hold them.
	longest = 365 * 24 * 3600 * second
)

// Reserve answers an Ask at the time now (whose key and rate it does not look
// at) and returns the bucket as it is then, the number granted and, when that is
// less than Most, the time until the least of it is there again, at most a year.
//
// It is the generic cell rate algorithm as a leaky bucket (ITU-T I.371, annex
// A) for blocks: it grants what is there, so that a block above the burst is
// served in parts and never refused for ever. Keeping the level in tokens, and
// not a time of arrival, keeps floats exact at any rate, and a changed rate or a
// clock that was set back costs no more than a burst. A caller whose clock is a
// little behind sees the level as it was then.
//
// Package redisq repeats this in Lua; a test holds the two together.
func (r Rate) Reserve(b Bucket, now time.Time, ask Ask) (after Bucket, granted int, retryAfter time.Duration) {
	at, burst := now.UnixMicro(), float64(max(r.Burst, 1))
	b.Level = max(0, min(b.Level, burst)-float64(ask.Back))
	if b.At-at > disorder {
		b.At = at
	}
	leaked := float64(at-b.At) * r.Per / second // negative for a clock behind
	level := max(0, b.Level-leaked)
	least := min(max(float64(ask.Least), 1), burst)
	got := max(0, min(float64(ask.Most), math.Floor(burst-level+rounding)))
	if got < min(least, float64(ask.Most)) {
		got = 0
	}
	if at >= b.At {
		b = Bucket{Level: level, At: at}
	}
	b.Level += got
	if int(got) < ask.Most {
		wait := min(max(1, math.Ceil((level+got+least-burst)/r.Per*second)), longest)
		retryAfter = time.Duration(wait) * time.Microsecond
	}
	return b, int(got), retryAfter
}

// Full returns how long it takes until the whole burst is there again, at most a
// year. From then on the bucket is as good as a new one.
func (r Rate) Full(b Bucket) time.Duration {
	return time.Duration(min(math.Ceil(b.Level/r.Per*second), longest)) * time.Microsecond
}

// Line is the state of a rate under which those who must wait stand in a line.
// The zero value is one that was never used.
type Line struct {
	Bucket
	// Waiting is how many places of the line lie ahead at the bucket's time. They
	// pass at the pace of the rate, whether somebody comes for them or not.
	Waiting float64
}

// Admit answers an Arrival at the time now and returns the line as it is then.
// Package redisq repeats this in Lua; a test holds the two together.
func (r Rate) Admit(l Line, now time.Time, a Arrival) (after Line, out Admission) {
	elapsed := max(0, float64(now.UnixMicro()-l.At))
	if l.Bucket == (Bucket{}) {
		elapsed = 0
	}
	waiting := max(0, l.Waiting-elapsed*r.Per/second)
	l.Bucket, out.Again, _ = r.Reserve(l.Bucket, now, Ask{Most: a.Again})
	if waiting < 1 {
		l.Bucket, out.Fresh, _ = r.Reserve(l.Bucket, now, Ask{Most: a.Fresh})
	}
	held := float64(a.Again - out.Again + a.Fresh - out.Fresh)
	if held > 0 {
		level := l.Level // a caller whose clock is behind is told of a little more
		ahead := max(0, level+1-float64(max(r.Burst, 1))) + waiting
		out.Wait = time.Duration(min(math.Ceil(ahead/r.Per*second), longest)) * time.Microsecond
	}
	l.Waiting = waiting + held
	return l, out
}

// Clear returns how long it takes until nobody stands in the line and the whole
// burst is there again, at most a year.
func (r Rate) Clear(l Line) time.Duration {
	return time.Duration(min(math.Ceil((l.Level+l.Waiting)/r.Per*second), longest)) * time.Microsecond
}
