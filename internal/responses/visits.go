package responses

import (
	"sync"
	"time"

	"rapport/internal/store"
)

// How clicks of scanners are told from those of people. Scanners fetch a
// message's links as it arrives, all of them or the hidden one too, and many
// of them call themselves a browser.
const (
	instant   = 2 * time.Second  // nobody reads and clicks within this time of sending
	young     = 2 * time.Minute  // within this time of sending a click must prove itself
	proofTime = 5 * time.Second  // and has, when nothing spoke against it for this long
	burst     = 4                // different links within proofTime: no person
	memoryFor = 10 * time.Minute // how long a message is remembered as visited by a scanner
	maxVisits = 100_000
)

// visits remembers, for a short time, which links of a message were clicked.
// It is in the memory of one process: where several serve clicks, each judges
// what it sees.
type visits struct {
	mu   sync.Mutex
	open map[int64]*visit
}

type visit struct {
	first   time.Time
	links   map[int]time.Time // when each was clicked first
	scanner string            // why it is one, once that is known
	held    []heldClick
}

// heldClick is a click that has to prove itself.
type heldClick struct {
	event store.Incoming
	due   time.Time
}

func newVisits() *visits { return &visits{open: map[int64]*visit{}} }

// aClick is one click as visits judges it.
type aClick struct {
	message int64
	n       int // 0 is the link that nobody can see
	links   int // how many the message has
	sent    time.Time
	at      time.Time
}

// judge says why a click is a machine's, or "". whyUnproved means that the
// click must be recorded as a machine's for now, and held.
func (v *visits) judge(c aClick) (why string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	x := v.open[c.message]
	fresh := c.sent.IsZero() || c.at.Sub(c.sent) < young
	if x == nil {
		if !fresh && c.n != 0 || len(v.open) >= maxVisits {
			if c.n == 0 {
				return whyTrap
			}
			return ""
		}
		x = &visit{first: c.at, links: map[int]time.Time{}}
		v.open[c.message] = x
	}
	if _, again := x.links[c.n]; !again {
		x.links[c.n] = c.at
	}
	switch {
	case c.n == 0:
		x.scanner = whyTrap
	case x.scanner == "" && x.tooMany(c.links, c.at):
		x.scanner = whyBurst
	}
	switch {
	case x.scanner != "":
		x.held = nil
		return x.scanner
	case !c.sent.IsZero() && c.at.Sub(c.sent) < instant:
		return whyInstant
	case fresh:
		return whyUnproved
	}
	return ""
}

// tooMany reports whether every link of a message, or very many, were clicked
// within moments of each other.
func (x *visit) tooMany(links int, at time.Time) bool {
	n := 0
	for _, when := range x.links {
		if at.Sub(when) <= proofTime {
			n++
		}
	}
	return n >= burst || links >= 3 && n >= links
}

// hold keeps a click until it is proved.
func (v *visits) hold(c aClick, event store.Incoming) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if x := v.open[c.message]; x != nil && x.scanner == "" {
		x.held = append(x.held, heldClick{event, c.at.Add(proofTime)})
	}
}

// proved returns the clicks that nothing has spoken against in time, and
// forgets what is old. All of them are due when everything is to be said now.
func (v *visits) proved(now time.Time, all bool) (out []store.Incoming) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for message, x := range v.open {
		keep := x.held[:0]
		for _, h := range x.held {
			if all || !now.Before(h.due) {
				out = append(out, h.event)
			} else {
				keep = append(keep, h)
			}
		}
		x.held = keep
		if len(keep) == 0 && (x.scanner == "" && now.Sub(x.first) > young || now.Sub(x.first) > memoryFor) {
			delete(v.open, message)
		}
	}
	return out
}
