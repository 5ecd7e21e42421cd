package faults

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"rapport/internal/delivery/smtp"
)

// mailer sends one message at a time to a receiver.
type mailer struct {
	*testing.T
	receiver *receiver
	pool     *smtp.Pool
}

func newMailer(t *testing.T) *mailer {
	t.Helper()
	r, err := newReceiver(1)
	if err != nil {
		t.Fatal(err)
	}
	p := smtp.NewPool(smtp.Config{Host: "127.0.0.1", Port: r.port, TLS: smtp.Plain, Connections: 1}, nil)
	t.Cleanup(func() { p.Close(); r.close() })
	return &mailer{t, r, p}
}

func (m *mailer) send(n int) smtp.Result {
	body := fmt.Sprintf("Subject: one\r\nX-Rapport-Id: id-%d\r\n\r\n%s\r\n", n, strings.Repeat("a line of the message\r\n", 100))
	ctx, cancel := context.WithTimeout(m.Context(), 30*time.Second)
	defer cancel()
	return m.pool.Send(ctx, smtp.Envelope{From: "mia@news.northwind.example", To: addressOf(n), Data: []byte(body)})
}

func TestReceiverCountsCopies(t *testing.T) {
	m := newMailer(t)
	for _, n := range []int{1, 2, 1} {
		if r := m.send(n); r.Outcome != smtp.Sent {
			t.Fatalf("%+v", r)
		}
	}
	got := m.receiver.received()
	if got[letter{addressOf(1), "one"}] != 2 || got[letter{addressOf(2), "one"}] != 1 || len(got) != 2 || m.receiver.distinct() != 2 {
		t.Errorf("counted %v", got)
	}
	if id := m.receiver.ids[letter{addressOf(1), "one"}]; id != "id-1" {
		t.Errorf("the id is %q", id)
	}
}

// Every trouble strikes once, leaves what it promises, and the next message
// goes through.
func TestReceiverMakesTrouble(t *testing.T) {
	type want struct {
		outcome smtp.Outcome
		copies  int
	}
	sentLater := want{smtp.Sent, 1} // by a second try, over another connection
	for _, c := range []struct {
		trouble trouble
		want    want
	}{
		{trouble{at: "connect", reply: "421 4.3.2 going down"}, want{smtp.Temporary, 0}},
		{trouble{at: "ehlo", drop: true}, want{smtp.Temporary, 0}},
		{trouble{at: "mail", reply: "451 4.7.1 later"}, want{smtp.Temporary, 0}},
		{trouble{at: "mail", reply: "550 5.1.1 no"}, want{smtp.Permanent, 0}},
		{trouble{at: "rcpt", reply: "550 5.1.1 no such user"}, want{smtp.Permanent, 0}},
		{trouble{at: "data", reply: "452 4.3.1 full"}, want{smtp.Temporary, 0}},
		{trouble{at: "data", drop: true}, want{smtp.Temporary, 0}},
		{trouble{at: "dot", reply: "554 5.7.1 no"}, want{smtp.Permanent, 0}},
		{trouble{at: "dot", drop: true}, want{smtp.Unknown, 0}},
		{trouble{at: "dot", drop: true, keep: true}, want{smtp.Unknown, 1}},
		{trouble{at: "body", hang: 10 * time.Millisecond}, want{smtp.Sent, 1}},
		{trouble{at: "dot", hang: 10 * time.Millisecond}, sentLater},
	} {
		t.Run(fmt.Sprintf("%s %s%t%t", c.trouble.at, c.trouble.reply, c.trouble.drop, c.trouble.keep), func(t *testing.T) {
			m := newMailer(t)
			armed := m.receiver.arm(c.trouble)
			r := m.send(1)
			select {
			case <-armed.struck:
			default:
				t.Error("it has not struck")
			}
			if copies := m.receiver.received()[letter{addressOf(1), "one"}]; r.Outcome != c.want.outcome || copies != c.want.copies {
				t.Errorf("%+v and %d copies, want outcome %v and %d", r, copies, c.want.outcome, c.want.copies)
			}
			if r := m.send(2); r.Outcome != smtp.Sent {
				t.Errorf("the next message: %+v", r)
			}
			if n := m.receiver.no.Load(); n > 0 != strings.HasPrefix(c.trouble.reply, "5") {
				t.Errorf("it has refused %d times", n)
			}
		})
	}
}

func TestReceiverGoesAwayAndComesBack(t *testing.T) {
	m := newMailer(t)
	if r := m.send(1); r.Outcome != smtp.Sent {
		t.Fatalf("%+v", r)
	}
	if n := m.receiver.down(); n != 1 {
		t.Errorf("%d connections were open, want 1", n)
	}
	if r := m.send(2); r.Outcome != smtp.Temporary || m.receiver.distinct() != 1 {
		t.Errorf("sent to nobody: %+v", r)
	}
	if err := m.receiver.up(); err != nil {
		t.Fatal(err)
	}
	if r := m.send(3); r.Outcome != smtp.Sent {
		t.Errorf("%+v", r)
	}
}
