package responses

import (
	"sync"
	"time"
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

// visits remembers, for a short time, which links of a message were clicked, so
// that a scanner's are known at once. It is in the memory of one process; what
// another one saw counts when a click has to prove itself, see prove.
type visits struct {
	mu   sync.Mutex
	open map[int64]*visit
}

type visit struct {
	first   time.Time
	links   map[int]time.Time // when each was clicked first
	scanner string            // why it is one, once that is known
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
// click must be recorded as a machine's for now, and that it is not the last word.
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
	return tooMany(n, links)
}

// forget drops what is old.
func (v *visits) forget(now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for message, x := range v.open {
		if x.scanner == "" && now.Sub(x.first) > young || now.Sub(x.first) > memoryFor {
			delete(v.open, message)
		}
	}
}
