package smtp

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// transfer sends the body of an opened envelope, and in the same write the
// opening of the one that follows, and reads the reply to the dot. What it
// returns is final: it never fails to say what became of the message.
//
// ready is asked at the last moment; it fails if the message may not go.
func (c *conn) transfer(e, next *Envelope, limit time.Duration, ready func() error) Result {
	out := c.body(e)
	end := len(out) // with its last byte the server has the whole message
	if err := ready(); err != nil {
		c.abandon()
		return Result{Outcome: Temporary, Verb: VerbIntent, Text: printable(err.Error()), Err: err}
	}
	c.upset = false
	c.dirty = false // the dot ends the transaction, RFC 5321 4.1.1.4
	if next != nil {
		out = c.appendOpening(out, next)
	}
	// One limit from the first byte to the reply, so that the caller's lease
	// can be measured against it.
	err := c.client.UpdateDeadline(limit)
	n := 0
	if err == nil {
		n, err = c.write(out)
	}
	if err != nil && n < end {
		// Part of the message never left this machine: the server cannot have
		// taken it.
		return c.broke(VerbData, err, limit, false).result
	}
	var r reply
	if err == nil {
		r, err = c.read(true)
	}
	switch {
	case err != nil:
		c.broken = true
		text := describe(err, limit)
		if c.tcp.isCut() {
			text = "the sender was stopped before the server answered"
		}
		return Result{Outcome: Unknown, Verb: VerbDot, Text: text, Err: err}
	case r.code < 400 && !r.positive():
		c.broken = true
		err = fmt.Errorf("unexpected reply %d", r.code)
		return Result{Outcome: Unknown, Code: r.code, Verb: VerbDot, Text: err.Error(), Err: err}
	}
	c.leaving(r)
	c.sent++
	if !r.positive() {
		// After a refused BDAT only RSET gives a known state (RFC 3030 4.2),
		// and some servers do no better after a dot.
		c.dirty, c.upset = true, next != nil
	}
	return resultOf(VerbDot, r)
}

// body is what says the message: in c.buf, or behind the message itself where that
// spares a copy of it.
func (c *conn) body(e *Envelope) []byte {
	switch {
	case c.offers.chunking:
		data := e.wireForm(false)
		c.buf = append(c.buf[:0], "BDAT "...)
		c.buf = strconv.AppendInt(c.buf, int64(len(data)), 10)
		c.buf = append(c.buf, " LAST\r\n"...)
		c.buf = append(c.buf, data...)
		return c.buf
	case e.Ready && e.Roomy:
		return append(e.Data, dot...)
	}
	c.buf = append(append(c.buf[:0], e.wireForm(true)...), dot...)
	return c.buf
}

const dot = ".\r\n"

// abandon gives up a transaction in front of its body. BDAT that was not
// written leaves it open, which RSET ends; after a 354 the server takes
// whatever comes as the message, so only closing ends it.
func (c *conn) abandon() {
	if c.offers.chunking {
		c.dirty = true
		return
	}
	c.broken = true
}

// guard asks, at the last moment, whether a message may still go: the context
// has not ended, and the caller agrees. From then on the end of the context cuts
// the connection off no more at once: what is under way is brought to its end, if
// the server answers in time.
func (c *conn) guard(ctx context.Context, waits *patience, e *Envelope) func() error {
	return func() error {
		if !waits.commit() {
			c.broken = true
			return context.Cause(ctx)
		}
		if e.Intent != nil {
			return e.Intent()
		}
		return nil
	}
}

// quit says goodbye and closes.
func (c *conn) quit(limit time.Duration) {
	if !c.broken && c.client.UpdateDeadline(limit) == nil {
		if _, err := c.write([]byte("QUIT\r\n")); err == nil {
			_, _ = c.read(false) // whatever it answers, we go
		}
	}
	_ = c.tcp.Close()
}
