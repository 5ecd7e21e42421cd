package smtp

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// Ways to encrypt.
const (
	StartTLS = "starttls" // RFC 3207, required: a server without it is refused
	Implicit = "implicit" // TLS from the first byte, RFC 8314
	Plain    = "none"
)

// Config says how to reach one provider. The zero value of every field but
// Host has a meaning.
type Config struct {
	Host string
	Port int    // 0: 587 with starttls, 465 with implicit, 25 with none
	TLS  string // "starttls" (default), "implicit" or "none"

	// Without a Username there is no sign-in. Auth is "auto" (default: the
	// best that the server offers), "plain", "login", "cram-md5" or "xoauth2",
	// where the Password is the access token.
	Username, Password, Auth string

	Connections int    // at once; 0 is 4
	HelloName   string // EHLO; empty: this host's name

	// MessagesPerConnection retires a connection; 0 is 500. Servers close
	// ones that stay too long, often without a word.
	MessagesPerConnection int

	// Time-outs; 0 is RFC 5321 4.5.3.2's. ConnectTimeout is for TCP and
	// implicit TLS (30 s), CommandTimeout for the greeting and sign-in as a
	// whole and for each command (5 min), DataTimeout from the first byte of
	// a body to the reply to its dot (10 min). IdleTimeout closes a
	// connection nobody used (30 s: some servers hang up after a minute).
	ConnectTimeout, CommandTimeout, DataTimeout, IdleTimeout time.Duration

	// Patience is how long the reply to a dot is waited for after the context of
	// the send has ended; 0: as long as ever.
	Patience time.Duration

	RootCAs            *x509.CertPool // nil: the system's
	InsecureSkipVerify bool           // for tests

	// Dialer opens the TCP connection; nil: net.Dialer.
	Dialer func(ctx context.Context, network, address string) (net.Conn, error)
}

// withDefaults fills in what was left out.
func (c Config) withDefaults() Config {
	if c.TLS == "" {
		c.TLS = StartTLS
	}
	if c.Port == 0 {
		c.Port = map[string]int{StartTLS: 587, Implicit: 465}[c.TLS]
		if c.Port == 0 {
			c.Port = 25
		}
	}
	if c.Auth == "" {
		c.Auth = "auto"
	}
	c.Auth = strings.ToLower(c.Auth)
	setDefault(&c.Connections, 4)
	setDefault(&c.MessagesPerConnection, 500)
	setDefault(&c.ConnectTimeout, 30*time.Second)
	setDefault(&c.CommandTimeout, 5*time.Minute)
	setDefault(&c.DataTimeout, 10*time.Minute)
	setDefault(&c.IdleTimeout, 30*time.Second)
	if c.HelloName == "" {
		c.HelloName = helloName()
	}
	if c.Dialer == nil {
		c.Dialer = (&net.Dialer{}).DialContext
	}
	return c
}

func setDefault[T int | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

// helloName is this host's name, or its address literal where a server would
// refuse the name (RFC 5321 4.1.4).
func helloName() string {
	name, err := os.Hostname()
	if err != nil || name == "" || strings.ContainsAny(name, " \r\n") {
		return "[127.0.0.1]"
	}
	return name
}

// Check reports what cannot work in a configuration.
func (c Config) Check() error {
	d := c.withDefaults()
	switch {
	case d.Host == "":
		return fmt.Errorf("smtp: no host given")
	case d.Port > 65535 || d.Port < 1:
		return fmt.Errorf("smtp %s: port %d does not exist", d.Host, d.Port)
	case d.TLS != StartTLS && d.TLS != Implicit && d.TLS != Plain:
		return fmt.Errorf("smtp %s: tls %q is not one of starttls, implicit, none", d.Host, d.TLS)
	case strings.ContainsAny(d.HelloName, " \r\n"):
		return fmt.Errorf("smtp %s: hello name %q may not contain blanks", d.Host, d.HelloName)
	}
	if _, ok := mechanisms[d.Auth]; !ok && d.Auth != "auto" {
		return fmt.Errorf("smtp %s: auth %q is not one of auto, plain, login, cram-md5, xoauth2", d.Host, d.Auth)
	}
	return nil
}

func (c Config) address() string { return net.JoinHostPort(c.Host, strconv.Itoa(c.Port)) }
