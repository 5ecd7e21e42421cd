package smtptest

import (
	"bytes"
	"crypto/tls"
	"net"
	"net/mail"
	"slices"
	"strconv"
	"sync"
	"testing"
)

// Verbs a [Step] can be at. "connect" is the greeting, "body" the moment after
// a 354 was sent and before the body is read, "dot" the final dot or the last
// BDAT.
var Verbs = []string{"connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "body", "dot", "rset", "quit"}

// Step is a moment in a conversation.
type Step struct {
	Verb       string
	Line       string // the command as it came
	Connection int    // counted from 1
	Message    int    // MAIL commands so far on this server, this one included
	To         string // the latest recipient
}

// Action is what the server does at a step instead of going on as usual.
type Action struct {
	Reply string // one or more lines, such as "450 4.2.0 later"; CRLF is added
	Hang  bool   // answers nothing more on this connection
	Drop  bool   // closes the connection
	Keep  bool   // at "dot", with Hang or Drop: keeps the message all the same
}

// Options say what the server is like. The zero value takes everything, in
// plain text and step by step.
type Options struct {
	Extensions []string // offered by EHLO, such as "PIPELINING" or "SIZE 1000000"

	TLS      *tls.Config // offers STARTTLS
	Implicit bool        // TLS from the first byte instead

	Mechanisms         []string // AUTH: PLAIN, LOGIN, CRAM-MD5, XOAUTH2
	Username, Password string

	// Script is asked at every step; nil, or a nil answer, goes on as usual.
	// It is called by one goroutine at a time.
	Script func(Step) *Action

	// EarlyGo answers DATA with 354 even if no recipient was accepted, as
	// RFC 2920 3.1 allows, and refuses the message after its dot.
	EarlyGo bool
	// Sticky keeps the transaction open after a refused body until RSET, as
	// RFC 3030 4.2 lets a server do.
	Sticky bool
}

// Message is one copy of a message that the server took.
type Message struct {
	From, To   string
	RapportID  string // the header X-Rapport-Id
	Data       []byte // without dot-stuffing
	Connection int
}

// Server is a running mail server.
type Server struct {
	Host string
	Port int

	options  Options
	listener net.Listener
	done     chan struct{}
	running  sync.WaitGroup

	mu          sync.Mutex
	open        map[net.Conn]struct{}
	connections int
	mails       int
	commands    []string
	messages    []Message
	closed      chan int // numbers of connections that ended
}

// Start starts a server that ends with the test.
func Start(t testing.TB, options Options) *Server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("smtptest: %v", err)
	}
	s := &Server{
		Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port,
		options: options, listener: listener, done: make(chan struct{}),
		open: map[net.Conn]struct{}{}, closed: make(chan int, 10_000),
	}
	s.running.Go(s.accept)
	t.Cleanup(s.Close)
	return s
}

// Close ends the server and all its connections. It may be called twice.
func (s *Server) Close() {
	s.mu.Lock()
	select {
	case <-s.done:
		s.mu.Unlock()
		return
	default:
	}
	close(s.done)
	_ = s.listener.Close() // a test server has nobody to tell
	for c := range s.open {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		select {
		case <-s.done:
			s.mu.Unlock()
			_ = c.Close()
			return
		default:
		}
		s.connections++
		n := s.connections
		s.open[c] = struct{}{}
		s.mu.Unlock()
		s.running.Go(func() {
			if s.options.Implicit {
				newSession(s, tls.Server(c, s.options.TLS), n).serve()
			} else {
				newSession(s, c, n).serve()
			}
			_ = c.Close()
			s.mu.Lock()
			delete(s.open, c)
			s.mu.Unlock()
			s.closed <- n
		})
	}
}

// Address is host:port.
func (s *Server) Address() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// Closed delivers the number of each connection that has ended.
func (s *Server) Closed() <-chan int { return s.closed }

// Connections returns how many connections were made so far.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connections
}

// Commands returns the commands of all connections in the order they came,
// without what followed AUTH.
func (s *Server) Commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.commands)
}

// Messages returns every copy that was taken, in order.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Copies returns how many copies of the message with this X-Rapport-Id a
// recipient got.
func (s *Server) Copies(to, rapportID string) int {
	n := 0
	for _, m := range s.Messages() {
		if m.To == to && m.RapportID == rapportID {
			n++
		}
	}
	return n
}

// Duplicates returns how many copies there are beyond the first of each
// recipient and X-Rapport-Id.
func (s *Server) Duplicates() int {
	seen := map[[2]string]bool{}
	n := 0
	for _, m := range s.Messages() {
		key := [2]string{m.To, m.RapportID}
		if seen[key] {
			n++
		}
		seen[key] = true
	}
	return n
}

func (s *Server) keep(m Message) {
	if parsed, err := mail.ReadMessage(bytes.NewReader(m.Data)); err == nil {
		m.RapportID = parsed.Header.Get("X-Rapport-Id")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, m)
}

// At is a script that does one thing at a verb, every time.
func At(verb string, a Action) func(Step) *Action {
	return func(s Step) *Action {
		if s.Verb == verb {
			return &a
		}
		return nil
	}
}

// Once is a script that does one thing the first time a verb comes.
func Once(verb string, a Action) func(Step) *Action {
	done := false
	return func(s Step) *Action {
		if s.Verb != verb || done {
			return nil
		}
		done = true
		return &a
	}
}
