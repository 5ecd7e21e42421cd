package measure

import (
	"fmt"
	"math"
)

// Range is a figure and where it lies with 95 % certainty, as far as chance
// among so many people goes.
type Range struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// z95 is the normal quantile of a two-sided 95 % interval.
const z95 = 1.959963984540054

// Share is the share k of n with its score interval (Wilson, 1927), which stays
// within 0 and 1 and holds for few cases too. Of nobody it may be anything.
func Share(k, n int64) Range {
	if n == 0 {
		return Range{0, 0, 1}
	}
	p, m := float64(k)/float64(n), float64(n)
	middle := (p + z95*z95/(2*m)) / (1 + z95*z95/m)
	half := z95 / (1 + z95*z95/m) * math.Sqrt(p*(1-p)/m+z95*z95/(4*m*m))
	return Range{rounded(p), rounded(max(0, middle-half)), rounded(min(1, middle+half))}
}

// Difference is a − b of two independent shares with its hybrid score interval
// (Newcombe, 1998, method 10).
func Difference(a, b Range) Range {
	d := a.Value - b.Value
	return Range{
		rounded(d),
		rounded(d - math.Hypot(a.Value-a.Low, b.High-b.Value)),
		rounded(d + math.Hypot(a.High-a.Value, b.Value-b.Low)),
	}
}

// Sum is what amounts come to, in any unit. Who brought nothing counts with 0.
type Sum struct {
	Total   float64 `json:"total"`
	Squares float64 `json:"-"` // the sum of their squares
}

// Mean is the amount for each of n, with the interval of the normal law for
// means. It holds once many have brought something: see Means.
func (s Sum) Mean(n int64) Range {
	if n == 0 {
		return Range{}
	}
	mean, half := s.Total/float64(n), z95*math.Sqrt(s.variance(n)/float64(n))
	return Range{rounded(mean), rounded(mean - half), rounded(mean + half)}
}

// Means is the difference of two means, of amounts of n and m (Welch, 1947, with
// the normal quantile: the groups are large).
func Means(a Sum, n int64, b Sum, m int64) Range {
	if n == 0 || m == 0 {
		return Range{}
	}
	d := a.Total/float64(n) - b.Total/float64(m)
	half := z95 * math.Sqrt(a.variance(n)/float64(n)+b.variance(m)/float64(m))
	return Range{rounded(d), rounded(d - half), rounded(d + half)}
}

// variance is that of the sample.
func (s Sum) variance(n int64) float64 {
	if n < 2 {
		return 0
	}
	return max(0, s.Squares-s.Total*s.Total/float64(n)) / float64(n-1)
}

// rounded keeps six digits, so that the last bit of a processor's arithmetic is
// not part of a report.
func rounded(x float64) float64 { return math.Round(x*1e6) / 1e6 }

// Percent writes a share for people: 8.1 %.
func Percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

// Points writes a difference of shares for people: +3.2 points.
func Points(d float64) string { return signed(fmt.Sprintf("%+.1f points", 100*d)) }

// PointsFrom writes where a difference of shares lies: +1.0 to +6.1 points.
func PointsFrom(d Range) string {
	return signed(fmt.Sprintf("%+.1f", 100*d.Low)) + " to " + Points(d.High)
}

// Amount writes a difference of means for people: +1.80.
func Amount(d float64) string { return signed(fmt.Sprintf("%+.2f", d)) }

// signed has a real minus, and no sign before nothing.
func signed(text string) string {
	switch {
	case len(text) > 1 && isNothing(text[1:]):
		return text[1:]
	case text[0] == '-':
		return "−" + text[1:]
	}
	return text
}

// isNothing reports whether the figure at the beginning of a text is 0.
func isNothing(text string) bool {
	var figure float64
	_, err := fmt.Sscan(text, &figure)
	return err == nil && figure == 0
}
