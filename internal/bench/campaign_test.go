package bench

import (
	"reflect"
	"testing"
	"time"

	"rapport/campaigns"
)

func TestWhatIsLostOrDoubledIsAnError(t *testing.T) {
	outcomes := func(sent, failed int64) map[campaigns.MessageState]int64 {
		out := map[campaigns.MessageState]int64{campaigns.Sent: sent}
		if failed > 0 {
			out[campaigns.Failed] = failed
		}
		return out
	}
	for want, s := range map[string]sent{
		"": {enrolled: 3, outcomes: outcomes(3, 0), counted: true, tally: Tally{Messages: 3, Distinct: 3}},
		"1 messages of spring came more than once, such as [x]": {enrolled: 3, outcomes: outcomes(3, 0), counted: true,
			tally: Tally{Messages: 4, Distinct: 3, Twice: 1, Examples: []string{"x"}}},
		"1 messages of spring came without an X-Rapport-Id": {enrolled: 3, outcomes: outcomes(3, 0), counted: true,
			tally: Tally{Messages: 3, Distinct: 2, Unnamed: 1}},
		"of spring 3 messages are recorded as sent and 2 have come": {enrolled: 3, outcomes: outcomes(3, 0), counted: true,
			tally: Tally{Messages: 2, Distinct: 2}},
		"3 contacts were enrolled in spring, and the outcomes are map[failed:1 sent:2]": {enrolled: 3, outcomes: outcomes(2, 1), counted: true,
			tally: Tally{Messages: 2, Distinct: 2}},
		"4 contacts were enrolled in spring, and the outcomes are map[sent:3]": {enrolled: 4, outcomes: outcomes(3, 0)},
	} {
		got := ""
		if err := s.check("spring"); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// curve makes samples, one every 50 ms.
func curve(messages ...int64) []sample {
	out := make([]sample, len(messages))
	for i, n := range messages {
		out[i] = sample{time.UnixMilli(1000 + 50*int64(i)), n}
	}
	return out
}

func TestSteadyRateLeavesOutStartAndEnd(t *testing.T) {
	for name, c := range map[string]struct {
		curve []sample
		want  float64
	}{
		"nothing came":     {nil, 0},
		"over too soon":    {curve(0, 100, 100), 0},
		"even":             {curve(0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100), 200},
		"slow at its ends": {curve(0, 1, 2, 10, 50, 90, 98, 99, 100), 800},
	} {
		if got := (&sent{curve: c.curve}).steady(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestTheMostAndLeastInAnyTime(t *testing.T) {
	s := &sent{curve: curve(0, 0, 10, 20, 30, 60, 70, 80, 80, 80)}
	if least, most := s.within(100 * time.Millisecond); least != 20 || most != 40 {
		t.Errorf("at least %d and at most %d, want 20 and 40", least, most)
	}
	if first, last := s.ends(); first != s.curve[1] || last != s.curve[7] {
		t.Errorf("it went on from %v to %v, want from the second sample to the eighth", first, last)
	}
	if least, most := s.within(time.Second); least != 0 || most != 0 {
		t.Errorf("in a time longer than the whole: %d and %d, want nothing", least, most)
	}
}

func TestSizesGrowUpToTheOneAskedFor(t *testing.T) {
	for n, want := range map[int64][]int64{
		5:         {1, 5},
		300:       {30, 300},
		10_000:    {1000, 10_000},
		20_000:    {10_000, 20_000},
		1_000_000: {10_000, 100_000, 1_000_000},
		5_000_000: {10_000, 100_000, 1_000_000, 5_000_000},
	} {
		var got []int64
		for _, s := range growthSteps(n) {
			got = append(got, s.size)
			if len(s.campaigns) == 0 {
				t.Errorf("up to %d: nothing is sent at %d", n, s.size)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("up to %d: %v, want %v", n, got, want)
		}
	}
}

func TestSharesCoverEverybodyOnce(t *testing.T) {
	for _, n := range []int64{1, 9, 10, 1003} {
		next := int64(0)
		for i := range parts {
			s := share(n, i, parts)
			if s.from != next || s.to < s.from {
				t.Errorf("part %d of %d contacts begins at %d and ends before %d, after one that ended before %d", i, n, s.from, s.to, next)
			}
			next = s.to
		}
		if next != n {
			t.Errorf("the parts of %d contacts end at %d", n, next)
		}
	}
}
