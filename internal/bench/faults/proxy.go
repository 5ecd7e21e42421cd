package faults

import (
	"bytes"
	"errors"
	"net"
	"sync"
)

// proxy is a stretch of network between a process and a server, which can be
// cut and healed.
type proxy struct {
	Addr string

	listener net.Listener
	server   string

	mu     sync.Mutex
	state  state
	change chan struct{} // closed when the state changes
	open   map[net.Conn]struct{}
	ended  bool
	inside int           // the statement of a transaction behind which to hold; 0: none
	held   chan struct{} // closed when that has happened
	copies sync.WaitGroup
}

// state is what a stretch of network does.
type state int

const (
	passing state = iota
	refusing
	// holding takes connections and bytes and passes nothing on, as a network
	// that loses everything does: what was sent arrives when it heals.
	holding
)

func newProxy(server string) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{Addr: l.Addr().String(), listener: l, server: server, change: make(chan struct{}), open: map[net.Conn]struct{}{}}
	p.copies.Go(p.accept)
	return p, nil
}

func (p *proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		p.copies.Go(func() { p.carry(c) })
	}
}

// cut resets all connections and refuses new ones.
func (p *proxy) cut() { p.set(refusing) }

// hold passes nothing on.
func (p *proxy) hold() { p.set(holding) }

// heal passes everything on, also what was held.
func (p *proxy) heal() { p.set(passing) }

// holdInside passes nothing on from behind the nth statement of a transaction
// on, so that it stays open with its locks. The channel is closed when that is
// so.
func (p *proxy) holdInside(n int) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inside, p.held = n, make(chan struct{})
	return p.held
}

// sent looks at what a client has just sent, which has gone on already. since
// is how many statements its transaction had so far, or -1; it returns the same
// for the next time.
func (p *proxy) sent(bytesSent []byte, since int) int {
	switch {
	case bytes.Contains(bytesSent, []byte("begin")):
		since = 0
	case bytes.Contains(bytesSent, []byte("commit")) || bytes.Contains(bytesSent, []byte("rollback")) || since < 0:
		return -1
	default:
		since++
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.inside > 0 && since == p.inside {
		p.inside = 0
		p.turn(holding)
		close(p.held)
	}
	return since
}

func (p *proxy) set(s state) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn(s)
}

// turn changes the state. p.mu is held.
func (p *proxy) turn(s state) {
	p.state = s
	close(p.change)
	p.change = make(chan struct{})
	if s == refusing {
		p.reset()
	}
}

func (p *proxy) reset() {
	for c := range p.open {
		abort(c)
	}
}

// abort closes a connection without a farewell.
func abort(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0) // then it says goodbye, which is as good
	}
	c.Close()
}

func (p *proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	p.ended = true
	close(p.change)
	p.change = make(chan struct{})
	p.reset()
	p.mu.Unlock()
	p.copies.Wait()
}

var errCut = errors.New("cut")

// pass waits until bytes may go on.
func (p *proxy) pass() error {
	for {
		p.mu.Lock()
		state, change, ended := p.state, p.change, p.ended
		p.mu.Unlock()
		switch {
		case ended || state == refusing:
			return errCut
		case state == passing:
			return nil
		}
		<-change
	}
}

// join counts a connection as open; false: it may not be.
func (p *proxy) join(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || p.state == refusing {
		return false
	}
	p.open[c] = struct{}{}
	return true
}

func (p *proxy) leave(c net.Conn) {
	c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, c)
}

// carry passes a conversation on, both ways, until one side ends it.
func (p *proxy) carry(client net.Conn) {
	if !p.join(client) || p.pass() != nil {
		abort(client)
		p.leave(client)
		return
	}
	defer p.leave(client)
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		abort(client)
		return
	}
	if !p.join(server) {
		server.Close()
		return
	}
	defer p.leave(server)
	var both sync.WaitGroup
	both.Go(func() {
		since := -1
		p.copy(server, client, func(b []byte) { since = p.sent(b, since) })
	})
	both.Go(func() { p.copy(client, server, func([]byte) {}) })
	both.Wait()
}

func (p *proxy) copy(to, from net.Conn, sent func([]byte)) {
	defer to.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if p.pass() != nil {
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				from.Close()
				return
			}
			sent(buf[:n])
		}
		if err != nil {
			return
		}
	}
}
