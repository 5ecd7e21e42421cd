package smtp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"
)

// maxText bounds what is kept of a reply: it goes into the database.
const maxText = 500

// maxLines bounds the lines of one reply, or a hostile server keeps us reading.
const maxLines = 200

type reply struct {
	code     int
	enhanced string
	text     string
}

func (r reply) positive() bool { return r.code >= 200 && r.code < 300 }

// badReplyError is an answer that is none.
type badReplyError struct{ line string }

func (e *badReplyError) Error() string { return fmt.Sprintf("%q is no SMTP reply", e.line) }

// readReply reads one reply of any number of lines. The text is kept where
// somebody will read it: always when it is a refusal, else when asked.
func readReply(r *bufio.Reader, keepText bool) (reply, error) {
	var out reply
	for range maxLines {
		line, err := readLine(r)
		if err != nil {
			return reply{}, err
		}
		code, more, text, ok := splitReply(line)
		if !ok {
			return reply{}, &badReplyError{line: printable(string(line[:min(len(line), 80)]))}
		}
		out.code = code // the last line's counts, as all should be the same
		if keepText || code >= 400 {
			out.add(string(text))
		}
		if !more {
			out.text = printable(out.text)
			return out, nil
		}
	}
	return reply{}, &badReplyError{line: "more than 200 lines"}
}

// readLine reads a line; of one longer than the buffer the rest is dropped.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		kept := append([]byte(nil), line...)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = r.ReadSlice('\n')
		}
		line = kept
	}
	if err != nil {
		return nil, err
	}
	for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
		line = line[:len(line)-1]
	}
	return line, nil
}

func splitReply(line []byte) (code int, more bool, text []byte, ok bool) {
	if len(line) < 3 {
		return 0, false, nil, false
	}
	for _, c := range line[:3] {
		if c < '0' || c > '9' {
			return 0, false, nil, false
		}
		code = code*10 + int(c-'0')
	}
	if code < 200 || code > 599 {
		return 0, false, nil, false
	}
	if len(line) == 3 {
		return code, false, nil, true
	}
	switch line[3] {
	case '-':
		more = true
	case ' ':
	default:
		return 0, false, nil, false
	}
	return code, more, line[4:], true
}

// add joins a line's text to the reply's. The enhanced code, which servers
// repeat on every line, is cut off and kept once.
func (r *reply) add(text string) {
	enhanced, rest := cutEnhanced(text)
	if r.enhanced == "" {
		r.enhanced = enhanced
	}
	rest = strings.TrimSpace(rest)
	if rest == "" || len(r.text) >= maxText {
		return
	}
	if r.text != "" {
		r.text += " "
	}
	r.text += rest
}

// cutEnhanced cuts an enhanced status code (RFC 3463) off the start of a text,
// also in the form "#5.1.0" of one maker of appliances.
func cutEnhanced(text string) (enhanced, rest string) {
	word, rest, _ := strings.Cut(strings.TrimLeft(text, " "), " ")
	word = strings.TrimSuffix(strings.TrimPrefix(word, "#"), ":")
	if len(word) < 5 || len(word) > 9 || word[1] != '.' || strings.IndexByte("245", word[0]) < 0 {
		return "", text
	}
	subject, detail, ok := strings.Cut(word[2:], ".")
	if !ok || !digits(subject) || !digits(detail) {
		return "", text
	}
	return word, rest
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != "" && len(s) <= 3
}

// printable makes a reply fit to be stored and shown.
func printable(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// replyOf finds the reply within an error of go-mail.
func replyOf(err error) (reply, bool) {
	var e *textproto.Error
	if !errors.As(err, &e) || e.Code < 200 || e.Code > 599 {
		return reply{}, false
	}
	r := reply{code: e.Code}
	for line := range strings.SplitSeq(e.Msg, "\n") {
		r.add(line)
	}
	r.text = printable(r.text)
	return r, true
}

// describe says in words why no reply came. The limit is the time that was
// given for it.
func describe(err error, limit time.Duration) string {
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("no answer within %v", limit)
	case hungUp(err):
		return "the server closed the connection"
	}
	return printable(err.Error())
}

// hungUp reports whether the other side ended the connection.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, syscall.ECONNABORTED)
}
