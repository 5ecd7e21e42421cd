package smtp

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	gosmtp "github.com/wneessen/go-mail/smtp"
)

// mechanisms are the ways to sign in, by their names in a configuration.
var mechanisms = map[string]string{
	"plain": "PLAIN", "login": "LOGIN", "cram-md5": "CRAM-MD5", "xoauth2": "XOAUTH2",
}

// Over TLS the password is safe and PLAIN the one that every server has tested;
// without, CRAM-MD5 at least does not show it. XOAUTH2 comes last, because its
// password is a token: it is meant when nothing else is offered.
var (
	preferTLS   = []string{"PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"}
	preferPlain = []string{"CRAM-MD5", "PLAIN", "LOGIN"}
)

// chooser signs in with the mechanism that is configured, or with the best one
// offered; go-mail's own discovery knows neither XOAUTH2 nor a preference. It
// serves one connection.
type chooser struct {
	config  Config
	begun   func() // told when signing in starts
	chosen  gosmtp.Auth
	refused error
}

func (c *chooser) Start(server *gosmtp.ServerInfo) (string, []byte, error) {
	c.begun()
	mechanism, err := c.choose(server)
	if err != nil {
		c.refused = err
		return "", nil, err
	}
	user, password, host := c.config.Username, c.config.Password, server.Name
	switch mechanism {
	case "PLAIN":
		c.chosen = gosmtp.PlainAuth("", user, password, host, false)
	case "LOGIN":
		c.chosen = gosmtp.LoginAuth(user, password, host, false)
	case "CRAM-MD5":
		c.chosen = gosmtp.CRAMMD5Auth(user, password)
	default:
		c.chosen = gosmtp.XOAuth2Auth(user, password)
	}
	return c.chosen.Start(server)
}

func (c *chooser) Next(fromServer []byte, more bool) ([]byte, error) {
	return c.chosen.Next(fromServer, more)
}

func (c *chooser) choose(server *gosmtp.ServerInfo) (string, error) {
	safe := server.TLS || loopback(server.Name)
	if len(server.Auth) == 0 {
		return "", errors.New("the server offers no sign-in: remove the username, or check port and tls")
	}
	if wanted, fixed := mechanisms[c.config.Auth]; fixed {
		if !offers(server.Auth, wanted) {
			return "", fmt.Errorf("the server does not offer auth %s, only %s", wanted, strings.Join(server.Auth, " "))
		}
		if !safe && wanted != "CRAM-MD5" {
			return "", fmt.Errorf("auth %s would send the password unencrypted: use tls: starttls or implicit", wanted)
		}
		return wanted, nil
	}
	prefer := preferTLS
	if !server.TLS {
		prefer = preferPlain
	}
	for _, m := range prefer {
		if offers(server.Auth, m) && (safe || m == "CRAM-MD5") {
			return m, nil
		}
	}
	if !safe {
		return "", errors.New("the password would be sent unencrypted: use tls: starttls or implicit")
	}
	return "", fmt.Errorf("the server offers only auth %s: none of these is supported", strings.Join(server.Auth, " "))
}

func offers(list []string, mechanism string) bool {
	return slices.ContainsFunc(list, func(m string) bool { return strings.EqualFold(m, mechanism) })
}

func loopback(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}
