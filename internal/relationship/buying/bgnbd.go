package buying

import (
	"cmp"
	"math"
	"slices"
)

// BGNBD is the model of Fader, Hardie and Lee, "Counting Your Customers the Easy
// Way" (2005), http://brucehardie.com/papers/018/: a customer buys at a rate of
// its own, drawn from a gamma distribution with R and Alpha, and after each
// purchase stays away for good with a chance of its own, drawn from a beta
// distribution with A and B. Time is in weeks.
type BGNBD struct {
	R     float64 `json:"r"`
	Alpha float64 `json:"alpha"`
	A     float64 `json:"a"`
	B     float64 `json:"b"`
}

// PAlive is the chance that a customer has not left for good. Who has bought on
// one day only had no purchase yet after which to leave, so it is 1.
// http://brucehardie.com/notes/021/
func (m BGNBD) PAlive(s Summary) float64 {
	if s.X == 0 {
		return 1
	}
	return 1 / (1 + m.odds(s))
}

// odds are those of having left after the last purchase.
func (m BGNBD) odds(s Summary) float64 {
	if s.X == 0 {
		return 0
	}
	return m.A / (m.B + s.X - 1) * math.Exp((m.R+s.X)*(math.Log(m.Alpha+s.T)-math.Log(m.Alpha+s.Tx)))
}

// Expected is on how many days a customer will buy within the coming weeks:
// equation 10 of the paper.
func (m BGNBD) Expected(s Summary, weeks float64) float64 {
	a := m.A
	if math.Abs(a-1) < 1e-6 {
		a = 1 + 1e-6 // the formula has a gap there, its value none
	}
	z := weeks / (m.Alpha + s.T + weeks)
	stays := math.Exp((m.R+s.X)*math.Log1p(-z) + logHypergeometric(m.R+s.X, m.B+s.X, a+m.B+s.X-1, z))
	return max(0, (a+m.B+s.X-1)/(a-1)*(1-stays)/(1+m.odds(s)))
}

// logHypergeometric is the logarithm of Gauss's 2F1(a, b; c; z) by its series, for
// 0 <= z < 1: of customers who buy often it is beyond what a float64 holds. NaN
// where it is below zero.
func logHypergeometric(a, b, c, z float64) float64 {
	const most, high = 100_000, 1e200
	if c == 0 {
		c = 1e-9
	}
	term, total, scale := 1.0, 1.0, 0.0
	for k := 0.0; k < most; k++ {
		term *= (a + k) * (b + k) / (c + k) * z / (k + 1)
		total += term
		if math.Abs(term) > high {
			term, total, scale = term/high, total/high, scale+math.Log(high)
		}
		if math.Abs(term) < 1e-13*math.Abs(total) {
			break
		}
	}
	return math.Log(total) + scale
}

// LogLikelihood is that of the model, given what customers did.
func (m BGNBD) LogLikelihood(all []Summary) float64 { return m.logLikelihood(grouped(all)) }

// alike are customers who did the same.
type alike struct {
	Summary
	n float64
}

// grouped puts customers together who did the same, by rising X.
func grouped(all []Summary) []alike {
	sorted := slices.Clone(all)
	for i := range sorted {
		sorted[i].M = 0
	}
	slices.SortFunc(sorted, func(a, b Summary) int {
		return cmp.Or(cmp.Compare(a.X, b.X), cmp.Compare(a.Tx, b.Tx), cmp.Compare(a.T, b.T))
	})
	var out []alike
	for _, s := range sorted {
		if n := len(out); n > 0 && out[n-1].Summary == s {
			out[n-1].n++
			continue
		}
		out = append(out, alike{s, 1})
	}
	return out
}

func (m BGNBD) logLikelihood(groups []alike) float64 {
	total, known := 0.0, math.NaN()
	var fixed, left float64 // what depends on X alone
	for _, g := range groups {
		if g.X != known {
			known = g.X
			fixed = lgamma(m.R+g.X) - lgamma(m.R) + m.R*math.Log(m.Alpha) +
				lgamma(m.A+m.B) + lgamma(m.B+g.X) - lgamma(m.B) - lgamma(m.A+m.B+g.X)
			left = math.Log(m.A) - math.Log(m.B+g.X-1)
		}
		stays := -(m.R + g.X) * math.Log(m.Alpha+g.T)
		if g.X > 0 {
			leaves := left - (m.R+g.X)*math.Log(m.Alpha+g.Tx)
			high := max(stays, leaves)
			stays = high + math.Log(math.Exp(stays-high)+math.Exp(leaves-high))
		}
		total += g.n * (fixed + stays)
	}
	return total
}

func lgamma(x float64) float64 {
	v, _ := math.Lgamma(x)
	return v
}

// FitBGNBD finds the model under which what customers did is most likely. It
// begins with those that are near it, where some are known.
func FitBGNBD(all []Summary, near ...BGNBD) (m BGNBD, ok bool) {
	groups, n := grouped(all), float64(len(all))
	age := 0.0
	for _, s := range all {
		age += s.T / n
	}
	minusLog := func(p []float64) float64 { return -BGNBD{p[0], p[1], p[2], p[3]}.logLikelihood(groups) / n }
	var starts [][]float64
	for _, k := range near {
		starts = append(starts, []float64{k.R, k.Alpha, k.A, k.B})
	}
	params, _, ok := fitPositive(minusLog, starts...)
	if !ok {
		params, _, ok = fitPositive(minusLog, []float64{1, max(age/4, 1), 1, 1}, []float64{0.3, max(age/10, 1), 0.5, 3})
	}
	if !ok {
		return BGNBD{}, false
	}
	return BGNBD{params[0], params[1], params[2], params[3]}, true
}
