package segments

import (
	"math"
	"strconv"

	"rapport/internal/strict"
)

// interval is what a count or a sum must lie in, both ends included. Sums are in
// millionths.
type interval struct{ low, high int64 }

const unbounded = math.MaxInt64

func (i interval) holds(n int64) bool { return n >= i.low && n <= i.high }

// sql compares an expression with the interval.
func (i interval) sql(expression string) string {
	var parts []string
	if i.low != math.MinInt64 {
		parts = append(parts, expression+" >= "+strconv.FormatInt(i.low, 10))
	}
	if i.high != unbounded {
		parts = append(parts, expression+" <= "+strconv.FormatInt(i.high, 10))
	}
	return join(parts, "and")
}

// boundOperators are the operators of a count and a sum.
var boundOperators = []string{"is", "above", "at_least", "below", "at_most", "between"}

// maxSum bounds what a sum is compared with, in whole units: what is summed
// beyond it is certainly above.
const maxSum = 1_000_000_000_000

// bound reads count: { at_least: 2 } or the operators of sum:. least is the
// smallest value that there can be.
func (d *decoder) bound(n strict.Node, m strict.Map, sum bool) (interval, string, bool) {
	least := int64(0)
	if sum {
		least = math.MinInt64
	}
	i := interval{least, unbounded}
	text := ""
	good, some := true, false
	for _, op := range boundOperators {
		if !m.Has(op) {
			continue
		}
		some = true
		t, ok := d.boundTest(op, m.Get(op), sum)
		if !ok {
			good = false
			continue
		}
		low, high := t.values[0].num, t.values[len(t.values)-1].num
		switch op {
		case "is":
			if low.floor != low.ceil {
				m.Get(op).Errorf(CodeAlways, "a sum is compared in millionths, so it is never %s", t.shown)
				good = false
			}
			i.low, i.high = max(i.low, low.floor), min(i.high, low.floor)
		case "above":
			i.low = max(i.low, low.floor+1)
		case "at_least":
			i.low = max(i.low, low.ceil)
		case "below":
			i.high = min(i.high, low.ceil-1)
		case "at_most":
			i.high = min(i.high, low.floor)
		case "between":
			i.low, i.high = max(i.low, low.ceil), min(i.high, high.floor)
		}
		if text != "" {
			text += " and "
		}
		text += t.String()
	}
	switch {
	case !good:
		return i, text, false
	case !some:
		n.Hintf(CodeNoHead, "as in { at_least: 2 }", "%s asks nothing", n.Label())
		return i, text, false
	case i.low > i.high:
		n.Errorf(CodeAlways, "%s can never be %s", n.Label(), text)
		return i, text, false
	case i.low <= least && i.high == unbounded:
		n.Errorf(CodeAlways, "%s is always %s", n.Label(), text)
		return i, text, false
	}
	return i, text, true
}

// boundTest reads one operator. Counts are scaled down to whole numbers, sums
// stay in millionths.
func (d *decoder) boundTest(op string, n strict.Node, sum bool) (test, bool) {
	t := test{op: op}
	ok := false
	if op == "between" {
		ok = d.between(&t, n, n.Label(), typeNumber)
	} else {
		ok = d.one(&t, n, n.Label(), typeNumber)
	}
	if !ok {
		return t, false
	}
	for i := range t.values {
		num := &t.values[i].num
		if sum {
			if num.floor > maxSum*1_000_000 || num.ceil < -maxSum*1_000_000 {
				n.Errorf(strict.CodeBadValue, "a sum is compared with at most %d", int64(maxSum))
				return t, false
			}
			continue
		}
		if num.floor != num.ceil || num.floor%1_000_000 != 0 || num.floor < 0 {
			n.Errorf(strict.CodeBadValue, "a count is a whole number, not %s", t.values[i].shown)
			return t, false
		}
		num.floor /= 1_000_000
		num.ceil = num.floor
	}
	return t, true
}
