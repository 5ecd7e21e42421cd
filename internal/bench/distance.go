package bench

import (
	"runtime"
	"time"

	"rapport/internal/clock"
)

// distance lets the replies of all connections go when they have been on their way
// for a while. The sessions read on meanwhile, as a server far away does: only a
// client that waits for a reply before it goes on feels it. Every reply is equally
// long on its way, so they leave in the order they came in.
type distance struct {
	latency time.Duration
	clock   clock.Clock
	queue   chan lateReply
	stop    chan struct{}
}

type lateReply struct {
	session *smtpSession
	text    []byte
	due     time.Time
}

func newDistance(latency time.Duration) *distance {
	d := &distance{latency: latency, clock: clock.System{}, queue: make(chan lateReply, 1024), stop: make(chan struct{})}
	go d.run()
	return d
}

func (d *distance) send(s *smtpSession, text []byte) {
	s.underway.Add(1)
	select {
	case d.queue <- lateReply{s, text, d.clock.Now().Add(d.latency)}:
	case <-d.stop:
		s.underway.Done()
	}
}

func (d *distance) run() {
	// A timer of the language comes up to a millisecond late where nothing else
	// happens, which is much of five. A thread that the system wakes does not.
	runtime.LockOSThread()
	for {
		select {
		case r := <-d.queue:
			sleep(r.due.Sub(d.clock.Now()))
			_, _ = r.session.conn.Write(r.text) // the session sees that the client is gone
			r.session.underway.Done()
		case <-d.stop:
			for {
				select {
				case r := <-d.queue:
					r.session.underway.Done()
				default:
					return
				}
			}
		}
	}
}
