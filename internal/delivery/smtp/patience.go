package smtp

import (
	"context"
	"sync"
	"time"
)

// patience follows the end of a context while one message is under way. Before its
// intent, the connection is cut off at once: the message can still be kept. After
// that the server has it, or nearly, and is waited for; but who is told to stop
// does not wait for as long as a server may take.
type patience struct {
	tcp   *watched
	after time.Duration // how long a reply is waited for after the end; 0: as long as ever
	stop  func() bool

	mu        sync.Mutex
	ended     bool // the context has
	committed bool // the message may go
	over      bool // the result is known
	timer     *time.Timer
}

// keepPatience begins with a message, and is over when its result is known.
func keepPatience(ctx context.Context, tcp *watched, after time.Duration) *patience {
	p := &patience{tcp: tcp, after: after, stop: func() bool { return true }}
	if ctx.Done() != nil {
		p.stop = context.AfterFunc(ctx, p.end)
	}
	return p
}

func (p *patience) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	switch {
	case p.over:
	case !p.committed:
		p.tcp.cutOff()
	case p.after > 0:
		p.timer = time.AfterFunc(p.after, p.cut)
	}
}

func (p *patience) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.tcp.cutOff()
	}
}

// commit lets the message go, unless the context has ended.
func (p *patience) commit() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.committed = !p.ended
	return p.committed
}

// done leaves the connection alone from now on. It reports whether the context had
// not ended before the message might go.
func (p *patience) done() bool {
	p.mu.Lock()
	p.over = true
	if p.timer != nil {
		p.timer.Stop()
	}
	kept := !p.ended || p.committed
	p.mu.Unlock()
	p.stop()
	return kept
}
