package smtp

import (
	"context"
	"slices"
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
//
// Calls share the connections: one that has brought its last message goes on with
// another call's without a pause, so that who sends batch after batch has two
// calls open at a time.
func (p *Pool) SendAll(ctx context.Context, envelopes []Envelope) []Result {
	b := &batch{ctx: ctx, results: make([]Result, len(envelopes))}
	b.open.Add(len(envelopes))
	jobs := make([]job, len(envelopes))
	for i := range envelopes {
		jobs[i] = job{batch: b, i: i, envelope: &envelopes[i]}
	}
	p.enqueue(jobs)
	// What no connection has taken up by then is given up at once.
	stop := context.AfterFunc(ctx, func() { p.fail(p.withdraw(b), nil) })
	b.open.Wait()
	stop()
	return b.results
}

// batch is the messages of one SendAll.
type batch struct {
	ctx     context.Context
	results []Result
	open    sync.WaitGroup // messages without a result
}

// job is one message of a batch.
type job struct {
	batch    *batch
	i        int
	envelope *Envelope
}

func (p *Pool) finish(j job, r Result) {
	j.batch.results[j.i] = r
	p.count(r)
	if j.envelope.Done != nil {
		j.envelope.Done(r)
	}
	j.batch.open.Done()
}

// made makes sure that a message is made. One that cannot be is finished.
func (p *Pool) made(j job) bool {
	make := j.envelope.Make
	if make == nil {
		return true
	}
	j.envelope.Make = nil
	if err := make(j.envelope); err != nil {
		p.finish(j, Result{Outcome: Temporary, Text: printable(err.Error()), Err: err})
		return false
	}
	return true
}

// fail finishes messages that never saw a connection.
func (p *Pool) fail(jobs []job, why *dialError) {
	for _, j := range jobs {
		r := Result{Outcome: Temporary, Text: ErrClosed.Error(), Err: ErrClosed}
		if cause := context.Cause(j.batch.ctx); cause != nil {
			r = Result{Outcome: Temporary, Text: cause.Error(), Err: cause}
		} else if why != nil {
			r = why.result
		}
		p.finish(j, r)
	}
}

// enqueue adds messages and starts as many lines as the pool may have.
func (p *Pool) enqueue(jobs []job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = append(p.waiting, jobs...)
	for range min(len(jobs), p.config.Connections-p.lines) {
		p.lines++
		go (&line{pool: p}).work()
	}
}

// next takes the message that waits longest.
func (p *Pool) next() (job, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shift()
}

func (p *Pool) shift() (job, bool) {
	if len(p.waiting) == 0 {
		return job{}, false
	}
	j := p.waiting[0]
	p.waiting[0] = job{}
	p.waiting = p.waiting[1:]
	return j, true
}

// withdraw takes a batch's messages back that no line has.
func (p *Pool) withdraw(b *batch) (taken []job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = slices.DeleteFunc(p.waiting, func(j job) bool {
		if j.batch == b {
			taken = append(taken, j)
		}
		return j.batch == b
	})
	return taken
}

// line brings message after message over one connection at a time.
type line struct {
	pool  *Pool
	conn  *conn
	fresh bool // nothing was sent over it yet, so what fails is news
	again *job // the message that had a second try after a stale connection
}

// work sends until nothing waits or no connection can be had: then other lines
// may have better luck, and the last one gives up what waits.
func (l *line) work() {
	j, ok := l.pool.next()
	for {
		var why *dialError
		for ok && why == nil {
			if j, ok, why = l.send(j); why != nil {
				l.pool.putBack(j)
			}
		}
		l.hangUp()
		if j, ok = l.pool.end(why); !ok {
			return
		}
	}
}

// putBack is for a message whose line cannot bring it.
func (p *Pool) putBack(j job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = slices.Insert(p.waiting, 0, j)
}

// end takes a line out of the count, unless something has come meanwhile that it
// can go on with.
func (p *Pool) end(why *dialError) (j job, ok bool) {
	p.mu.Lock()
	if why == nil {
		if j, ok = p.shift(); ok {
			p.mu.Unlock()
			return j, true
		}
	}
	p.lines--
	var left []job
	if p.lines == 0 {
		left, p.waiting = p.waiting, nil
	}
	p.mu.Unlock()
	p.fail(left, why)
	return job{}, false
}

// connect makes sure of a connection. A message whose connection turned out to
// be stale gets a new one.
func (l *line) connect(ctx context.Context, second bool) *dialError {
	if l.conn != nil && !l.conn.broken && l.conn.sent < l.pool.config.MessagesPerConnection {
		return nil
	}
	l.hangUp()
	c, fresh, why := l.pool.take(ctx, !second)
	l.conn, l.fresh = c, fresh
	return why
}

func (l *line) hangUp() { l.letGo()() }

// letGo puts the connection back for others, or returns what is left to do to
// end it, which may take a while.
func (l *line) letGo() (end func()) {
	c := l.conn
	l.conn = nil
	if c == nil || l.pool.give(c) {
		return func() {}
	}
	return func() { c.quit(min(quitTime, l.pool.config.CommandTimeout)) }
}

// send brings a message to its result and returns the message to send next: one
// whose opening went out with this one's body, this one for a second try, or any
// other. With an error the message it returns never saw a connection.
func (l *line) send(j job) (next job, ok bool, why *dialError) {
	ctx := j.batch.ctx
	if ctx.Err() != nil {
		if l.conn != nil && l.conn.opened.written {
			l.hangUp() // the server expects a body that will not come
		}
		l.pool.fail([]job{j}, nil)
		next, ok = l.pool.next()
		return next, ok, nil
	}
	second := l.again != nil && *l.again == j
	if why := l.connect(ctx, second); why != nil {
		return j, true, why
	}
	c, e := l.conn, j.envelope
	if !c.opened.written && !l.fit(j) {
		next, ok = l.pool.next()
		return next, ok, nil
	}
	waits := keepPatience(ctx, c.tcp, l.pool.config.Patience)
	if f := c.open(e, l.pool.config.CommandTimeout); f != nil {
		if !waits.done() {
			c.broken = true
			f = f.ended(ctx)
		}
		if l.triesAgain(j, f, second) {
			return j, true, nil
		}
		l.fresh = false
		l.pool.finish(j, f.result)
		next, ok = l.pool.next()
		return next, ok, nil
	}
	var following *Envelope
	if c.offers.pipelining && c.sent+1 < l.pool.config.MessagesPerConnection {
		if next, ok = l.follower(); ok {
			following = next.envelope
		}
	}
	r := c.transfer(e, following, l.pool.config.DataTimeout, c.guard(ctx, waits, e))
	waits.done()
	l.fresh = false
	if !ok {
		next, ok = l.pool.next()
	}
	if !ok {
		// Who has waited for this message may send another one at once: over
		// this connection, and not over one more.
		defer l.letGo()()
	}
	l.pool.finish(j, r)
	return next, ok, nil
}

// follower takes the next message this server can be asked to take.
func (l *line) follower() (job, bool) {
	for {
		j, ok := l.pool.next()
		if !ok {
			return job{}, false
		}
		if l.fit(j) {
			return j, true
		}
	}
}

// fit reports whether a message is made, and one that this server can be asked
// to take; if not, it is finished.
func (l *line) fit(j job) bool {
	if !l.pool.made(j) {
		return false
	}
	r, refused := l.conn.refuse(j.envelope)
	if refused {
		l.pool.finish(j, r)
	}
	return !refused
}

// triesAgain reports whether a failure says nothing about a message, which then
// gets a second try: the server had hung up on an idle connection, or a body
// refused just before left it with an open transaction.
func (l *line) triesAgain(j job, f *failure, second bool) bool {
	c := l.conn
	upset := c.upset
	c.upset = false
	if upset && f.result.Verb == VerbMail && f.result.Code == 503 {
		c.dirty = true
		return true
	}
	if f.stale && !l.fresh && !second {
		l.again = &j
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
