package smtp

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	gosmtp "github.com/wneessen/go-mail/smtp"

	"rapport/internal/delivery/smtp/smtptest"
)

var allMechanisms = []string{"XOAUTH2", "CRAM-MD5", "LOGIN", "PLAIN"}

func TestSigningIn(t *testing.T) {
	certificate, pool := selfSigned(t)
	for _, encryption := range []string{StartTLS, Implicit, Plain} {
		for _, test := range []struct {
			auth    string
			offered []string
			used    string
		}{
			{"plain", allMechanisms, "PLAIN"}, {"login", allMechanisms, "LOGIN"},
			{"CRAM-MD5", allMechanisms, "CRAM-MD5"}, {"xoauth2", allMechanisms, "XOAUTH2"},
			{"", allMechanisms, map[bool]string{true: "CRAM-MD5", false: "PLAIN"}[encryption == Plain]},
			{"auto", []string{"LOGIN"}, "LOGIN"},
		} {
			for _, password := range []string{"secret", "wrong"} {
				name := fmt.Sprintf("%s/%s %v/%s", encryption, test.auth, test.offered, password)
				t.Run(name, func(t *testing.T) {
					options := smtptest.Options{Mechanisms: test.offered, Username: "user", Password: "secret",
						TLS: certificate, Implicit: encryption == Implicit, Extensions: modes["pipelining"]}
					if encryption == Plain {
						options.TLS = nil
					}
					server := smtptest.Start(t, options)
					p := newPool(t, server, func(c *Config) {
						c.TLS, c.RootCAs, c.Username, c.Password, c.Auth = encryption, pool, "user", password, test.auth
					})
					got := p.Send(t.Context(), envelope(1))
					if password == "wrong" {
						want := "temporary at auth: 535 5.7.8 authentication credentials invalid"
						if got.String() != want || !got.Provider {
							t.Errorf("got %s (provider %v)", got, got.Provider)
						}
						return
					}
					if got.Outcome != Sent {
						t.Error(got)
					}
					if !slices.Contains(server.Commands(), "AUTH "+test.used) {
						t.Errorf("commands %q", server.Commands())
					}
				})
			}
		}
	}
}

func TestEncryptionThatCannotBe(t *testing.T) {
	certificate, pool := selfSigned(t)
	for _, test := range []struct {
		name    string
		options smtptest.Options
		change  func(*Config)
		want    string
	}{
		{"no STARTTLS", smtptest.Options{}, func(c *Config) { c.TLS = StartTLS },
			"temporary at starttls: the server does not offer STARTTLS: use tls: implicit, or none on a trusted network"},
		{"unknown authority", smtptest.Options{TLS: certificate}, func(c *Config) { c.TLS = StartTLS },
			"temporary at starttls: tls: failed to verify certificate: x509: certificate signed by unknown authority"},
		{"unknown authority, implicit", smtptest.Options{TLS: certificate, Implicit: true}, func(c *Config) { c.TLS = Implicit },
			"temporary at connect: tls: failed to verify certificate: x509: certificate signed by unknown authority"},
		{"no tls at all", smtptest.Options{}, func(c *Config) { c.TLS, c.RootCAs = Implicit, pool },
			"temporary at connect: tls: first record does not look like a TLS handshake"},
		{"no sign-in offered", smtptest.Options{}, func(c *Config) { c.Username = "u" },
			"temporary at auth: the server offers no sign-in: remove the username, or check port and tls"},
		{"other mechanism", smtptest.Options{Mechanisms: []string{"LOGIN"}}, func(c *Config) { c.Username, c.Auth = "u", "plain" },
			"temporary at auth: the server does not offer auth PLAIN, only LOGIN"},
		{"no mechanism of ours", smtptest.Options{Mechanisms: []string{"GSSAPI"}}, func(c *Config) { c.Username = "u" },
			"temporary at auth: the server offers only auth GSSAPI: none of these is supported"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := smtptest.Start(t, test.options)
			p := newPool(t, server, test.change)
			got := p.Send(t.Context(), envelope(1))
			if got.String() != test.want || !got.Provider {
				t.Errorf("got  %s (provider %v)\nwant %s", got, got.Provider, test.want)
			}
			<-server.Closed() // no connection is left behind
		})
	}
}

// A password never leaves unencrypted for another machine.
func TestChoiceOfMechanism(t *testing.T) {
	for _, test := range []struct {
		auth    string
		tls     bool
		host    string
		offered string
		want    string
	}{
		{"auto", true, "mx.example", "CRAM-MD5 LOGIN PLAIN", "PLAIN"},
		{"auto", true, "mx.example", "xoauth2", "XOAUTH2"},
		{"auto", false, "mx.example", "PLAIN LOGIN CRAM-MD5", "CRAM-MD5"},
		{"auto", false, "mx.example", "PLAIN LOGIN", "the password would be sent unencrypted: use tls: starttls or implicit"},
		{"plain", false, "mx.example", "PLAIN", "auth PLAIN would send the password unencrypted: use tls: starttls or implicit"},
		{"xoauth2", false, "mx.example", "XOAUTH2", "auth XOAUTH2 would send the password unencrypted: use tls: starttls or implicit"},
		{"plain", false, "localhost", "PLAIN", "PLAIN"},
	} {
		c := &chooser{config: Config{Auth: test.auth}}
		got, err := c.choose(&gosmtp.ServerInfo{Name: test.host, TLS: test.tls, Auth: strings.Fields(test.offered)})
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s of %s (tls %v, %s): %s, not %s", test.auth, test.offered, test.tls, test.host, got, test.want)
		}
	}
}
