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
	c.buf = c.appendBody(c.buf[:0], e)
	end := len(c.buf) // with its last byte the server has the whole message
	if err := ready(); err != nil {
		c.abandon()
		return Result{Outcome: Temporary, Verb: VerbIntent, Text: printable(err.Error()), Err: err}
	}
	c.upset = false
	c.dirty = false // the dot ends the transaction, RFC 5321 4.1.1.4
	if next != nil {
		c.buf = c.appendOpening(c.buf, next)
	}
	// One limit from the first byte to the reply, so that the caller's lease
	// can be measured against it.
	err := c.client.UpdateDeadline(limit)
	n := 0
	if err == nil {
		n, err = c.write()
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
		return Result{Outcome: Unknown, Verb: VerbDot, Text: describe(err, limit), Err: err}
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

func (c *conn) appendBody(b []byte, e *Envelope) []byte {
	if c.offers.chunking {
		data := e.wireForm(false)
		b = append(b, "BDAT "...)
		b = strconv.AppendInt(b, int64(len(data)), 10)
		b = append(b, " LAST\r\n"...)
		return append(b, data...)
	}
	b = append(b, e.wireForm(true)...)
	return append(b, ".\r\n"...)
}

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
// has not ended, and the caller agrees. From then on the context can no longer
// cut the connection off: what is under way is brought to its end.
func (c *conn) guard(ctx context.Context, release func() bool, e *Envelope) func() error {
	return func() error {
		if !release() {
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
		c.buf = append(c.buf[:0], "QUIT\r\n"...)
		if _, err := c.write(); err == nil {
			_, _ = c.read(false) // whatever it answers, we go
		}
	}
	_ = c.tcp.Close()
}
