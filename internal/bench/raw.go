package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"rapport/internal/ident"
)

// A baseline sends the same message as fast as one way of sending allows, for a
// while, and says how many a second it were.
type baseline struct {
	port        int
	connections int
	message     []byte // as the engine has sent it, of which only the id changes
	run         *Run
}

// briefly is how long a baseline is measured: long enough to mean something, and
// no longer where the whole bench is over soon.
func (r *Run) briefly() time.Duration {
	const usual, size = 1500 * time.Millisecond, 10_000
	return usual * time.Duration(min(size, max(r.Size, size/10))) / size
}

// sender sends messages over one connection until more says no.
type sender func(ctx context.Context, b *baseline, more func() (id int64, ok bool)) error

// rate runs a sender on every connection and returns the messages a second.
func (b *baseline) rate(ctx context.Context, send sender) (float64, error) {
	clock, d := b.run.Clock, b.run.briefly()
	began := clock.Now()
	base := ident.Base(began)
	var count atomic.Int64
	more := func() (int64, bool) {
		n := count.Add(1)
		return base | n<<10, ctx.Err() == nil && clock.Now().Sub(began) < d
	}
	failed := make(chan error, b.connections)
	var group sync.WaitGroup
	for range b.connections {
		group.Go(func() {
			if err := send(ctx, b, more); err != nil {
				failed <- err
			}
		})
	}
	group.Wait()
	span := clock.Now().Sub(began)
	close(failed)
	if err := <-failed; err != nil {
		return 0, err
	}
	sent := count.Load() - int64(b.connections) // each was told no once
	return float64(sent) / span.Seconds(), context.Cause(ctx)
}

const recipient = "contact-0@customers0.example"

// sendRaw is SMTP at its least: the bytes are ready, and body, dot and the next
// envelope go in one write, so that a message takes one round trip. It cannot
// be faster in this protocol: RFC 2920 wants the answer to DATA awaited.
func sendRaw(ctx context.Context, b *baseline, more func() (int64, bool)) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(b.port)))
	if err != nil {
		return err
	}
	defer conn.Close()
	replies := bufio.NewReader(conn)
	envelope := fmt.Appendf(nil, "MAIL FROM:<%s> SIZE=%d\r\nRCPT TO:<%s>\r\nDATA\r\n", senderAddress, len(b.message), recipient)
	body := append(slices.Clone(b.message), ".\r\n"...)
	at := bytes.Index(body, idField) + len(idField)
	if at < len(idField) {
		return fmt.Errorf("the message has no X-Rapport-Id")
	}
	end := len(body)
	body = append(body, envelope...)

	if err := expect(replies, 220); err != nil {
		return err
	}
	say := func(text []byte, codes ...int) error {
		if _, err := conn.Write(text); err != nil {
			return err
		}
		return expect(replies, codes...)
	}
	if err := say([]byte("EHLO bench.example\r\n"), 250); err != nil {
		return err
	}
	id, ok := more()
	if ok {
		err = say(envelope, 250, 250, 354)
	}
	for ok && err == nil {
		copy(body[at:], ident.Format(id))
		if id, ok = more(); ok {
			err = say(body, 250, 250, 250, 354)
		} else {
			err = say(body[:end], 250)
		}
	}
	if err != nil {
		return err
	}
	return say([]byte("QUIT\r\n"), 221)
}

// expect reads replies with these codes.
func expect(r *bufio.Reader, codes ...int) error {
	for _, code := range codes {
		for {
			line, err := r.ReadSlice('\n')
			if err != nil {
				return err
			}
			if len(line) < 4 || line[3] == '-' {
				continue // a reply of many lines goes on
			}
			if got, err := strconv.Atoi(string(line[:3])); err != nil || got != code {
				return fmt.Errorf("the mail server answers %q in place of %d", bytes.TrimSpace(line), code)
			}
			break
		}
	}
	return nil
}
