package measure

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Rule says when an arm has won: with at least After contacts in each arm whose
// outcome is known, and a Certainty of 0 to 1.
type Rule struct {
	After     int64   `json:"after"`
	Certainty float64 `json:"certainty"`
}

// Evidence is what one look at a split has seen.
type Evidence struct {
	Look    int     `json:"look"`    // 1, 2, 3 …
	Arms    []Arm   `json:"arms"`    // in the order of the file
	Leader  string  `json:"leader"`  // the arm with the best share, the first of several
	Against string  `json:"against"` // of the others, the one that comes nearest
	Lead    Range   `json:"lead"`    // difference of their shares
	Doubt   float64 `json:"doubt"`   // that chance alone made the leader lead, 0 to 1
	Allowed float64 `json:"allowed"` // the doubt with which this look would have called it
	Winner  string  `json:"winner"`  // "" when it was not called
}

// Needed is how many contacts each arm must have for a look: twice as many each
// time. Nobody looks in between.
func (r Rule) Needed(look int) int64 {
	return int64(math.Min(math.Ldexp(float64(r.After), look-1), 1<<53))
}

// Allowed is the doubt that a look may leave. All looks together may be wrong as
// often as the rule allows, so each takes half of what those before have left:
// the sum over any number of looks stays below 1 − Certainty.
func (r Rule) Allowed(look int) float64 { return exact(math.Ldexp(1-r.Certainty, -look)) }

// exact keeps twelve digits of a small probability.
func exact(p float64) float64 { return math.Round(p*1e12) / 1e12 }

// Due reports whether there are enough contacts for a look.
func (r Rule) Due(look int, arms []Arm) bool {
	return len(arms) > 1 && Smallest(arms) >= r.Needed(look)
}

// Smallest is how many the arm with the fewest has.
func Smallest(arms []Arm) int64 {
	return slices.MinFunc(arms, func(a, b Arm) int { return int(a.Of - b.Of) }).Of
}

// Look weighs the arms. The leader has won when it beats each of the others. Its
// doubt is twice that of the test, because of two arms that are equally good
// either may lead. More arms that are equally good make a false call rarer and
// not likelier: the leader would have to leave all of them behind.
func (r Rule) Look(look int, arms []Arm) Evidence {
	e := Evidence{Look: look, Arms: arms, Allowed: r.Allowed(look), Doubt: 1}
	if len(arms) < 2 {
		return e
	}
	best := 0
	for i, a := range arms {
		if a.Count*max(1, arms[best].Of) > arms[best].Count*max(1, a.Of) {
			best = i
		}
	}
	worst := -1.0
	for i, a := range arms {
		if i == best {
			continue
		}
		if p := Better(arms[best], a); p > worst {
			worst, e.Against, e.Lead = p, a.Name, Difference(arms[best].Share(), a.Share())
		}
	}
	e.Leader, e.Doubt = arms[best].Name, exact(min(1, 2*worst))
	if r.Due(look, arms) && e.Doubt <= e.Allowed {
		e.Winner = e.Leader
	}
	return e
}

// did are the words for what an arm is judged by.
var did = map[string]string{"goal": "reached the goal", "clicked": "clicked", "replied": "replied"}

// Standing says in a sentence how a split stands. seen are the looks so far, now
// what there is at this moment.
func (r Rule) Standing(seen []Evidence, now []Arm) string {
	if n := len(seen); n > 0 && seen[n-1].Winner != "" {
		e := seen[n-1]
		return fmt.Sprintf("%s has won: %s ahead of %s (%s), certain to %s, where %s was asked for. Who comes to the split now takes it.",
			e.Winner, Points(e.Lead.Value), e.Against, PointsFrom(e.Lead), certainty(e.Doubt), certainty(e.Allowed))
	}
	next := len(seen) + 1
	var missing []string
	for _, a := range now {
		if left := r.Needed(next) - a.Of; left > 0 {
			missing = append(missing, fmt.Sprintf("%d more in %s", left, a.Name))
		}
	}
	text := "No winner yet"
	if n := len(seen); n > 0 {
		e := seen[n-1]
		text += fmt.Sprintf(": with %d in each arm %s led by %s, certain to %s, where %s was asked for", Smallest(e.Arms), e.Leader, Points(e.Lead.Value), certainty(e.Doubt), certainty(e.Allowed))
	}
	if len(missing) == 0 {
		return text + ". There are enough for the next look: it is taken within a day."
	}
	return fmt.Sprintf("%s. The next look is at %d in each arm: it needs %s.", text, r.Needed(next), strings.Join(missing, ", "))
}

// Did says what counts, such as "reached the goal".
func Did(by string) string { return did[by] }

// certainty writes 1 − doubt with as many digits as tell it from certainty.
func certainty(doubt float64) string {
	if doubt < 0.0001 {
		return "over 99.99 %"
	}
	digits := 1
	for limit := 0.001; doubt < limit; limit /= 10 {
		digits++
	}
	return fmt.Sprintf("%.*f %%", digits, math.Floor((1-doubt)*100*math.Pow10(digits)+1e-9)/math.Pow10(digits))
}
