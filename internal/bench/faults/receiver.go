package faults

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"rapport/internal/clock"
)

// letter is what nobody may get twice: one step of the campaign, to one person.
// Copies are told by who they are for and what they say, not by an id that the
// engine gave them.
type letter struct{ to, subject string }

// receiver is a mail server that counts copies and can be made to misbehave.
type receiver struct {
	port  int
	clock clock.Clock

	taken atomic.Int64 // copies
	drip  atomic.Int64 // nanoseconds between two bytes of a reply
	no    atomic.Int64 // how often it refused for good

	mu       sync.Mutex
	random   *rand.Rand
	listener net.Listener // nil while it is down
	open     map[net.Conn]struct{}
	copies   map[letter]int
	ids      map[letter]string // X-Rapport-Id of the first copy
	troubles []*trouble
	every    time.Duration // between two messages, over all connections
	next     time.Time     // when the next message may be taken
	closed   chan struct{}
	sessions sync.WaitGroup
}

// trouble is what the receiver does once, instead of going on as usual.
type trouble struct {
	at    string        // verb; "connect" is the greeting, "body" the middle of a message, "dot" its end
	reply string        // is said instead
	drop  bool          // the connection is closed
	hang  time.Duration // nothing is said for that long
	keep  bool          // at the dot: the message is taken all the same

	struck chan struct{} // closed when it has happened
}

func newReceiver(seed uint64) (*receiver, error) {
	r := &receiver{clock: clock.System{}, random: rand.New(rand.NewPCG(seed, 1)), open: map[net.Conn]struct{}{},
		copies: map[letter]int{}, ids: map[letter]string{}, closed: make(chan struct{})}
	return r, r.up()
}

// up makes it listen, on the port that it had before.
func (r *receiver) up() error {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", r.port))
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.port, r.listener = l.Addr().(*net.TCPAddr).Port, l
	r.sessions.Go(func() { r.accept(l) })
	return nil
}

// down makes it refuse, and closes every connection. It returns how many there
// were: as many messages may have been in the middle of their end.
func (r *receiver) down() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.listener != nil {
		r.listener.Close()
		r.listener = nil
	}
	for c := range r.open {
		c.Close()
	}
	return len(r.open)
}

// close ends it for good.
func (r *receiver) close() {
	close(r.closed)
	r.down()
	r.sessions.Wait()
}

func (r *receiver) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return // it is down
		}
		r.mu.Lock()
		if r.listener != l {
			r.mu.Unlock()
			c.Close()
			return
		}
		r.open[c] = struct{}{}
		s := &session{receiver: r, conn: c, pipelining: r.random.IntN(4) > 0, chunking: r.random.IntN(4) == 0}
		r.mu.Unlock()
		r.sessions.Go(func() {
			s.serve()
			c.Close()
			r.mu.Lock()
			defer r.mu.Unlock()
			delete(r.open, c)
		})
	}
}

// pace sets how many messages it takes in a second; 0: as many as come.
func (r *receiver) pace(perSecond float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.every = 0; perSecond > 0 {
		r.every = time.Duration(float64(time.Second) / perSecond)
	}
}

// wait holds a message up until its turn: some at their beginning, some at their
// end, so that a fault finds conversations in all states.
func (r *receiver) wait(at string) {
	r.mu.Lock()
	if before := r.random.IntN(2) == 0; before != (at == "mail") {
		r.mu.Unlock()
		return
	}
	now := r.clock.Now()
	if r.next.Before(now) {
		r.next = now
	}
	until := r.next.Sub(now)
	r.next = r.next.Add(r.every)
	r.mu.Unlock()
	r.pause(until)
}

// pause waits, unless the receiver ends.
func (r *receiver) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.closed:
	}
}

// arm has a trouble happen to the next that comes to its verb.
func (r *receiver) arm(t trouble) *trouble {
	t.struck = make(chan struct{})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.troubles = append(r.troubles, &t)
	return &t
}

// disarm forgets the troubles that nobody has come to.
func (r *receiver) disarm() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.troubles = nil
}

// at takes the trouble that waits at a verb, if one does.
func (r *receiver) at(verb string) *trouble {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, t := range r.troubles {
		if t.at == verb {
			r.troubles = append(r.troubles[:i], r.troubles[i+1:]...)
			return t
		}
	}
	return nil
}

// keep counts a copy.
func (r *receiver) keep(l letter, id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.copies[l]++; r.copies[l] == 1 {
		r.ids[l] = id
	}
	r.taken.Add(1)
}

// distinct is how many different letters have come.
func (r *receiver) distinct() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.copies)
}

// received is a copy of what was counted.
func (r *receiver) received() map[letter]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make(map[letter]int, len(r.copies))
	for l, n := range r.copies {
		out[l] = n
	}
	return out
}
