package smtp

import (
	"context"
	"sync"
)

// Send hands one message to the server and returns what became of it.
//
// If ctx ends before the message's Intent was asked, the message is given up
// and is Temporary; after that Send waits for the server, at most DataTimeout.
func (p *Pool) Send(ctx context.Context, e Envelope) Result {
	return p.SendAll(ctx, []Envelope{e})[0]
}

// SendAll hands messages to the server over as many connections as the pool
// may have, and returns their results in the same order. Each Done is called as
// soon as its result is known. No order among the messages is kept.
func (p *Pool) SendAll(ctx context.Context, envelopes []Envelope) []Result {
	b := &batch{pool: p, envelopes: envelopes, results: make([]Result, len(envelopes))}
	var workers sync.WaitGroup
	for range min(p.config.Connections, len(envelopes)) {
		workers.Go(func() { b.work(ctx) })
	}
	workers.Wait()
	for { // what no worker could get a connection for
		i, ok := b.take()
		if !ok {
			return b.results
		}
		b.finish(i, b.unreached(ctx))
	}
}

// batch is the messages of one SendAll and who has which.
type batch struct {
	pool      *Pool
	envelopes []Envelope
	results   []Result

	mu   sync.Mutex
	next int   // the first that nobody has taken
	back []int // taken and given back
	dead *dialError
}

func (b *batch) take() (int, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := len(b.back); n > 0 {
		i := b.back[n-1]
		b.back = b.back[:n-1]
		return i, true
	}
	if b.next == len(b.envelopes) {
		return 0, false
	}
	b.next++
	return b.next - 1, true
}

func (b *batch) giveBack(i int, why *dialError) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.back = append(b.back, i)
	if why != nil {
		b.dead = why
	}
}

func (b *batch) finish(i int, r Result) {
	b.results[i] = r
	b.pool.count(r)
	if done := b.envelopes[i].Done; done != nil {
		done(r)
	}
}

// unreached is the result of a message that never saw a connection.
func (b *batch) unreached(ctx context.Context) Result {
	if cause := context.Cause(ctx); cause != nil {
		return Result{Outcome: Temporary, Text: cause.Error(), Err: cause}
	}
	if b.dead != nil {
		return b.dead.result
	}
	return Result{Outcome: Temporary, Text: ErrClosed.Error(), Err: ErrClosed}
}

// work sends messages over one slot of the pool until none is left, the context
// ends or no connection can be had: then other workers may have better luck.
func (b *batch) work(ctx context.Context) {
	select {
	case b.pool.slots <- struct{}{}:
		defer func() { <-b.pool.slots }()
	case <-ctx.Done():
		return
	}
	l := &line{batch: b, pool: b.pool, retried: -1}
	defer l.hangUp()
	i, ok := b.take()
	for ok {
		if ctx.Err() != nil {
			b.giveBack(i, nil)
			return
		}
		if why := l.connect(ctx, i); why != nil {
			b.giveBack(i, why)
			return
		}
		i, ok = l.send(ctx, i)
	}
}

// line is a worker's connection.
type line struct {
	batch   *batch
	pool    *Pool
	conn    *conn
	fresh   bool // nothing was sent over it yet, so what fails is news
	retried int  // the message that had a second try after a stale connection
}

// connect makes sure of a connection. A message whose connection turned out to
// be stale gets a new one.
func (l *line) connect(ctx context.Context, i int) *dialError {
	if l.conn != nil && !l.conn.broken && l.conn.sent < l.pool.config.MessagesPerConnection {
		return nil
	}
	l.hangUp()
	c, fresh, why := l.pool.take(ctx, l.retried != i)
	l.conn, l.fresh = c, fresh
	return why
}

func (l *line) hangUp() {
	if l.conn != nil {
		l.pool.give(l.conn)
		l.conn = nil
	}
}

// send brings message i to its result and returns the message to send next: one
// whose opening went out with i's body, i itself for a second try, or any other.
func (l *line) send(ctx context.Context, i int) (next int, ok bool) {
	c, e := l.conn, &l.batch.envelopes[i]
	if !c.opened.written {
		if r, refused := c.refuse(e); refused {
			l.batch.finish(i, r)
			return l.batch.take()
		}
	}
	release := func() bool { return true }
	if ctx.Done() != nil {
		release = context.AfterFunc(ctx, c.tcp.cutOff)
	}
	if f := c.open(e, l.pool.config.CommandTimeout); f != nil {
		if !release() {
			c.broken = true
			f = f.ended(ctx)
		}
		if l.again(i, f) {
			return i, true
		}
		l.fresh = false
		l.batch.finish(i, f.result)
		return l.batch.take()
	}
	var following *Envelope
	if c.offers.pipelining && c.sent+1 < l.pool.config.MessagesPerConnection {
		if next, ok = l.follower(); ok {
			following = &l.batch.envelopes[next]
		}
	}
	r := c.transfer(e, following, l.pool.config.DataTimeout, c.guard(ctx, release, e))
	l.fresh = false
	l.batch.finish(i, r)
	if ok {
		return next, true
	}
	return l.batch.take()
}

// follower takes the next message this server can be asked to take.
func (l *line) follower() (int, bool) {
	for {
		i, ok := l.batch.take()
		if !ok {
			return 0, false
		}
		r, refused := l.conn.refuse(&l.batch.envelopes[i])
		if !refused {
			return i, true
		}
		l.batch.finish(i, r)
	}
}

// again reports whether a failure says nothing about message i, which then
// gets a second try: the server had hung up on an idle connection, or a body
// refused just before left it with an open transaction.
func (l *line) again(i int, f *failure) bool {
	c := l.conn
	upset := c.upset
	c.upset = false
	if upset && f.result.Verb == VerbMail && f.result.Code == 503 {
		c.dirty = true
		return true
	}
	if f.stale && !l.fresh && l.retried != i {
		l.retried = i
		c.broken = true
		return true
	}
	return false
}

// ended puts the end of the context in place of the broken connection that came
// of it. What the server had answered by then stays.
func (f *failure) ended(ctx context.Context) *failure {
	if f.result.Err == nil {
		return f
	}
	cause := context.Cause(ctx)
	return &failure{result: Result{Outcome: Temporary, Verb: f.result.Verb, Text: cause.Error(), Err: cause}}
}
