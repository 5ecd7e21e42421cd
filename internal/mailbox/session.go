package mailbox

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"strconv"
	"strings"
)

const (
	maxMessage    = 64 << 20 // SIZE, RFC 1870
	maxRecipients = 1000
	maxCommand    = 4096
)

// session is one connection (RFC 5321), with PIPELINING, 8BITMIME, SMTPUTF8 and
// CHUNKING.
type session struct {
	box  *Mailbox
	r    *bufio.Reader
	w    *bufio.Writer
	mail bool
	from string
	to   []string
	body []byte // BDAT chunks so far
}

func newSession(m *Mailbox, c net.Conn) *session {
	return &session{box: m, r: bufio.NewReaderSize(c, 64<<10), w: bufio.NewWriterSize(c, 4096)}
}

// reply answers; while more commands are waiting to be read, answers gather.
func (s *session) reply(line string) bool {
	if _, err := s.w.WriteString(line); err != nil {
		return false
	}
	if s.r.Buffered() > 0 {
		return true
	}
	return s.w.Flush() == nil
}

func (s *session) serve() {
	alive := s.reply("220 rapport mailbox ESMTP\r\n")
	for alive {
		line, err := s.r.ReadSlice('\n')
		if err != nil {
			return // gone, or a line longer than any command
		}
		if len(line) > maxCommand {
			alive = s.reply("500 5.5.2 line too long\r\n")
			continue
		}
		alive = s.command(string(bytes.TrimRight(line, "\r\n")))
	}
	_ = s.w.Flush() // the last word; nobody may be there to hear it
}

// command runs one command and reports whether the connection goes on.
func (s *session) command(line string) bool {
	verb, rest, _ := strings.Cut(line, " ")
	switch strings.ToUpper(verb) {
	case "EHLO":
		s.reset()
		return s.reply("250-rapport mailbox\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n" +
			"250-ENHANCEDSTATUSCODES\r\n250 SIZE " + strconv.Itoa(maxMessage) + "\r\n")
	case "HELO":
		s.reset()
		return s.reply("250 rapport mailbox\r\n")
	case "MAIL":
		return s.mailFrom(rest)
	case "RCPT":
		return s.rcptTo(rest)
	case "DATA":
		return s.data()
	case "BDAT":
		return s.bdat(rest)
	case "RSET":
		s.reset()
		return s.reply("250 2.0.0 ok\r\n")
	case "NOOP":
		return s.reply("250 2.0.0 ok\r\n")
	case "VRFY":
		return s.reply("252 2.0.0 send it and see\r\n")
	case "QUIT":
		s.reply("221 2.0.0 bye\r\n")
		return false
	}
	return s.reply("500 5.5.2 unknown command\r\n")
}

func (s *session) reset() { s.mail, s.from, s.to, s.body = false, "", nil, nil }

func (s *session) mailFrom(rest string) bool {
	from, ok := path(rest, "FROM:")
	switch {
	case s.mail:
		return s.reply("503 5.5.1 a transaction is open already\r\n")
	case !ok:
		return s.reply("501 5.5.4 use MAIL FROM:<address>\r\n")
	}
	s.mail, s.from = true, from
	return s.reply("250 2.1.0 ok\r\n")
}

func (s *session) rcptTo(rest string) bool {
	to, ok := path(rest, "TO:")
	switch {
	case !s.mail:
		return s.reply("503 5.5.1 MAIL first\r\n")
	case !ok || to == "":
		return s.reply("501 5.5.4 use RCPT TO:<address>\r\n")
	case len(s.to) == maxRecipients:
		return s.reply("452 4.5.3 too many recipients\r\n")
	}
	s.to = append(s.to, to)
	return s.reply("250 2.1.5 ok\r\n")
}

// path reads "FROM:<address> PARAMETERS".
func path(s, word string) (address string, ok bool) {
	if len(s) < len(word) || !strings.EqualFold(s[:len(word)], word) {
		return "", false
	}
	s = strings.TrimLeft(s[len(word):], " ")
	end := strings.LastIndexByte(s, '>')
	if !strings.HasPrefix(s, "<") || end < 0 {
		return "", false
	}
	return s[1:end], true
}

func (s *session) data() bool {
	if len(s.to) == 0 {
		return s.reply("503 5.5.1 RCPT first\r\n")
	}
	if !s.reply("354 end with a dot\r\n") {
		return false
	}
	body := make([]byte, 0, 16<<10)
	for start := true; ; {
		line, err := s.r.ReadSlice('\n')
		whole := err == nil
		if err != nil && err != bufio.ErrBufferFull {
			return false
		}
		if start && len(line) > 0 && line[0] == '.' {
			if string(line) == ".\r\n" {
				break
			}
			line = line[1:]
		}
		if len(body) <= maxMessage {
			body = append(body, line...)
		}
		start = whole
	}
	return s.take(body)
}

func (s *session) bdat(rest string) bool {
	size, last, _ := strings.Cut(rest, " ")
	n, err := strconv.ParseInt(size, 10, 64)
	if err != nil || n < 0 {
		s.reply("501 5.5.4 use BDAT size LAST\r\n")
		return false // how much to skip is not known
	}
	if len(s.to) == 0 || n > maxMessage || int64(len(s.body))+n > maxMessage {
		if _, err := io.CopyN(io.Discard, s.r, n); err != nil {
			return false
		}
		if len(s.to) == 0 {
			return s.reply("503 5.5.1 RCPT first\r\n")
		}
		s.reset()
		return s.reply("552 5.3.4 the message is too large\r\n")
	}
	at := len(s.body)
	s.body = append(s.body, make([]byte, n)...)
	if _, err := io.ReadFull(s.r, s.body[at:]); err != nil {
		return false
	}
	if !strings.EqualFold(last, "LAST") {
		return s.reply("250 2.0.0 ok\r\n")
	}
	return s.take(s.body)
}

func (s *session) take(body []byte) bool {
	from, to := s.from, s.to
	s.reset()
	if len(body) > maxMessage {
		return s.reply("552 5.3.4 the message is too large\r\n")
	}
	id := s.box.keep(from, to, body)
	return s.reply("250 2.0.0 ok queued as M" + strconv.FormatInt(id, 10) + "\r\n")
}
