package smtp

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/wneessen/go-mail"
	gosmtp "github.com/wneessen/go-mail/smtp"
)

// past is a deadline that has passed: it ends what a connection waits for.
var past = time.Unix(1, 0)

// watched is the TCP connection under go-mail's client. It knows how far the
// sign-in has come, which go-mail's errors do not say, can be cut off for good
// at any moment, and can be closed when go-mail gives up, which it forgets.
type watched struct {
	net.Conn
	stage string // only the dialling goroutine looks

	mu  sync.Mutex
	cut bool
}

func (w *watched) Write(p []byte) (int, error) {
	switch {
	case w.stage == VerbConnect:
		w.stage = VerbEHLO
	case w.stage == VerbEHLO && strings.HasPrefix(string(p[:min(len(p), 8)]), "STARTTLS"):
		w.stage = VerbStartTLS
	}
	return w.Conn.Write(p)
}

// SetDeadline does nothing after cutOff: no later deadline can bring a
// connection back that a cancelled context has ended.
func (w *watched) SetDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut {
		t = past
	}
	return w.Conn.SetDeadline(t)
}

func (w *watched) cutOff() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = true
	_ = w.Conn.SetDeadline(past) // a closed connection is cut off already
}

func (w *watched) isCut() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cut
}

// dialError is a connection that did not come about.
type dialError struct {
	result Result
}

func (e *dialError) Error() string { return e.result.String() }

// attempt is one try to connect.
type attempt struct {
	config Config
	ctx    context.Context
	tcp    *watched    // nil until TCP is connected
	opened bool        // TCP and implicit TLS are done, the greeting is next
	stop   func() bool // stops watching ctx
	auth   *chooser
}

// dial opens a connection that is ready for mail: greeted, encrypted, signed in.
func (p *Pool) dial(ctx context.Context) (*conn, *dialError) {
	a := &attempt{config: p.config, ctx: ctx, stop: func() bool { return true }}
	a.auth = &chooser{config: p.config, begun: func() { a.tcp.stage = VerbAuth }}
	client, err := a.connect()
	var offers extensions
	if err == nil {
		offers, err = extensionsOf(client, p.config.HelloName, p.config.CommandTimeout)
	}
	if !a.stop() && err == nil {
		err = context.Cause(ctx) // it ended just now, and the connection with it
	}
	if err != nil {
		if a.tcp != nil {
			_ = a.tcp.Close() // it failed: there is nothing left to lose
		}
		return nil, &dialError{result: a.result(err)}
	}
	return newConn(client, a.tcp, offers), nil
}

func (a *attempt) connect() (*gosmtp.Client, error) {
	if err := a.config.Check(); err != nil {
		return nil, err // a misspelt tls must not come to mean none
	}
	options := []mail.Option{
		mail.WithPort(a.config.Port),
		mail.WithHELO(a.config.HelloName),
		mail.WithTimeout(a.config.CommandTimeout),
		mail.WithTLSConfig(a.config.tlsConfig()),
		mail.WithDialContextFunc(a.open),
	}
	switch a.config.TLS {
	case Implicit:
		options = append(options, mail.WithSSL())
	case StartTLS:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	default:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	}
	if a.config.Username != "" {
		options = append(options, mail.WithSMTPAuthCustom(a.auth))
	}
	// A client for each connection: it holds the state of a sign-in.
	client, err := mail.NewClient(a.config.Host, options...)
	if err != nil {
		return nil, err
	}
	return client.DialToSMTPClientWithContext(a.ctx)
}

// open connects and, with implicit TLS, shakes hands: go-mail does not do so
// over a dialler that is not its own. What follows, go-mail's hello and sign-in,
// knows no context: the connection is cut off for it when ours ends. (Not when
// the one passed in does: go-mail cancels that as soon as it returns.)
func (a *attempt) open(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, a.config.ConnectTimeout)
	defer cancel()
	raw, err := a.config.Dialer(ctx, network, address)
	if err != nil {
		return nil, err
	}
	a.tcp = &watched{Conn: raw, stage: VerbConnect}
	var opened net.Conn = a.tcp
	if a.config.TLS == Implicit {
		secure := tls.Client(a.tcp, a.config.tlsConfig())
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		a.tcp.stage = VerbConnect // the handshake wrote, but not EHLO
		opened = secure
	}
	a.opened = true
	a.stop = context.AfterFunc(a.ctx, a.tcp.cutOff)
	return opened, nil
}

// result says what a failed connection means for the message that needed it.
func (a *attempt) result(err error) Result {
	verb, limit := VerbConnect, a.config.CommandTimeout
	if a.opened {
		verb = a.tcp.stage
	} else {
		limit = min(limit, a.config.ConnectTimeout)
	}
	if cause := context.Cause(a.ctx); cause != nil {
		return Result{Outcome: Temporary, Verb: verb, Text: printable(cause.Error()), Err: cause}
	}
	text := describe(err, limit)
	if a.auth.refused != nil {
		text = a.auth.refused.Error()
	} else if r, ok := replyOf(err); ok {
		return resultOf(verb, r)
	}
	if strings.Contains(text, "does not support STARTTLS") {
		verb, text = VerbStartTLS, "the server does not offer STARTTLS: use tls: implicit, or none on a trusted network"
	}
	return Result{
		Outcome: Temporary, Provider: true, Verb: verb, Text: text,
		Err: fmt.Errorf("smtp %s: %s: %w", a.config.address(), verb, err),
	}
}

func (c Config) tlsConfig() *tls.Config {
	return &tls.Config{
		ServerName:         c.Host,
		RootCAs:            c.RootCAs,
		InsecureSkipVerify: c.InsecureSkipVerify,
		MinVersion:         tls.VersionTLS12,
	}
}
