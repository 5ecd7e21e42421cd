package campaigns

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
)

// TestControl is the name of the comparison with the control group.
const TestControl = "control"

// TestOf is the name of the comparison of a split's arms.
func TestOf(split string) string { return "split/" + split }

// Tests are the comparisons that this campaign makes, each with a mark of all
// that must stay the same while it counts. Another mark begins it anew: figures of
// different weights, arms or goals are not added up. What a template says is not
// part of it, for nobody can tell a mended typo from another offer.
func (d *Definition) Tests() map[string]string {
	out := map[string]string{}
	if d.Control > 0 {
		out[TestControl] = mark(share(d.Control), d.goalText())
	}
	for name, s := range d.Splits() {
		parts := []string{"by " + d.JudgedBy(s), d.goalText()}
		if w := s.Winner; w != nil {
			parts = append(parts, strconv.Itoa(w.After), share(w.Certainty), w.Within.String())
		}
		for _, a := range s.Arms {
			parts = append(parts, a.Name, strconv.Itoa(a.Weight))
			each(a.Steps, func(step *Step) { parts = append(parts, step.ID) })
		}
		out[TestOf(name)] = mark(parts...)
	}
	return out
}

// JudgedBy is what the arms of a split are compared by: what its winner asks for,
// else the campaign's goal, else clicks.
func (d *Definition) JudgedBy(s *Split) string {
	switch {
	case s.Winner != nil:
		return s.Winner.By
	case d.Goal != nil:
		return ByGoal
	}
	return ByClicked
}

func (d *Definition) goalText() string {
	if d.Goal == nil {
		return ""
	}
	return d.Goal.When.String() + " within " + d.Goal.Within.String() + " " + d.Goal.Value
}

// each goes through steps and those inside of them.
func each(steps []Step, do func(*Step)) {
	for i := range steps {
		do(&steps[i])
		for _, l := range steps[i].lists() {
			each(l.steps, do)
		}
	}
}

func share(s float64) string { return strconv.FormatFloat(s, 'f', -1, 64) }

// mark is a short name of parts in their order.
func mark(parts ...string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", parts))
	return hex.EncodeToString(sum[:8])
}
