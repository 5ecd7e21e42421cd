package smtptest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"strconv"
	"strings"
)

// session is one connection.
type session struct {
	server *Server
	conn   net.Conn
	number int
	r      *bufio.Reader
	w      *bufio.Writer

	secure bool
	signed bool
	from   string
	mail   bool // a transaction is open
	to     []string
	latest string // recipient, accepted or not
	chunks []byte // of BDAT, until the last
}

func newSession(s *Server, c net.Conn, n int) *session {
	_, secure := c.(*tls.Conn)
	return &session{server: s, conn: c, number: n, secure: secure,
		r: bufio.NewReaderSize(c, 64<<10), w: bufio.NewWriter(c)}
}

// reply answers; replies are held back while more commands are waiting, as
// servers with PIPELINING do.
func (s *session) reply(lines string) {
	_, _ = s.w.WriteString(strings.ReplaceAll(lines, "\n", "\r\n") + "\r\n") // Flush tells
	if s.r.Buffered() == 0 {
		_ = s.w.Flush()
	}
}

// act asks the script; it reports whether the usual answer is off, and whether
// the connection goes on.
func (s *session) act(verb, line string) (instead, alive bool) {
	a := s.ask(verb, line)
	if a == nil {
		return false, true
	}
	return true, s.do(a)
}

func (s *session) ask(verb, line string) *Action {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if s.server.options.Script == nil {
		return nil
	}
	return s.server.options.Script(Step{Verb: verb, Line: line, Connection: s.number,
		Message: s.server.mails, To: s.latest})
}

func (s *session) do(a *Action) (alive bool) {
	switch {
	case a.Hang:
		_ = s.w.Flush()
		<-s.server.done
		return false
	case a.Drop:
		_ = s.w.Flush()
		return false
	}
	s.reply(a.Reply)
	if strings.HasPrefix(a.Reply, "421") {
		_ = s.w.Flush()
		return false
	}
	return true
}

func (s *session) serve() {
	if t, ok := s.conn.(*tls.Conn); ok && t.Handshake() != nil {
		return
	}
	instead, alive := s.act("connect", "")
	if !alive {
		return
	}
	if !instead {
		s.reply("220 smtptest ESMTP")
	}
	for {
		line, err := s.r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		word, rest, _ := strings.Cut(line, " ")
		verb := strings.ToLower(word)
		if verb == "auth" {
			s.note("AUTH " + strings.SplitN(rest, " ", 2)[0])
		} else {
			s.note(line)
		}
		if !s.command(verb, rest, line) {
			_ = s.w.Flush()
			return
		}
	}
}

func (s *session) note(line string) {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.commands = append(s.server.commands, line)
}

// command runs one command and reports whether the connection goes on.
func (s *session) command(verb, rest, line string) bool {
	switch verb {
	case "helo":
		verb = "ehlo"
	case "mail":
		s.server.mu.Lock()
		s.server.mails++
		s.server.mu.Unlock()
	case "rcpt":
		s.latest = path(rest)
	case "bdat":
		return s.bdat(rest)
	}
	if instead, alive := s.act(verb, line); instead {
		return alive
	}
	switch verb {
	case "ehlo":
		s.reply(s.greeting())
	case "starttls":
		return s.startTLS()
	case "auth":
		return s.auth(rest)
	case "mail":
		if s.mail {
			s.reply("503 5.5.1 nested MAIL command")
			return true
		}
		if len(s.server.options.Mechanisms) > 0 && !s.signed {
			s.reply("530 5.7.0 authentication required")
			return true
		}
		s.mail, s.from, s.to, s.chunks = true, path(rest), nil, nil
		s.reply("250 2.1.0 sender ok")
	case "rcpt":
		if !s.mail {
			s.reply("503 5.5.1 need MAIL before RCPT")
			return true
		}
		s.to = append(s.to, s.latest)
		s.reply("250 2.1.5 recipient ok")
	case "data":
		return s.data()
	case "rset":
		s.reset()
		s.reply("250 2.0.0 reset")
	case "noop":
		s.reply("250 2.0.0 ok")
	case "quit":
		s.reply("221 2.0.0 bye")
		return false
	default:
		s.reply("500 5.5.2 unknown command")
	}
	return true
}

func (s *session) greeting() string {
	lines := []string{"250-smtptest greets you"}
	o := s.server.options
	for _, e := range o.Extensions {
		lines = append(lines, "250-"+e)
	}
	if o.TLS != nil && !s.secure {
		lines = append(lines, "250-STARTTLS")
	}
	if len(o.Mechanisms) > 0 {
		lines = append(lines, "250-AUTH "+strings.Join(o.Mechanisms, " "))
	}
	return strings.Join(append(lines, "250 HELP"), "\n")
}

func (s *session) startTLS() bool {
	if s.server.options.TLS == nil {
		s.reply("502 5.5.1 no tls here")
		return true
	}
	s.reply("220 2.0.0 go ahead")
	_ = s.w.Flush()
	t := tls.Server(s.conn, s.server.options.TLS)
	if t.Handshake() != nil {
		return false
	}
	s.conn, s.secure = t, true
	s.r, s.w = bufio.NewReaderSize(t, 64<<10), bufio.NewWriter(t)
	return true
}

func (s *session) reset() { s.mail, s.to, s.chunks = false, nil, nil }

func (s *session) data() bool {
	if !s.mail {
		s.reply("503 5.5.1 need MAIL before DATA")
		return true
	}
	if len(s.to) == 0 && !s.server.options.EarlyGo {
		s.reply("554 5.5.1 no valid recipients")
		return true
	}
	s.reply("354 end with a dot")
	_ = s.w.Flush()
	if instead, alive := s.act("body", ""); instead && !alive {
		return false
	}
	var body bytes.Buffer
	for {
		line, err := s.r.ReadBytes('\n')
		if err != nil {
			return false
		}
		if string(line) == ".\r\n" {
			break
		}
		body.Write(bytes.TrimPrefix(line, []byte(".")))
	}
	return s.dot(body.Bytes())
}

func (s *session) bdat(rest string) bool {
	size, last, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(size)
	if err != nil || n < 0 {
		s.reply("501 5.5.4 bad size")
		return false
	}
	chunk := make([]byte, n)
	if _, err := io.ReadFull(s.r, chunk); err != nil {
		return false
	}
	if len(s.to) == 0 {
		s.reply("503 5.5.1 no valid recipients")
		return true
	}
	s.chunks = append(s.chunks, chunk...)
	if !strings.EqualFold(last, "LAST") {
		s.reply("250 2.0.0 chunk ok")
		return true
	}
	return s.dot(s.chunks)
}

// dot ends a message.
func (s *session) dot(data []byte) bool {
	if len(s.to) == 0 {
		s.reset()
		s.reply("554 5.5.1 no valid recipients")
		return true
	}
	a := s.ask("dot", "")
	if a == nil || a.Keep || strings.HasPrefix(a.Reply, "2") {
		for _, to := range s.to {
			s.server.keep(Message{From: s.from, To: to, Data: bytes.Clone(data), Connection: s.number})
		}
	}
	if a == nil {
		s.reset()
		s.reply("250 2.0.0 ok queued as T" + strconv.Itoa(len(s.server.Messages())))
		return true
	}
	if !s.server.options.Sticky {
		s.reset()
	}
	return s.do(a)
}

// path takes the address out of "FROM:<a@b> SIZE=1".
func path(s string) string {
	_, s, _ = strings.Cut(s, "<")
	at := strings.LastIndexByte(s, '>')
	if at < 0 {
		return s
	}
	return s[:at]
}
