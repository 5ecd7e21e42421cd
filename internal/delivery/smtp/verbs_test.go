package smtp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"rapport/internal/delivery/smtp/smtptest"
)

// short is how long tests wait for a server that will not answer.
const short = 250 * time.Millisecond

// envelope is the n-th test message.
func envelope(n int) Envelope {
	to := fmt.Sprintf("to%d@example.org", n)
	return Envelope{From: "bounce@example.com", To: to, Data: fmt.Appendf(nil,
		"From: a@example.com\r\nTo: %s\r\nX-Rapport-Id: %d\r\nSubject: test\r\n\r\nHello\r\n=2Edot\r\n", to, n)}
}

func envelopes(n int) []Envelope {
	all := make([]Envelope, n)
	for i := range all {
		all[i] = envelope(i)
	}
	return all
}

func newPool(t *testing.T, s *smtptest.Server, change func(*Config)) *Pool {
	t.Helper()
	config := Config{Host: s.Host, Port: s.Port, TLS: Plain, Connections: 1, HelloName: "test.example",
		ConnectTimeout: 20 * time.Second, CommandTimeout: 20 * time.Second, DataTimeout: 20 * time.Second}
	if change != nil {
		change(&config)
	}
	if err := config.Check(); err != nil {
		t.Fatal(err)
	}
	p := NewPool(config, nil)
	t.Cleanup(p.Close)
	return p
}

// checkOnce fails unless the server has exactly one copy of each message named.
func checkOnce(t *testing.T, s *smtptest.Server, numbers ...int) {
	t.Helper()
	for _, n := range numbers {
		if got := s.Copies(fmt.Sprintf("to%d@example.org", n), fmt.Sprint(n)); got != 1 {
			t.Errorf("message %d arrived %d times", n, got)
		}
	}
	if d := s.Duplicates(); d != 0 {
		t.Errorf("%d second copies", d)
	}
}

var modes = map[string][]string{
	"plain":                   nil,
	"pipelining":              {"PIPELINING", "8BITMIME"},
	"chunking":                {"CHUNKING", "8BITMIME"},
	"pipelining and chunking": {"PIPELINING", "CHUNKING", "8BITMIME", "SIZE 10000000"},
}

// Every verb, each way to fail, each way to write: the result in its exact
// words, and the next message unharmed.
func TestEveryVerbEveryFailure(t *testing.T) {
	certificate, pool := selfSigned(t)
	reply4 := smtptest.Action{Reply: "451 4.3.0 not now"}
	reply5 := smtptest.Action{Reply: "554 5.3.0 not ever"}
	reply421 := smtptest.Action{Reply: "421 4.3.2 going down"}
	hang := smtptest.Action{Hang: true}
	drop := smtptest.Action{Drop: true}
	const (
		silence = "no answer within 250ms"
		gone    = "the server closed the connection"
	)
	tests := []struct {
		verb     string
		action   smtptest.Action
		want     string
		provider bool
	}{
		{"connect", reply4, "temporary at connect: 451 4.3.0 not now", true},
		{"connect", reply5, "temporary at connect: 554 5.3.0 not ever", true},
		{"connect", reply421, "throttled at connect: 421 4.3.2 going down", true},
		{"connect", hang, "temporary at connect: " + silence, true},
		{"connect", drop, "temporary at connect: " + gone, true},
		{"ehlo", reply4, "temporary at ehlo: 451 4.3.0 not now", true},
		{"ehlo", reply5, "temporary at ehlo: 554 5.3.0 not ever", true},
		{"ehlo", reply421, "throttled at ehlo: 421 4.3.2 going down", true},
		{"ehlo", hang, "temporary at ehlo: " + silence, true},
		{"ehlo", drop, "temporary at ehlo: " + gone, true},
		{"starttls", reply4, "temporary at starttls: 451 4.3.0 not now", true},
		{"starttls", reply5, "temporary at starttls: 554 5.3.0 not ever", true},
		{"starttls", hang, "temporary at starttls: " + silence, true},
		{"starttls", drop, "temporary at starttls: " + gone, true},
		{"auth", reply4, "temporary at auth: 451 4.3.0 not now", true},
		{"auth", reply5, "temporary at auth: 554 5.3.0 not ever", true},
		{"auth", reply421, "throttled at auth: 421 4.3.2 going down", true},
		{"auth", hang, "temporary at auth: " + silence, true},
		{"auth", drop, "temporary at auth: " + gone, true},
		{"mail", reply4, "temporary at mail: 451 4.3.0 not now", false},
		{"mail", reply5, "permanent at mail: 554 5.3.0 not ever", false},
		{"mail", reply421, "throttled at mail: 421 4.3.2 going down", false},
		{"mail", hang, "temporary at mail: " + silence, false},
		{"mail", drop, "temporary at mail: " + gone, false},
		{"rcpt", reply4, "temporary at rcpt: 451 4.3.0 not now", false},
		{"rcpt", reply5, "permanent at rcpt: 554 5.3.0 not ever", false},
		{"rcpt", reply421, "throttled at rcpt: 421 4.3.2 going down", false},
		{"rcpt", hang, "temporary at rcpt: " + silence, false},
		{"rcpt", drop, "temporary at rcpt: " + gone, false},
		{"data", reply4, "temporary at data: 451 4.3.0 not now", false},
		{"data", reply5, "permanent at data: 554 5.3.0 not ever", false},
		{"data", reply421, "throttled at data: 421 4.3.2 going down", false},
		{"data", hang, "temporary at data: " + silence, false},
		{"data", drop, "temporary at data: " + gone, false},
		// After the 354 the dot is on its way whether the server still reads
		// or not: from here there is no telling.
		{"body", hang, "unknown at dot: " + silence, false},
		{"body", drop, "unknown at dot: " + gone, false},
		{"dot", reply4, "temporary at dot: 451 4.3.0 not now", false},
		{"dot", reply5, "permanent at dot: 554 5.3.0 not ever", false},
		{"dot", reply421, "throttled at dot: 421 4.3.2 going down", false},
		{"dot", hang, "unknown at dot: " + silence, false},
		{"dot", drop, "unknown at dot: " + gone, false},
		{"dot", smtptest.Action{Hang: true, Keep: true}, "unknown at dot: " + silence, false},
		{"dot", smtptest.Action{Drop: true, Keep: true}, "unknown at dot: " + gone, false},
		{"dot", smtptest.Action{Reply: "354 what"}, "unknown at dot: 354 unexpected reply 354", false},
		{"data", smtptest.Action{Reply: "250 what"}, "temporary at data: 250 unexpected reply 250", false},
		{"mail", smtptest.Action{Reply: "bonjour"}, `temporary at mail: "bonjour" is no SMTP reply`, false},
		{"dot", smtptest.Action{Reply: "bonjour"}, `unknown at dot: "bonjour" is no SMTP reply`, false},
	}
	for _, test := range tests {
		for mode, extensions := range modes {
			if strings.Contains(mode, "chunking") && (test.verb == "data" || test.verb == "body") {
				continue // there is no DATA
			}
			name := fmt.Sprintf("%s/%s%v%v/%s", test.verb, test.action.Reply, test.action.Hang, test.action.Drop, mode)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				// EHLO comes twice with STARTTLS and HELO follows a refused one:
				// the script is for the whole first connection.
				server := smtptest.Start(t, smtptest.Options{
					Extensions: extensions, Mechanisms: []string{"PLAIN"}, Username: "u", Password: "p",
					TLS: certificate,
					Script: func(s smtptest.Step) *smtptest.Action {
						if s.Verb == test.verb && s.Connection == 1 && s.Message <= 1 {
							return &test.action
						}
						return nil
					},
				})
				p := newPool(t, server, func(c *Config) {
					c.TLS, c.RootCAs = StartTLS, pool
					c.Username, c.Password = "u", "p"
					if test.action.Hang {
						c.CommandTimeout, c.DataTimeout = short, short
					}
				})
				asked := 0
				first := envelope(1)
				first.Intent = func() error { asked++; return nil }
				got := p.Send(t.Context(), first)
				if got.String() != test.want || got.Provider != test.provider || got.BadAddress {
					t.Errorf("got  %s (provider %v, bad address %v)\nwant %s", got, got.Provider, got.BadAddress, test.want)
				}
				if (got.Err == nil) != (got.Code != 0 && !strings.Contains(got.Text, "unexpected")) {
					t.Errorf("code %d with err %v", got.Code, got.Err)
				}
				wantAsked := 0
				if test.verb == "dot" || test.verb == "body" {
					wantAsked = 1
				}
				if asked != wantAsked {
					t.Errorf("intent was asked %d times, not %d", asked, wantAsked)
				}
				if next := p.Send(t.Context(), envelope(2)); next.Outcome != Sent {
					t.Errorf("the message after it: %s", next)
				}
				checkOnce(t, server, 2)
				if kept := server.Copies("to1@example.org", "1"); kept > 1 || kept == 1 && !test.action.Keep {
					t.Errorf("the message arrived %d times", kept)
				}
			})
		}
	}
}

// selfSigned returns a certificate for the loopback address and a pool that
// trusts it.
func selfSigned(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "smtptest"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
}

func TestNobodyListens(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	p := NewPool(Config{Host: "127.0.0.1", Port: port, TLS: Plain}, nil)
	defer p.Close()
	for _, r := range p.SendAll(t.Context(), envelopes(5)) {
		want := fmt.Sprintf("temporary at connect: dial tcp 127.0.0.1:%d: connect: connection refused", port)
		if r.String() != want || !r.Provider {
			t.Errorf("got %s (provider %v)", r, r.Provider)
		}
	}
}

func TestContextEndsBeforeTheDot(t *testing.T) {
	for mode, extensions := range modes {
		for _, verb := range []string{"connect", "ehlo", "mail", "rcpt"} {
			t.Run(mode+"/"+verb, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithCancel(t.Context())
				server := smtptest.Start(t, smtptest.Options{Extensions: extensions,
					Script: func(s smtptest.Step) *smtptest.Action {
						if s.Verb != verb {
							return nil
						}
						cancel()
						return &smtptest.Action{Hang: true}
					}})
				p := newPool(t, server, nil)
				for i, r := range p.SendAll(ctx, envelopes(3)) {
					if r.Outcome != Temporary || !errors.Is(r.Err, context.Canceled) || r.Provider || r.Text != "context canceled" {
						t.Errorf("message %d: %s (err %v)", i, r, r.Err)
					}
				}
			})
		}
	}
}

// What has had its dot is waited for, whatever the context says.
func TestContextEndsAfterTheDot(t *testing.T) {
	for mode, extensions := range modes {
		t.Run(mode, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			server := smtptest.Start(t, smtptest.Options{Extensions: extensions,
				Script: func(s smtptest.Step) *smtptest.Action {
					if s.Verb == "dot" {
						cancel()
					}
					return nil
				}})
			p := newPool(t, server, nil)
			got := p.SendAll(ctx, envelopes(3))
			if got[0].Outcome != Sent {
				t.Errorf("message 0: %s", got[0])
			}
			for i, r := range got[1:] {
				if r.Outcome != Temporary || !errors.Is(r.Err, context.Canceled) {
					t.Errorf("message %d: %s", i+1, r)
				}
			}
			checkOnce(t, server, 0)
			if n := len(server.Messages()); n != 1 {
				t.Errorf("%d messages arrived", n)
			}
		})
	}
}
