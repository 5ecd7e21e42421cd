package faults

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/mail"
	"strconv"
	"strings"
	"time"
)

// session is one connection to the receiver.
type session struct {
	receiver             *receiver
	conn                 net.Conn
	pipelining, chunking bool // offered

	in     *bufio.Reader
	out    *bufio.Writer
	from   bool   // a transaction is open
	to     string // its recipient
	chunks []byte // of BDAT, until the last
}

// idle is how long a client may be silent.
const idle = 10 * time.Minute

func (s *session) serve() {
	s.in, s.out = bufio.NewReaderSize(s.conn, 64<<10), bufio.NewWriter(s.conn)
	if alive := s.answer("connect", "220 receiver ESMTP", nothing); !alive {
		return
	}
	for {
		line, err := s.line()
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(strings.TrimRight(string(line), "\r\n"), " ")
		if alive := s.command(strings.ToLower(verb), rest); !alive {
			_ = s.out.Flush() // whoever is gone need not hear it
			return
		}
	}
}

func (s *session) line() ([]byte, error) {
	if s.in.Buffered() == 0 && s.out.Flush() != nil {
		return nil, io.ErrClosedPipe
	}
	if err := s.conn.SetReadDeadline(s.receiver.clock.Now().Add(idle)); err != nil {
		return nil, err
	}
	return s.in.ReadBytes('\n')
}

func (s *session) command(verb, rest string) (alive bool) {
	switch verb {
	case "ehlo", "helo":
		return s.answer("ehlo", s.greeting(), nothing)
	case "mail":
		s.reset()
		s.receiver.wait("mail")
		return s.answer("mail", "250 2.1.0 sender ok", func() { s.from = true })
	case "rcpt":
		if !s.from {
			return s.say("503 5.5.1 need MAIL before RCPT")
		}
		return s.answer("rcpt", "250 2.1.5 recipient ok", func() { s.to = address(rest) })
	case "data":
		if s.to == "" {
			return s.say("554 5.5.1 no valid recipients")
		}
		begun := false
		return s.answer("data", "354 end with a dot", func() { begun = true }) && (!begun || s.data())
	case "bdat":
		return s.bdat(rest)
	case "rset":
		s.reset()
		return s.say("250 2.0.0 reset")
	case "noop":
		return s.say("250 2.0.0 ok")
	case "quit":
		s.say("221 2.0.0 bye")
		return false
	}
	return s.say("500 5.5.2 unknown command")
}

func nothing() {}

func (s *session) greeting() string {
	lines := []string{"250-receiver greets you", "250-8BITMIME", "250-SMTPUTF8"}
	if s.pipelining {
		lines = append(lines, "250-PIPELINING")
	}
	if s.chunking {
		lines = append(lines, "250-CHUNKING")
	}
	return strings.Join(append(lines, "250 ENHANCEDSTATUSCODES"), "\r\n")
}

func (s *session) reset() { s.from, s.to, s.chunks = false, "", nil }

// answer says what is usual at a verb and accepts it, unless there is trouble.
func (s *session) answer(verb, usual string, accept func()) (alive bool) {
	if t := s.receiver.at(verb); t != nil {
		return s.suffer(t, usual, accept)
	}
	accept()
	return s.say(usual)
}

// suffer does what a trouble says. After a silence the session goes on as usual.
func (s *session) suffer(t *trouble, usual string, accept func()) (alive bool) {
	defer close(t.struck)
	if t.hang > 0 {
		_ = s.out.Flush() // replies that were due before are said
		s.receiver.pause(t.hang)
	}
	switch {
	case t.drop:
		_ = s.out.Flush()
		return false
	case t.reply != "":
		if strings.HasPrefix(t.reply, "5") {
			s.receiver.no.Add(1)
		}
		return s.say(t.reply) && !strings.HasPrefix(t.reply, "421")
	}
	accept()
	return s.say(usual)
}

// say writes a reply; slowly, when the receiver is slow.
func (s *session) say(reply string) (alive bool) {
	text := reply + "\r\n"
	for i := 0; i < len(text); i++ {
		drip := time.Duration(s.receiver.drip.Load())
		if drip == 0 {
			_, err := s.out.WriteString(text[i:])
			return err == nil
		}
		if s.out.WriteByte(text[i]) != nil || s.out.Flush() != nil {
			return false
		}
		s.receiver.pause(drip)
	}
	return true
}

func (s *session) data() (alive bool) {
	if s.out.Flush() != nil {
		return false
	}
	half := s.receiver.at("body")
	var body bytes.Buffer
	for {
		line, err := s.line()
		if err != nil {
			return false
		}
		if string(line) == ".\r\n" {
			if half != nil {
				s.receiver.arm(*half) // the message was too short to have a middle
			}
			return s.dot(body.Bytes())
		}
		body.Write(bytes.TrimPrefix(line, []byte(".")))
		if half != nil && body.Len() > 500 {
			s.receiver.pause(half.hang)
			close(half.struck)
			if half.drop {
				return false
			}
			half = nil
		}
	}
}

func (s *session) bdat(rest string) (alive bool) {
	size, last, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(size)
	if err != nil || n < 0 || n > 10<<20 {
		return false
	}
	chunk := make([]byte, n)
	if half := s.receiver.at("body"); half != nil {
		defer close(half.struck)
		if _, err := io.ReadFull(s.in, chunk[:n/2]); err != nil {
			return false
		}
		s.receiver.pause(half.hang)
		if half.drop {
			return false
		}
		chunk = chunk[n/2:]
		s.chunks = append(s.chunks, make([]byte, n/2)...) // only the head is looked at
	}
	if _, err := io.ReadFull(s.in, chunk); err != nil {
		return false
	}
	if s.to == "" {
		return s.say("503 5.5.1 no valid recipients")
	}
	s.chunks = append(s.chunks, chunk...)
	if !strings.EqualFold(last, "LAST") {
		return s.say("250 2.0.0 chunk ok")
	}
	return s.dot(s.chunks)
}

// dot ends a message: from its copy on it counts, whatever the client hears.
func (s *session) dot(data []byte) (alive bool) {
	s.receiver.wait("dot")
	t := s.receiver.at("dot")
	l, id := s.letter(data)
	s.reset()
	if t == nil {
		s.receiver.keep(l, id)
		return s.say("250 2.0.0 ok")
	}
	if t.keep || t.reply == "" && !t.drop {
		s.receiver.keep(l, id)
	}
	return s.suffer(t, "250 2.0.0 ok", nothing)
}

// letter reads what it needs of a message.
func (s *session) letter(data []byte) (letter, string) {
	m, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		return letter{s.to, "no message: " + err.Error()}, ""
	}
	return letter{s.to, m.Header.Get("Subject")}, m.Header.Get("X-Rapport-Id")
}

// address takes the address out of "TO:<a@b> NOTIFY=NEVER".
func address(s string) string {
	_, s, _ = strings.Cut(s, "<")
	s, _, _ = strings.Cut(s, ">")
	return s
}
