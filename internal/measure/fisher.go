package measure

import "math"

// Arm is what is known of one way of a split.
type Arm struct {
	Name  string `json:"arm"`
	Of    int64  `json:"of"`    // contacts whose outcome is known
	Count int64  `json:"count"` // those of them who did what counts
	// Open are contacts who took the arm and whose time is not over yet.
	Open int64 `json:"open"`
}

// Share is the part of the arm that did what counts.
func (a Arm) Share() Range { return Share(a.Count, a.Of) }

// Better is the probability that chance alone puts arm a as far ahead of b as it
// is, or further, when both are equally good: Fisher's exact test, one-sided
// (Fisher, 1935). It holds for any counts, few or many. It is 1 where one of them
// is empty.
func Better(a, b Arm) float64 {
	if a.Of == 0 || b.Of == 0 {
		return 1
	}
	if a.Count*b.Of <= b.Count*a.Of { // no better: less is added up from the other side
		return max(0, 1-below(a, b))
	}
	// The tail of the hypergeometric law, each term out of the one before.
	hits, sum := a.Count+b.Count, 0.0
	term := chance(a, b)
	for k := a.Count; term > sum*1e-17; k++ {
		sum += term
		term *= float64(a.Of-k) / float64(k+1) * float64(hits-k) / float64(b.Of-hits+k+1)
	}
	return min(1, sum)
}

// below is the probability that a has fewer than it has.
func below(a, b Arm) (sum float64) {
	term := chance(a, b)
	for a.Count > 0 && b.Count < b.Of {
		term *= float64(a.Count) / float64(a.Of-a.Count+1) * float64(b.Of-b.Count) / float64(b.Count+1)
		a.Count, b.Count = a.Count-1, b.Count+1
		if term <= sum*1e-17 {
			break
		}
		sum += term
	}
	return sum
}

// chance is the probability that just so many of all the hits fall to a.
func chance(a, b Arm) float64 {
	return math.Exp(choose(a.Of, a.Count) + choose(b.Of, b.Count) - choose(a.Of+b.Of, a.Count+b.Count))
}

// choose is the logarithm of n over k.
func choose(n, k int64) float64 {
	all, _ := math.Lgamma(float64(n + 1))
	in, _ := math.Lgamma(float64(k + 1))
	out, _ := math.Lgamma(float64(n - k + 1))
	return all - in - out
}
