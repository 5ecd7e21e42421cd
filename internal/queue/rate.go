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

// Reserve takes up to n tokens at the time now and returns the bucket as it is
// then, the number granted and, when that is less than n, the time until one
// more is there, at most a year.
//
// It is the generic cell rate algorithm as a leaky bucket (ITU-T I.371, annex
// A) for blocks: it grants what is there, so that a block above the burst is
// served in parts and never refused for ever. Keeping the level in tokens, and
// not a time of arrival, keeps floats exact at any rate, and a changed rate or a
// clock that was set back costs no more than a burst. A caller whose clock is a
// little behind sees the level as it was then.
//
// Package redisq repeats this in Lua; a test holds the two together.
func (r Rate) Reserve(b Bucket, now time.Time, n int) (after Bucket, granted int, retryAfter time.Duration) {
	at, burst := now.UnixMicro(), float64(max(r.Burst, 1))
	b.Level = min(b.Level, burst)
	if b.At-at > disorder {
		b.At = at
	}
	leaked := float64(at-b.At) * r.Per / second // negative for a clock behind
	level := max(0, b.Level-leaked)
	got := max(0, min(float64(n), math.Floor(burst-level+rounding)))
	if at >= b.At {
		b = Bucket{Level: level, At: at}
	}
	b.Level += got
	if int(got) < n {
		wait := min(max(1, math.Ceil((level+got+1-burst)/r.Per*second)), longest)
		retryAfter = time.Duration(wait) * time.Microsecond
	}
	return b, int(got), retryAfter
}

// Full returns how long it takes until the whole burst is there again, at most a
// year. From then on the bucket is as good as a new one.
func (r Rate) Full(b Bucket) time.Duration {
	return time.Duration(min(math.Ceil(b.Level/r.Per*second), longest)) * time.Microsecond
}
