package memory

import (
	"container/heap"
	"time"
)

// lane holds the batches of one lane that nobody has taken.
type lane struct {
	ready   []int64 // the oldest first
	pending int     // how many of this lane are in Queue.held
	delayed delays
	at      map[int64]*delay // the delayed, by batch
}

// delay is a batch that waits for its time.
type delay struct {
	batch int64
	at    time.Time
	index int // in the heap
}

// take removes up to n batches from the front.
func (l *lane) take(n int) []int64 {
	n = min(n, len(l.ready))
	taken := l.ready[:n:n]
	l.ready = l.ready[n:]
	if len(l.ready) == 0 {
		l.ready = nil // lets go of the array behind it
	}
	return taken
}

// later delays the batch, or moves it when it is delayed already.
func (l *lane) later(batch int64, at time.Time) {
	if d := l.at[batch]; d != nil {
		d.at = at
		heap.Fix(&l.delayed, d.index)
		return
	}
	d := &delay{batch: batch, at: at}
	l.at[batch] = d
	heap.Push(&l.delayed, d)
}

// due makes ready what was delayed until now or earlier.
func (l *lane) due(now time.Time) (moved int) {
	for len(l.delayed) > 0 && !l.delayed[0].at.After(now) {
		d := heap.Pop(&l.delayed).(*delay)
		delete(l.at, d.batch)
		l.ready = append(l.ready, d.batch)
		moved++
	}
	return moved
}

// delays is a heap, the earliest on top; batches of one instant by their id.
type delays []*delay

func (h delays) Len() int { return len(h) }

func (h delays) Less(i, j int) bool {
	if c := h[i].at.Compare(h[j].at); c != 0 {
		return c < 0
	}
	return h[i].batch < h[j].batch
}

func (h delays) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *delays) Push(x any) {
	d := x.(*delay)
	d.index = len(*h)
	*h = append(*h, d)
}

func (h *delays) Pop() any {
	last := len(*h) - 1
	d := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return d
}
