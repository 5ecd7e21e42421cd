package smtp

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	gosmtp "github.com/wneessen/go-mail/smtp"
)

// conn is one connection to a server. One goroutine at a time has it.
type conn struct {
	client *gosmtp.Client
	tcp    *watched
	offers extensions

	sent   int    // messages answered
	dirty  bool   // a transaction may be open at the server: RSET comes first
	upset  bool   // the last body was refused when the next opening was already out
	broken bool   // its state is unknown or it is closed: no more commands
	buf    []byte // room for what is written next

	// The opening that was written and not yet read.
	opened opening

	idle *time.Timer
}

// opening is a written RSET, MAIL, RCPT, DATA of which replies are due.
type opening struct {
	written bool
	reset   bool
}

func newConn(client *gosmtp.Client, tcp *watched, offers extensions) *conn {
	return &conn{client: client, tcp: tcp, offers: offers}
}

// refuse returns why an envelope cannot be put to this server at all.
func (c *conn) refuse(e *Envelope) (Result, bool) {
	switch {
	case e.To == "" || !writable(e.To):
		return Result{Outcome: Permanent, Verb: VerbRcpt, BadAddress: true,
			Text: "the address cannot be written in SMTP"}, true
	case !writable(e.From):
		return Result{Outcome: Permanent, Verb: VerbMail, Text: "the return path cannot be written in SMTP"}, true
	case e.UTF8 && !c.offers.utf8:
		return Result{Outcome: Permanent, Verb: VerbMail,
			Text: "the address needs SMTPUTF8, which the server does not offer"}, true
	case !c.offers.eightBit && e.eightBit():
		return Result{Outcome: Permanent, Verb: VerbMail,
			Text: "the message has 8-bit bytes and the server does not offer 8BITMIME"}, true
	}
	return Result{}, false
}

// appendMail appends MAIL FROM with the parameters the server understands.
func (c *conn) appendMail(b []byte, e *Envelope) []byte {
	b = append(b, "MAIL FROM:<"...)
	b = append(b, e.From...)
	b = append(b, '>')
	if c.offers.eightBit && e.eightBit() {
		b = append(b, " BODY=8BITMIME"...)
	}
	if c.offers.size {
		b = append(b, " SIZE="...)
		b = strconv.AppendInt(b, int64(len(e.Data)), 10)
	}
	if e.UTF8 {
		b = append(b, " SMTPUTF8"...)
	}
	return append(b, "\r\n"...)
}

func appendRcpt(b []byte, e *Envelope) []byte {
	b = append(b, "RCPT TO:<"...)
	b = append(b, e.To...)
	return append(b, ">\r\n"...)
}

// appendOpening appends all that comes before a body, as PIPELINING allows in
// one write: DATA may only be the last of its group (RFC 2920 3.1).
func (c *conn) appendOpening(b []byte, e *Envelope) []byte {
	c.opened = opening{written: true, reset: c.dirty}
	if c.dirty {
		b = append(b, "RSET\r\n"...)
	}
	b = c.appendMail(b, e)
	b = appendRcpt(b, e)
	if !c.offers.chunking {
		b = append(b, "DATA\r\n"...)
	}
	return b
}

// write sends b and returns how many of its bytes the system took.
func (c *conn) write(b []byte) (int, error) {
	w := c.client.Text.W
	n, err := w.Write(b)
	if err == nil {
		err = w.Flush()
		n = len(b) - w.Buffered()
	}
	return n, err
}

// failure is a conversation that broke off or was refused.
type failure struct {
	result Result
	// stale: nothing was answered for this message, and the server had hung
	// up or was about to; on a connection used before, that is no news.
	stale bool
}

// open brings the transaction of an envelope up to the point where the body may
// go. In a pipelined group every reply is read, whatever the first ones say:
// one left over would be taken for the next message's.
func (c *conn) open(e *Envelope, limit time.Duration) *failure {
	if err := c.client.UpdateDeadline(limit); err != nil {
		return c.broke(VerbMail, err, limit, true)
	}
	if c.offers.pipelining {
		return c.openPipelined(e, limit)
	}
	return c.openStepwise(e, limit)
}

func (c *conn) openPipelined(e *Envelope, limit time.Duration) *failure {
	if !c.opened.written {
		c.buf = c.appendOpening(c.buf[:0], e)
		if _, err := c.write(c.buf); err != nil {
			return c.broke(VerbMail, err, limit, true)
		}
	}
	group := c.opened
	c.opened = opening{}
	if group.reset {
		if f := c.reset(limit); f != nil {
			return f
		}
	}
	mail, err := c.read(false)
	if err != nil {
		return c.broke(VerbMail, err, limit, true)
	}
	first := c.judge(VerbMail, mail)
	c.dirty = c.dirty || mail.positive()

	rcpt, err := c.read(false)
	if err != nil {
		return c.instead(first, VerbRcpt, err, limit)
	}
	if first == nil {
		first = c.judge(VerbRcpt, rcpt)
	}
	c.leaving(rcpt)
	if c.offers.chunking {
		return first
	}
	data, err := c.read(false)
	if err != nil {
		return c.instead(first, VerbData, err, limit)
	}
	c.leaving(data)
	if first == nil {
		return c.judgeData(data)
	}
	switch {
	case data.code != 354 || c.broken:
	case !mail.positive():
		// An older transaction is still open, and perhaps with recipients:
		// whatever came now would be delivered to them.
		c.broken = true
	default:
		// RFC 2920 3.1: a server may say so although nobody will get it. An
		// empty message ends that, and its reply tells nothing.
		if _, err := c.write([]byte(dot)); err != nil {
			c.broken = true
		} else if _, err = c.read(false); err != nil {
			c.broken = true
		}
		c.dirty = false
	}
	return first
}

func (c *conn) openStepwise(e *Envelope, limit time.Duration) *failure {
	if c.dirty {
		if _, err := c.write([]byte("RSET\r\n")); err != nil {
			return c.broke(VerbMail, err, limit, true)
		}
		if f := c.reset(limit); f != nil {
			return f
		}
	}
	steps := []struct {
		verb string
		line []byte
	}{
		{VerbMail, c.appendMail(nil, e)},
		{VerbRcpt, appendRcpt(nil, e)},
		{VerbData, []byte("DATA\r\n")},
	}
	if c.offers.chunking {
		steps = steps[:2]
	}
	for _, s := range steps {
		if err := c.client.UpdateDeadline(limit); err != nil {
			return c.broke(s.verb, err, limit, false)
		}
		_, err := c.write(s.line)
		var r reply
		if err == nil {
			r, err = c.read(false)
		}
		if err != nil {
			return c.broke(s.verb, err, limit, s.verb == VerbMail)
		}
		if s.verb == VerbData {
			return c.judgeData(r)
		}
		if f := c.judge(s.verb, r); f != nil {
			return f
		}
		c.dirty = true
	}
	return nil
}

// reset reads the reply to RSET.
func (c *conn) reset(limit time.Duration) *failure {
	r, err := c.read(false)
	switch {
	case err != nil:
		return c.broke(VerbMail, err, limit, true)
	case !r.positive():
		c.broken = true
		f := c.judge(VerbMail, r)
		f.stale = true
		return f
	}
	c.dirty = false
	return nil
}

func (c *conn) read(keepText bool) (reply, error) {
	r, err := readReply(c.client.Text.R, keepText)
	if err != nil {
		c.broken = true
	}
	return r, err
}

// leaving notes that the server is about to hang up.
func (c *conn) leaving(r reply) {
	if r.code == 421 { // RFC 5321 3.8
		c.broken = true
	}
}

// judge returns the failure in a reply to MAIL or RCPT, nil if it is positive.
func (c *conn) judge(verb string, r reply) *failure {
	c.leaving(r)
	if r.positive() {
		return nil
	}
	if r.code < 400 {
		return c.nonsense(verb, r)
	}
	f := &failure{result: resultOf(verb, r)}
	f.stale = verb == VerbMail && r.code == 421 && perConnection(r)
	return f
}

func (c *conn) judgeData(r reply) *failure {
	c.leaving(r)
	switch {
	case r.code == 354:
		return nil
	case r.code < 400:
		return c.nonsense(VerbData, r)
	}
	return &failure{result: resultOf(VerbData, r)}
}

// nonsense is a reply that cannot be one to its command: we and the server no
// longer talk about the same thing.
func (c *conn) nonsense(verb string, r reply) *failure {
	c.broken = true
	err := fmt.Errorf("unexpected reply %d", r.code)
	return &failure{result: Result{Outcome: Temporary, Code: r.code, Enhanced: r.enhanced, Verb: verb,
		Text: err.Error(), Err: err}}
}

// broke returns the failure of a connection that ended before the dot.
func (c *conn) broke(verb string, err error, limit time.Duration, first bool) *failure {
	c.broken = true
	var bad *badReplyError
	return &failure{
		result: Result{Outcome: Temporary, Verb: verb, Text: describe(err, limit), Err: err},
		stale:  first && hungUp(err) && !errors.As(err, &bad),
	}
}

// instead returns what was known before the connection broke, if anything.
func (c *conn) instead(known *failure, verb string, err error, limit time.Duration) *failure {
	if known != nil {
		c.broken = true
		return known
	}
	return c.broke(verb, err, limit, false)
}

// perConnection reports whether a 421 is about this connection only: it has
// been open too long or has carried enough.
func perConnection(r reply) bool {
	return r.enhanced == "4.4.2" || contains(strings.ToLower(r.text), "idle", "timeout", "timed out", "time out",
		"in this session", "per session", "this connection", "per connection")
}
