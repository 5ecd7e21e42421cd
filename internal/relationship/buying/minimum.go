package buying

import (
	"math"
	"slices"
)

// minimum searches the least value of f from a starting point, by the simplex of
// Nelder and Mead (1965), https://doi.org/10.1093/comjnl/7.4.308. f may answer
// +Inf where it is not defined. found is false when the simplex has not come
// together within so many evaluations.
func minimum(f func([]float64) float64, start []float64, evaluations int) (at []float64, least float64, found bool) {
	const (
		reflect, expand, contract, shrink = 1, 2, 0.5, 0.5
		step                              = 0.5
		flat, near                        = 1e-10, 1e-6 // how close values and points must have come
	)
	type corner struct {
		at    []float64
		value float64
	}
	used := 0
	ask := func(at []float64) corner {
		used++
		v := f(at)
		if math.IsNaN(v) {
			v = math.Inf(1)
		}
		return corner{at, v}
	}
	n := len(start)
	corners := []corner{ask(slices.Clone(start))}
	for i := range n {
		at := slices.Clone(start)
		at[i] += step
		corners = append(corners, ask(at))
	}
	for used < evaluations {
		slices.SortStableFunc(corners, func(a, b corner) int {
			switch {
			case a.value < b.value:
				return -1
			case a.value > b.value:
				return 1
			}
			return 0
		})
		best, worst := corners[0], corners[n]
		size := 0.0
		for _, c := range corners[1:] {
			for i := range n {
				size = max(size, math.Abs(c.at[i]-best.at[i]))
			}
		}
		if worst.value-best.value <= flat*(1+math.Abs(best.value)) && size < near {
			return best.at, best.value, !math.IsInf(best.value, 0)
		}
		middle := make([]float64, n)
		for _, c := range corners[:n] {
			for i := range n {
				middle[i] += c.at[i] / float64(n)
			}
		}
		along := func(by float64) corner {
			at := make([]float64, n)
			for i := range n {
				at[i] = middle[i] + by*(middle[i]-worst.at[i])
			}
			return ask(at)
		}
		switch next := along(reflect); {
		case next.value < best.value:
			if further := along(expand); further.value < next.value {
				next = further
			}
			corners[n] = next
		case next.value < corners[n-1].value:
			corners[n] = next
		default:
			by := -contract
			if next.value < worst.value {
				by = contract
			}
			if next = along(by); next.value < worst.value {
				corners[n] = next
				break
			}
			for i := range corners[1:] {
				at := make([]float64, n)
				for j := range n {
					at[j] = best.at[j] + shrink*(corners[i+1].at[j]-best.at[j])
				}
				corners[i+1] = ask(at)
			}
		}
	}
	return corners[0].at, corners[0].value, false
}

// fitPositive searches parameters above zero that make a likelihood greatest, by
// their logarithms. Parameters that leave all measure say that nothing fits.
func fitPositive(minusLog func([]float64) float64, starts ...[]float64) (params []float64, least float64, found bool) {
	const beyond, evaluations = 9, 4000 // from e^-9 to e^9
	wrapped := func(logs []float64) float64 {
		at := make([]float64, len(logs))
		for i, l := range logs {
			if math.Abs(l) > beyond {
				return math.Inf(1)
			}
			at[i] = math.Exp(l)
		}
		return minusLog(at)
	}
	least = math.Inf(1)
	for _, start := range starts {
		logs := make([]float64, len(start))
		for i, s := range start {
			logs[i] = math.Log(s)
		}
		at, value, ok := minimum(wrapped, logs, evaluations)
		if !ok || value >= least {
			continue
		}
		params, least, found = make([]float64, len(at)), value, true
		for i := range at {
			params[i] = math.Exp(at[i])
		}
	}
	return params, least, found
}
