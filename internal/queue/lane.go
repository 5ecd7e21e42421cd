package queue

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Lane returns the name of the lane of a priority (higher goes first), a sender
// and a campaign, for example "50.mia.welcome". Lanes of one priority take
// turns, so campaigns do: a small one does not stand behind a large one.
func Lane(priority int, sender, campaign string) string {
	return fmt.Sprintf("%02d.%s.%s", priority, sender, campaign)
}

// Sender is the sender in the name of a lane.
func Sender(lane string) string {
	_, rest, _ := strings.Cut(lane, ".")
	sender, _, _ := strings.Cut(rest, ".")
	return sender
}

// Campaign is the campaign in the name of a lane, or "".
func Campaign(lane string) string {
	parts := strings.SplitN(lane, ".", 4)
	if len(parts) < 3 {
		return ""
	}
	return parts[2]
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
	order := make([]ranked, len(lanes))
	for i, lane := range lanes {
		order[i] = ranked{priority(lane), lane}
	}
	slices.SortFunc(order, func(a, b ranked) int {
		if a.priority != b.priority {
			return cmp.Compare(b.priority, a.priority)
		}
		return strings.Compare(a.lane, b.lane)
	})
	order = slices.Compact(order)
	var lead ranked
	if turn%lowTurn == lowTurn-1 && len(order) > 0 {
		// Chosen before the bands rotate: both go by turn, and a lane that is
		// always elsewhere when its place leads would starve.
		lead = order[turn/lowTurn%uint64(len(order))]
	}
	// Bands rotate by the turns that are theirs: counting the eighth ones too, a
	// band of eight lanes would pass over one of them each time.
	for first := 0; first < len(order); {
		last := first + 1
		for last < len(order) && order[last].priority == order[first].priority {
			last++
		}
		rotate(order[first:last], turn-turn/lowTurn)
		first = last
	}
	if i := slices.Index(order, lead); i > 0 {
		copy(order[1:i+1], order[:i])
		order[0] = lead
	}
	names := make([]string, len(order))
	for i, r := range order {
		names[i] = r.lane
	}
	return names
}

// ranked is a lane with its priority, read once: there may be hundreds.
type ranked struct {
	priority int
	lane     string
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
func rotate(lanes []ranked, turn uint64) {
	n := int(turn % uint64(len(lanes)))
	slices.Reverse(lanes[:n])
	slices.Reverse(lanes[n:])
	slices.Reverse(lanes)
}
