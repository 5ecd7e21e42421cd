package bench

import (
	"testing"
	"time"
)

func TestEnrolCountsWhoIsIn(t *testing.T) {
	r := measure(t, Enrol, Options{Size: 2000})
	r.expect(t, map[string]float64{"contacts enrolled": 1800})
	for _, f := range []string{"alone: from the firing to the last enrolment", "alone: until all stand at their first wait",
		"beside 50 messages/s: from the firing to the last enrolment", "beside 50 messages/s: its rate before",
		"beside a campaign without a limit: from the firing to the last enrolment"} {
		if r.figure(t, f) <= 0 {
			t.Errorf("%s was not measured", f)
		}
	}
}

func TestRateBetweenTwoMoments(t *testing.T) {
	s := &sent{curve: curve(0, 10, 20, 30, 60, 90, 120, 120, 120)}
	at := func(i int64) time.Time { return time.UnixMilli(1000 + 50*i) }
	for name, c := range map[string]struct {
		from, to time.Time
		want     float64
	}{
		"before":              {at(0), at(3), 200},
		"during":              {at(3), at(6), 600},
		"until it was over":   {at(4), at(8), 600},
		"too short":           {at(3), at(4), 0},
		"after it was over":   {at(7), at(8), 0},
		"between the samples": {at(0).Add(20 * time.Millisecond), at(3).Add(20 * time.Millisecond), 200},
		"before it was begun": {at(-5), at(-3), 0},
	} {
		if got := s.between(c.from, c.to); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
