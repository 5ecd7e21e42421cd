package bench

import (
	"bytes"
	"errors"
	"net"
	"strconv"
	"sync"

	"rapport/internal/ident"
)

// smtpSession is one connection. Whatever arrives stays in buf until the end of
// its message was found, so that every byte is read and looked at once.
type smtpSession struct {
	sink    *sink
	conn    net.Conn
	options ReceiverOptions

	buf        []byte
	start, end int // what of buf has arrived and is not dealt with
	replies    []byte
	underway   sync.WaitGroup // replies that are

	mu  sync.Mutex
	ids []int64 // of the messages that came
}

// largest is the longest message or line that is taken, in bytes.
const largest = 64 << 20

var errTooLong = errors.New("a line or message is too long")

func (s *smtpSession) run() {
	defer s.underway.Wait()
	s.reply("220 receiver.example ESMTP\r\n")
	for {
		line, err := s.line()
		if err != nil || !s.command(line) {
			_ = s.flush() // the client may be gone
			return
		}
	}
}

// command obeys one line and reports whether the conversation goes on.
func (s *smtpSession) command(line []byte) bool {
	verb, rest, _ := bytes.Cut(line, []byte(" "))
	switch string(bytes.ToUpper(verb)) {
	case "EHLO":
		s.reply("250-receiver.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n")
		if s.options.Chunking {
			s.reply("250-CHUNKING\r\n")
		}
		s.reply("250 SIZE " + strconv.Itoa(largest) + "\r\n")
	case "MAIL", "RCPT", "HELO", "RSET", "NOOP":
		s.reply("250 2.0.0 OK\r\n")
	case "DATA":
		s.reply("354 go on\r\n")
		return s.data()
	case "BDAT":
		return s.chunk(rest)
	case "QUIT":
		s.reply("221 2.0.0 bye\r\n")
		return false
	default:
		s.reply("500 5.5.1 unknown command\r\n")
	}
	return true
}

var endOfData = []byte("\r\n.\r\n")

// data takes a message up to its final dot.
func (s *smtpSession) data() bool {
	seen := 0 // of what has arrived, looked at
	for {
		if bytes.HasPrefix(s.buf[s.start:s.end], endOfData[2:]) { // an empty message
			s.took(s.buf[s.start:s.start], 3)
			return true
		}
		if i := bytes.Index(s.buf[s.start+seen:s.end], endOfData); i >= 0 {
			s.took(s.buf[s.start:s.start+seen+i+2], seen+i+len(endOfData))
			return true
		}
		seen = max(0, s.end-s.start-len(endOfData)+1)
		if s.fill() != nil {
			return false
		}
	}
}

// chunk takes a message that comes as BDAT n LAST.
func (s *smtpSession) chunk(rest []byte) bool {
	size, last, _ := bytes.Cut(rest, []byte(" "))
	n, err := strconv.Atoi(string(size))
	if err != nil || n < 0 || n > largest || !bytes.EqualFold(last, []byte("LAST")) {
		s.reply("501 5.5.4 one chunk only: BDAT n LAST\r\n")
		return false
	}
	for s.end-s.start < n {
		if s.fill() != nil {
			return false
		}
	}
	s.took(s.buf[s.start:s.start+n], n)
	return true
}

// took counts a message and goes on behind its used bytes.
func (s *smtpSession) took(message []byte, used int) {
	id, ok := idOf(message)
	if ok {
		s.mu.Lock()
		s.ids = append(s.ids, id)
		s.mu.Unlock()
	} else {
		s.sink.unnamed.Add(1)
	}
	s.sink.bytes.Add(int64(len(message)))
	if s.sink.messages.Add(1) == 1 {
		s.sink.keep(message)
	}
	s.start += used
	s.reply("250 2.0.0 taken\r\n")
}

// take gives away the ids of the messages that came.
func (s *smtpSession) take() []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := s.ids
	s.ids = nil
	return ids
}

var idField = []byte("\r\nX-Rapport-Id: ")

// idOf reads the field that names a message.
func idOf(message []byte) (int64, bool) {
	i := bytes.Index(message, idField)
	if i < 0 {
		return 0, false
	}
	value, _, ok := bytes.Cut(message[i+len(idField):], []byte("\r\n"))
	if !ok || len(value) > 13 {
		return 0, false
	}
	id, err := ident.Parse(string(value))
	return id, err == nil
}

// line reads one command.
func (s *smtpSession) line() ([]byte, error) {
	for {
		if i := bytes.IndexByte(s.buf[s.start:s.end], '\n'); i >= 0 {
			line := s.buf[s.start : s.start+i]
			s.start += i + 1
			return bytes.TrimSuffix(line, []byte("\r")), nil
		}
		if err := s.fill(); err != nil {
			return nil, err
		}
	}
}

// fill waits for more, after it has let the replies go that the client may be
// waiting for.
func (s *smtpSession) fill() error {
	if err := s.flush(); err != nil {
		return err
	}
	switch {
	case s.start == s.end:
		s.start, s.end = 0, 0
	case s.end == len(s.buf) && s.start > 0:
		s.end = copy(s.buf, s.buf[s.start:s.end])
		s.start = 0
	}
	if s.end == len(s.buf) {
		if len(s.buf) >= largest {
			return errTooLong
		}
		s.buf = append(s.buf, make([]byte, len(s.buf))...)
	}
	n, err := s.conn.Read(s.buf[s.end:])
	s.end += n
	if n > 0 {
		return nil
	}
	return err
}

func (s *smtpSession) reply(text string) { s.replies = append(s.replies, text...) }

func (s *smtpSession) flush() error {
	if len(s.replies) == 0 {
		return nil
	}
	out := s.replies
	if s.sink.distance != nil {
		s.replies = nil
		s.sink.distance.send(s, out)
		return nil
	}
	_, err := s.conn.Write(out)
	s.replies = out[:0]
	return err
}
