package smtp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"rapport/internal/delivery/smtp/smtptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Refusals at any verb, in the middle of a pipeline, touch the message they are
// about and no other.
func TestRefusalsDoNotShiftReplies(t *testing.T) {
	for mode, extensions := range modes {
		for _, early := range []bool{false, true} {
			for _, sticky := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/early %v/sticky %v", mode, early, sticky), func(t *testing.T) {
					t.Parallel()
					rapid.Check(t, func(rt *rapid.T) {
						const n = 12
						verbs := rapid.SliceOfN(rapid.SampledFrom([]string{"", "", "mail", "rcpt", "data", "dot"}), n, n).Draw(rt, "refused at")
						if strings.Contains(mode, "chunking") {
							for i := range verbs {
								verbs[i] = strings.ReplaceAll(verbs[i], "data", "dot")
							}
						}
						current := -1 // whose transaction it is, by the SIZE-free MAIL line
						server := smtptest.Start(t, smtptest.Options{Extensions: extensions, EarlyGo: early, Sticky: sticky,
							Script: func(s smtptest.Step) *smtptest.Action {
								if s.Verb == "mail" {
									_, _ = fmt.Sscanf(s.Line, "MAIL FROM:<from%d@", &current)
								}
								if current >= 0 && current < n && s.Verb != "" && verbs[current] == s.Verb {
									return &smtptest.Action{Reply: "550 5.3.0 refused " + s.Verb}
								}
								return nil
							}})
						defer server.Close()
						p := newPool(t, server, nil)
						defer p.Close()
						all := envelopes(n)
						for i := range all {
							all[i].From = fmt.Sprintf("from%d@example.com", i)
						}
						for i, r := range p.SendAll(t.Context(), all) {
							id := fmt.Sprint(i)
							if verbs[i] == "" {
								if r.Outcome != Sent || server.Copies(all[i].To, id) != 1 {
									rt.Fatalf("message %d: %s, %d copies; refused: %q; %q", i, r, server.Copies(all[i].To, id), verbs, server.Commands())
								}
								continue
							}
							want := fmt.Sprintf("permanent at %s: 550 5.3.0 refused %s", verbs[i], verbs[i])
							if r.String() != want || server.Copies(all[i].To, id) != 0 {
								rt.Fatalf("message %d: %s, not %s; %d copies", i, r, want, server.Copies(all[i].To, id))
							}
						}
						if !sticky && server.Connections() != 1 || len(server.Messages()) != strings.Count(strings.Join(verbs, ",")+",", ",")-refused(verbs) {
							rt.Fatalf("%d connections, %d messages; refused: %q", server.Connections(), len(server.Messages()), verbs)
						}
					})
				})
			}
		}
	}
}

func refused(verbs []string) (n int) {
	for _, v := range verbs {
		if v != "" {
			n++
		}
	}
	return n
}

// counted counts the writes of a connection: each is a round trip at worst.
type counted struct {
	net.Conn
	writes *atomic.Int64
}

func (c counted) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}

func TestRoundTrips(t *testing.T) {
	const n = 20
	for _, test := range []struct {
		extensions []string
		want       int64
	}{
		{nil, 2 + 4*n},                                  // EHLO, asked twice because it says nothing; MAIL, RCPT, DATA, body
		{[]string{"CHUNKING"}, 1 + 3*n},                 // EHLO; MAIL, RCPT, BDAT
		{[]string{"PIPELINING"}, 1 + 1 + n},             // EHLO; the first opening; each body with the next opening
		{[]string{"PIPELINING", "CHUNKING"}, 1 + 1 + n}, // the same
	} {
		server := smtptest.Start(t, smtptest.Options{Extensions: test.extensions})
		var writes atomic.Int64
		p := newPool(t, server, func(c *Config) {
			c.Dialer = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, network, address)
				return counted{conn, &writes}, err
			}
		})
		for _, r := range p.SendAll(t.Context(), envelopes(n)) {
			if r.Outcome != Sent {
				t.Errorf("%v: %s", test.extensions, r)
			}
		}
		if got := writes.Load(); got != test.want {
			t.Errorf("%v: %d writes, not %d", test.extensions, got, test.want)
		}
	}
}

// One message per connection has had its dot and no reply; the intents of the
// others come after.
func TestOneUnansweredMessagePerConnection(t *testing.T) {
	for mode, extensions := range modes {
		t.Run(mode, func(t *testing.T) {
			server := smtptest.Start(t, smtptest.Options{Extensions: extensions})
			p := newPool(t, server, func(c *Config) { c.Connections = 3 })
			var mu sync.Mutex
			open, most := 0, 0
			all := envelopes(60)
			for i := range all {
				all[i].Intent = func() error {
					mu.Lock()
					defer mu.Unlock()
					open++
					most = max(most, open)
					return nil
				}
				all[i].Done = func(Result) {
					mu.Lock()
					defer mu.Unlock()
					open--
				}
			}
			p.SendAll(t.Context(), all)
			if most > 3 || open != 0 {
				t.Errorf("up to %d messages unanswered on 3 connections; %d left", most, open)
			}
			if d := server.Duplicates(); d != 0 || len(server.Messages()) != 60 {
				t.Errorf("%d messages, %d second copies", len(server.Messages()), d)
			}
		})
	}
}

func TestIntentRefuses(t *testing.T) {
	full := errors.New("the disk is full")
	for mode, extensions := range modes {
		t.Run(mode, func(t *testing.T) {
			server := smtptest.Start(t, smtptest.Options{Extensions: extensions})
			p := newPool(t, server, nil)
			all := envelopes(5)
			all[1].Intent = func() error { return full }
			all[3].Intent = func() error { return full }
			for i, r := range p.SendAll(t.Context(), all) {
				switch {
				case i%2 == 0 && r.Outcome != Sent:
					t.Errorf("message %d: %s", i, r)
				case i%2 == 1 && (r.String() != "temporary at intent: the disk is full" || !errors.Is(r.Err, full) || r.Provider):
					t.Errorf("message %d: %s", i, r)
				}
			}
			checkOnce(t, server, 0, 2, 4)
			if n := len(server.Messages()); n != 3 {
				t.Errorf("%d messages arrived", n)
			}
		})
	}
}

func TestConnectionsAreReusedAndRetired(t *testing.T) {
	for mode, extensions := range modes {
		t.Run(mode, func(t *testing.T) {
			server := smtptest.Start(t, smtptest.Options{Extensions: extensions})
			p := newPool(t, server, func(c *Config) { c.MessagesPerConnection = 10 })
			for i := range 5 {
				if r := p.Send(t.Context(), envelope(i)); r.Outcome != Sent {
					t.Fatal(r)
				}
			}
			if n := server.Connections(); n != 1 {
				t.Errorf("%d connections for 5 messages", n)
			}
			for _, r := range p.SendAll(t.Context(), envelopes(25)) {
				if r.Outcome != Sent {
					t.Fatal(r)
				}
			}
			if n := server.Connections(); n != 3 {
				t.Errorf("%d connections for 30 messages, not 3", n)
			}
			if s := p.Stats(); s.Sent != 30 || s.Dialled != 3 || s.Active != 0 || s.Idle != 0 {
				t.Errorf("stats %+v", s)
			}
		})
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	server := smtptest.Start(t, smtptest.Options{})
	p := newPool(t, server, func(c *Config) { c.IdleTimeout = time.Millisecond })
	if r := p.Send(t.Context(), envelope(1)); r.Outcome != Sent {
		t.Fatal(r)
	}
	<-server.Closed()
	if commands := server.Commands(); commands[len(commands)-1] != "QUIT" {
		t.Errorf("the last command is %q", commands)
	}
	if r := p.Send(t.Context(), envelope(2)); r.Outcome != Sent {
		t.Fatal(r)
	}
}

// A server that hangs up on an idle connection, with a word or without, costs
// nothing but a new connection.
func TestStaleConnection(t *testing.T) {
	for mode, extensions := range modes {
		for name, action := range map[string]smtptest.Action{
			"hangs up": {Drop: true}, "says so": {Reply: "421 4.4.2 idle timeout, closing"},
			"has had enough": {Reply: "421 4.7.0 too many messages in this session"},
		} {
			t.Run(mode+"/"+name, func(t *testing.T) {
				server := smtptest.Start(t, smtptest.Options{Extensions: extensions, Script: func(s smtptest.Step) *smtptest.Action {
					if s.Verb == "mail" && s.Connection == 1 && s.Message == 3 {
						return &action
					}
					return nil
				}})
				p := newPool(t, server, nil)
				for i := range 2 {
					if r := p.Send(t.Context(), envelope(i)); r.Outcome != Sent {
						t.Fatal(r)
					}
				}
				for _, r := range p.SendAll(t.Context(), envelopes(5)[2:]) {
					if r.Outcome != Sent {
						t.Error(r)
					}
				}
				checkOnce(t, server, 0, 1, 2, 3, 4)
				if n := server.Connections(); n != 2 {
					t.Errorf("%d connections", n)
				}
			})
		}
	}
}

// Once it is closed, a pool sends nothing; what was under way is in doubt.
func TestClose(t *testing.T) {
	server := smtptest.Start(t, smtptest.Options{Extensions: modes["pipelining"],
		Script: smtptest.At("dot", smtptest.Action{Hang: true, Keep: true})})
	p := newPool(t, server, nil)
	all := envelopes(3)
	all[0].Intent = func() error { go p.Close(); return nil }
	got := p.SendAll(t.Context(), all)
	if got[0].Outcome != Unknown && got[0].Outcome != Temporary { // Close may come before the dot is written
		t.Errorf("message 0: %s", got[0])
	}
	for i, r := range got[1:] {
		if r.String() != "temporary: the mail connections are closed" || !errors.Is(r.Err, ErrClosed) {
			t.Errorf("message %d: %s", i+1, r)
		}
	}
	if r := p.Send(t.Context(), envelope(4)); !errors.Is(r.Err, ErrClosed) {
		t.Errorf("after close: %s", r)
	}
}

// When a server takes fewer connections than configured, those it takes do all
// the work.
func TestServerLimitsConnections(t *testing.T) {
	server := smtptest.Start(t, smtptest.Options{Extensions: modes["pipelining"], Script: func(s smtptest.Step) *smtptest.Action {
		if s.Verb == "connect" && s.Connection > 2 {
			return &smtptest.Action{Reply: "421 4.7.0 too many connections"}
		}
		return nil
	}})
	p := newPool(t, server, func(c *Config) { c.Connections = 8 })
	sent := 0
	for _, r := range p.SendAll(t.Context(), envelopes(100)) {
		if r.Outcome == Sent {
			sent++
		} else if r.Outcome != Throttled || !r.Provider {
			t.Error(r)
		}
	}
	if sent < 90 || server.Duplicates() != 0 {
		t.Errorf("%d sent, %d second copies", sent, server.Duplicates())
	}
}

func TestWhatTheServerCannotTake(t *testing.T) {
	server := smtptest.Start(t, smtptest.Options{Extensions: []string{"PIPELINING"}})
	p := newPool(t, server, nil)
	all := envelopes(6)
	all[1].UTF8, all[1].To = true, "jürgen@example.org"
	all[2].Data = []byte("Subject: x\r\n\r\nGröße\r\n")
	all[3].To = "a@b>\r\nRCPT TO:<c@d"
	all[4].From = "a b@example.com"
	want := []string{"", "permanent at mail: the address needs SMTPUTF8, which the server does not offer",
		"permanent at mail: the message has 8-bit bytes and the server does not offer 8BITMIME",
		"permanent at rcpt: the address cannot be written in SMTP",
		"permanent at mail: the return path cannot be written in SMTP", ""}
	for i, r := range p.SendAll(t.Context(), all) {
		if want[i] == "" && r.Outcome != Sent || want[i] != "" && r.String() != want[i] || r.BadAddress != (i == 3) {
			t.Errorf("message %d: %s (bad address %v)", i, r, r.BadAddress)
		}
	}
	checkOnce(t, server, 0, 5)

	server = smtptest.Start(t, smtptest.Options{Extensions: []string{"8BITMIME", "SMTPUTF8", "SIZE"}})
	p = newPool(t, server, nil)
	for i, r := range p.SendAll(t.Context(), all[1:3]) {
		if r.Outcome != Sent {
			t.Errorf("message %d: %s", i, r)
		}
	}
	commands := strings.Join(server.Commands(), "\n")
	for _, line := range []string{"MAIL FROM:<bounce@example.com> BODY=8BITMIME SIZE=23", "SMTPUTF8\nRCPT TO:<jürgen@example.org>"} {
		if !strings.Contains(commands, line) {
			t.Errorf("no %q in\n%s", line, commands)
		}
	}
}

// Data that is not as package mime writes it still arrives as one message.
func TestDotsAndBareLineEndings(t *testing.T) {
	for mode, extensions := range modes {
		server := smtptest.Start(t, smtptest.Options{Extensions: extensions})
		p := newPool(t, server, nil)
		e := envelope(1)
		e.Data = []byte("Subject: x\n\n.\n..\r\n.x\rMAIL FROM:<y>")
		if r := p.Send(t.Context(), e); r.Outcome != Sent {
			t.Error(r)
		}
		want := "Subject: x\r\n\r\n.\r\n..\r\n.x\r\nMAIL FROM:<y>\r\n"
		if m := server.Messages(); len(m) != 1 || string(m[0].Data) != want {
			t.Errorf("%s: %v", mode, m)
		}
	}
}

func TestConfigCheck(t *testing.T) {
	for _, test := range []struct {
		config Config
		want   string
	}{
		{Config{Host: "mx.example"}, ""},
		{Config{}, "smtp: no host given"},
		{Config{Host: "mx.example", Port: 70000}, "smtp mx.example: port 70000 does not exist"},
		{Config{Host: "mx.example", TLS: "ssl"}, `smtp mx.example: tls "ssl" is not one of starttls, implicit, none`},
		{Config{Host: "mx.example", Auth: "ntlm"}, `smtp mx.example: auth "ntlm" is not one of auto, plain, login, cram-md5, xoauth2`},
		{Config{Host: "mx.example", HelloName: "a b"}, `smtp mx.example: hello name "a b" may not contain blanks`},
	} {
		got := ""
		if err := test.config.Check(); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
	p := NewPool(Config{Host: "127.0.0.1", Port: 1, TLS: "ssl"}, nil)
	defer p.Close()
	want := `temporary at connect: smtp 127.0.0.1: tls "ssl" is not one of starttls, implicit, none`
	if r := p.Send(t.Context(), envelope(1)); r.String() != want || !r.Provider {
		t.Errorf("got  %s\nwant %s", r, want)
	}
	for tls, port := range map[string]int{"": 587, StartTLS: 587, Implicit: 465, Plain: 25} {
		if got := (Config{Host: "x", TLS: tls}).withDefaults().Port; got != port {
			t.Errorf("tls %q: port %d", tls, got)
		}
	}
}
