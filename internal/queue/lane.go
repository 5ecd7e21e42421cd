package queue

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Lane returns the name of the lane of a priority (higher goes first) and a
// sender, for example "50.mia".
func Lane(priority int, sender string) string {
	return fmt.Sprintf("%02d.%s", priority, sender)
}

// lowTurn is how often a take begins at another lane than the most urgent: one
// in so many. It bounds the price of fairness, an eighth of the throughput.
const lowTurn = 8

// Order returns the lanes in the order in which a consumer empties them on its
// turn-th take (counting from 0): higher priorities first, lanes of one priority
// each in turn. So that none starves, every eighth take begins with another
// lane, each of them in turn. A lane named twice counts once; the argument is left
// as it is.
func Order(lanes []string, turn uint64) []string {
	order := slices.Clone(lanes)
	slices.SortFunc(order, func(a, b string) int {
		return cmp.Or(cmp.Compare(priority(b), priority(a)), strings.Compare(a, b))
	})
	order = slices.Compact(order)
	lead := ""
	if turn%lowTurn == lowTurn-1 && len(order) > 0 {
		// Chosen before the bands rotate: both go by turn, and a lane that is
		// always elsewhere when its place leads would starve.
		lead = order[turn/lowTurn%uint64(len(order))]
	}
	for first := 0; first < len(order); {
		last := first + 1
		for last < len(order) && priority(order[last]) == priority(order[first]) {
			last++
		}
		rotate(order[first:last], turn)
		first = last
	}
	if i := slices.Index(order, lead); i > 0 {
		copy(order[1:i+1], order[:i])
		order[0] = lead
	}
	return order
}

// priority is the number before the first dot; a lane without one goes last.
func priority(lane string) int {
	number, _, _ := strings.Cut(lane, ".")
	p, err := strconv.Atoi(number)
	if err != nil {
		return -1
	}
	return p
}

// rotate moves the first turn (modulo the length) lanes to the end.
func rotate(lanes []string, turn uint64) {
	n := int(turn % uint64(len(lanes)))
	slices.Reverse(lanes[:n])
	slices.Reverse(lanes[n:])
	slices.Reverse(lanes)
}
