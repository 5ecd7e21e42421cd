package buying

import (
	"cmp"
	"slices"
)

// Cuts are the four values that part customers into fifths.
type Cuts[T cmp.Ordered] [4]T

// cutsOf parts values into fifths.
func cutsOf[T cmp.Ordered](values []T) (c Cuts[T]) {
	sorted := slices.Sorted(slices.Values(values))
	for i := range c {
		c[i] = sorted[max((i+1)*len(sorted)/5-1, 0)] // the last of its fifth
	}
	return c
}

// fifth is 1 for the lowest and 5 for the highest. Equal values have the same: who
// bought once, where most have, is in the lowest with all the others.
func (c *Cuts[T]) fifth(v T) int {
	n := 1
	for _, cut := range c {
		if v > cut {
			n++
		}
	}
	return n
}

// Ranks part customers by how recently, how often and for how much they bought.
type Ranks struct {
	Last  Cuts[Day]
	Often Cuts[int]
	Spent Cuts[float64]
}

func ranksOf(all []History) Ranks {
	last, often, spent := make([]Day, len(all)), make([]int, len(all)), make([]float64, len(all))
	for i := range all {
		last[i], often[i], spent[i] = all[i].Days[len(all[i].Days)-1], len(all[i].Days), all[i].Spent()
	}
	return Ranks{cutsOf(last), cutsOf(often), cutsOf(spent)}
}

// RFM is a number of three digits from 1 to 5, 5 the best: recency, frequency,
// money.
func (r *Ranks) RFM(h *History) int {
	n := len(h.Days)
	return 100*r.Last.fifth(h.Days[n-1]) + 10*r.Often.fifth(n) + r.Spent.fifth(h.Spent())
}
