package smtp

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// ErrClosed is the Err of messages that came after Close.
var ErrClosed = errors.New("the mail connections are closed")

// quitTime bounds the farewell to a server.
const quitTime = 2 * time.Second

// Pool keeps connections to one provider open and spreads messages over them.
// It is safe for use by several goroutines.
type Pool struct {
	config Config
	log    *slog.Logger

	mu      sync.Mutex
	closed  bool
	away    bool               // nobody answered the last call: it is said once
	waiting []job              // messages that no line has taken up
	lines   int                // that work, each over a connection of its own
	idle    []*conn            // the latest used last, and taken first
	active  map[*conn]struct{} // in use
	dialled int64
	sent    int64
}

// NewPool returns a pool without connections; the first message opens one. A
// configuration that cannot work shows as the result of every message: see
// [Config.Check].
func NewPool(config Config, log *slog.Logger) *Pool {
	config = config.withDefaults()
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Pool{
		config: config,
		log:    log,
		active: map[*conn]struct{}{},
	}
}

// reached notes whether a call was answered, and reports whether the one before
// ended otherwise.
func (p *Pool) reached(answered bool) (first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	first = p.away == answered
	p.away = !answered
	return first
}

// Stats are a pool's counts since it was made.
type Stats struct {
	Active, Idle int   // connections now
	Dialled      int64 // connections opened
	Sent         int64 // messages taken by the server
}

// Stats returns the pool's counts.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Stats{Active: len(p.active), Idle: len(p.idle), Dialled: p.dialled, Sent: p.sent}
}

// take returns an idle connection, or a new one. fresh says which.
func (p *Pool) take(ctx context.Context, mayReuse bool) (c *conn, fresh bool, fail *dialError) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, false, &dialError{Result{Outcome: Temporary, Text: ErrClosed.Error(), Err: ErrClosed}}
	}
	if n := len(p.idle); mayReuse && n > 0 {
		c = p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.active[c] = struct{}{}
		p.mu.Unlock()
		c.idle.Stop()
		return c, false, nil
	}
	p.mu.Unlock()

	c, fail = p.dial(ctx)
	if first := p.reached(fail == nil); fail != nil {
		level := slog.LevelDebug
		if first {
			level = slog.LevelWarn
		}
		p.log.Log(ctx, level, "mail server not reached", "provider", p.config.address(), "error", fail.Error())
		return nil, false, fail
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = c.tcp.Close()
		return nil, false, &dialError{Result{Outcome: Temporary, Text: ErrClosed.Error(), Err: ErrClosed}}
	}
	p.dialled++
	p.active[c] = struct{}{}
	return c, true, nil
}

// give puts a connection back. It is false for one that is of no more use, and
// is the caller's to end.
func (p *Pool) give(c *conn) (kept bool) {
	if c.opened.written { // replies nobody read: the next message would take them for its own
		c.broken = true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.active, c)
	if p.closed || c.broken || c.sent >= p.config.MessagesPerConnection {
		return false
	}
	p.idle = append(p.idle, c)
	c.idle = time.AfterFunc(p.config.IdleTimeout, func() { p.expire(c) })
	return true
}

// expire closes a connection that nobody used.
func (p *Pool) expire(c *conn) {
	p.mu.Lock()
	found := false
	for i := range p.idle {
		if p.idle[i] == c {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			found = true
			break
		}
	}
	p.mu.Unlock()
	if found {
		c.quit(min(quitTime, p.config.CommandTimeout))
	}
}

func (p *Pool) count(r Result) {
	if r.Outcome != Sent {
		return
	}
	p.mu.Lock()
	p.sent++
	p.mu.Unlock()
}

// Close ends all connections. What is waiting for the reply to its dot becomes
// Unknown: to stop gently, cancel the contexts of the sends and wait for them
// to return before.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	idle := p.idle
	p.idle = nil
	for c := range p.active {
		c.tcp.cutOff()
	}
	p.mu.Unlock()
	var all sync.WaitGroup
	for _, c := range idle {
		c.idle.Stop()
		all.Go(func() { c.quit(min(quitTime, p.config.CommandTimeout)) })
	}
	all.Wait()
}
