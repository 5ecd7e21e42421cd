package simulate

import "math"

// Range is where a figure lies with 95 % certainty: as far as chance among so
// many people goes. It says nothing about how right the model of their answers is.
type Range struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// z95 is the normal quantile of a two-sided 95 % interval.
const z95 = 1.959963984540054

// judge fills in the shares and their difference.
func (g *Goal) judge() {
	g.Treated.Range = wilson(g.Treated.Count, g.Treated.Of)
	if g.Control == nil {
		return
	}
	g.Control.Range = wilson(g.Control.Count, g.Control.Of)
	if g.Control.Of == 0 || g.Treated.Of == 0 {
		return
	}
	uplift := newcombe(g.Treated.Range, g.Control.Range)
	g.Uplift = &uplift
}

// wilson is the share k of n with its score interval (Wilson, 1927), which stays
// within 0 and 1 and holds for few cases too.
func wilson(k, n int64) Range {
	if n == 0 {
		return Range{0, 0, 1}
	}
	p, m := float64(k)/float64(n), float64(n)
	middle := (p + z95*z95/(2*m)) / (1 + z95*z95/m)
	half := z95 / (1 + z95*z95/m) * math.Sqrt(p*(1-p)/m+z95*z95/(4*m*m))
	return Range{rounded(p), rounded(max(0, middle-half)), rounded(min(1, middle+half))}
}

// newcombe is the difference of two shares with its hybrid score interval
// (Newcombe, 1998, method 10).
func newcombe(a, b Range) Range {
	d := a.Value - b.Value
	return Range{
		rounded(d),
		rounded(d - math.Hypot(a.Value-a.Low, b.High-b.Value)),
		rounded(d + math.Hypot(a.High-a.Value, b.Value-b.Low)),
	}
}

// rounded keeps six digits, so that the last bit of a processor's arithmetic is
// not part of a report.
func rounded(x float64) float64 { return math.Round(x*1e6) / 1e6 }
