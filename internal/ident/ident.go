// Package ident makes and reads the engine's ids.
//
// Every id is a positive int64 that starts with the second it was made in, so
// that ids sort by time and tables can be partitioned by them. An enrolment id
// ends in ten zero bits; a message id is its enrolment's id with the number of
// the send step in those bits. The primary key of messages alone therefore
// makes "a step is sent at most once per enrolment" true, in any partition.
//
//	bit 62..32   seconds since 2020-01-01 UTC
//	bit 31..10   a sequence number that the store hands out
//	bit  9..0    0 for an enrolment, 1 to 1023 for a message
package ident

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// Steps is the room for send steps in an enrolment id: numbers 1 to Steps-1.
const Steps = 1 << 10

// Sequences is how many different sequence numbers one second has.
const Sequences = 1 << 22

var epoch = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Unix()

// New makes an id of a time and a sequence number, which wraps at Sequences.
// Times before 2020 count as 2020.
func New(at time.Time, sequence int64) int64 {
	return Base(at) | (sequence&(Sequences-1))<<10
}

// Base is the smallest id of the second of at: the bound of a partition.
func Base(at time.Time) int64 {
	seconds := min(max(at.Unix()-epoch, 0), math.MaxInt32)
	return seconds << 32
}

// Message is the id of an enrolment's message for the send step with a number.
func Message(enrolment int64, step int) int64 { return enrolment | int64(step) }

// Enrolment is the enrolment that a message belongs to.
func Enrolment(message int64) int64 { return message &^ (Steps - 1) }

// Step is the number of the send step that a message belongs to.
func Step(message int64) int { return int(message & (Steps - 1)) }

// Time is the second in which an id was made.
func Time(id int64) time.Time { return time.Unix(id>>32+epoch, 0).UTC() }

// The alphabet of Crockford's base 32: no letter that reads like a digit.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// Format writes an id for people and headers: 13 letters and digits.
func Format(id int64) string { return string(Append(nil, id)) }

// Append appends what Format writes.
func Append(dst []byte, id int64) []byte {
	var b [13]byte
	v := uint64(id)
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = alphabet[v&31]
		v >>= 5
	}
	return append(dst, b[:]...)
}

// Parse reads what Format wrote, in either case.
func Parse(s string) (int64, error) {
	if len(s) != 13 {
		return 0, fmt.Errorf("%q is not an id: an id has 13 letters and digits", s)
	}
	var v uint64
	for i := range len(s) {
		d := strings.IndexByte(alphabet, lower(s[i]))
		if d < 0 {
			return 0, fmt.Errorf("%q is not an id: %q cannot stand in one", s, s[i])
		}
		if v > math.MaxUint64>>5 {
			return 0, fmt.Errorf("%q is not an id: it is too large", s)
		}
		v = v<<5 | uint64(d)
	}
	if v > math.MaxInt64 {
		return 0, fmt.Errorf("%q is not an id: it is too large", s)
	}
	return int64(v), nil
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// Pack writes ids as varints of their differences: ascending ids of one
// batch take two to six bytes each.
func Pack(ids []int64) []byte {
	out := make([]byte, 0, 4*len(ids)+8)
	last := int64(0)
	for _, id := range ids {
		out = binary.AppendVarint(out, id-last)
		last = id
	}
	return out
}

// Unpack reads what Pack wrote.
func Unpack(b []byte) ([]int64, error) {
	var ids []int64
	last := int64(0)
	for len(b) > 0 {
		d, n := binary.Varint(b)
		if n <= 0 {
			return nil, errors.New("a packed list of ids ends in the middle of one")
		}
		last += d
		ids = append(ids, last)
		b = b[n:]
	}
	return ids, nil
}
