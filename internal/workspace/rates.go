package workspace

import (
	"fmt"
	"math"
	"time"
)

// RateText writes a rate of so many messages a second as a file does: "30/m".
func RateText(per float64) string {
	for _, unit := range []struct {
		seconds float64
		name    string
	}{{1, "s"}, {60, "m"}, {3600, "h"}} {
		if n := per * unit.seconds; math.Abs(n-math.Round(n)) < 1e-9*n && n >= 1 {
			return fmt.Sprintf("%.0f/%s", n, unit.name)
		}
	}
	return fmt.Sprintf("%.0f/d", per*86400)
}

// CeilingOn is the Ceiling of a day, as 2006-01-02, when first was the day on which
// something left first.
func (w WarmUp) CeilingOn(first, day string) int {
	from, errFrom := time.Parse(time.DateOnly, first)
	to, errTo := time.Parse(time.DateOnly, day)
	if errFrom != nil || errTo != nil || to.Before(from) {
		return w.Ceiling(1)
	}
	return w.Ceiling(int(to.Sub(from)/(24*time.Hour)) + 1)
}
