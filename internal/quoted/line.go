package quoted

import (
	"math/bits"
	"strings"
	"unicode/utf8"
)

// maxLine leaves room for the "=" of a soft break: 76 with it, RFC 2045 6.7(5).
const maxLine = 75

const hexDigits = "0123456789ABCDEF"

// literal holds the bytes that may stand for themselves anywhere in a line but
// at its ends.
var literal = func() (t [256]bool) {
	for c := ' '; c <= '~'; c++ {
		t[c] = c != '='
	}
	t['\t'] = true
	return t
}()

// Append appends s. CR, LF and CRLF all become CRLF; what is not UTF-8 becomes
// U+FFFD.
func Append(dst []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	var l Line
	return l.End(appendText(dst, &l, s))
}

// Line is the line that a text being written has come to. The zero Line is the
// beginning of a text. Every method appends to the same dst.
type Line struct {
	col int  // characters in it so far
	cr  bool // the text ended in a CR: a LF that follows belongs to it
}

// End ends the text: a blank at its end would be lost on the way.
func (l *Line) End(dst []byte) []byte {
	if l.col == 0 {
		return dst
	}
	c := dst[len(dst)-1]
	if c != ' ' && c != '\t' {
		return dst
	}
	l.col--
	return l.escape(dst[:len(dst)-1], c)
}

// Encode encodes what was appended as it is, dst[mark:]. Like a piece it starts on a
// line of its own if it does not fit into the present one and fits there. It reports
// whether it was UTF-8; otherwise its bytes are encoded one by one.
func (l *Line) Encode(dst []byte, mark int) ([]byte, bool) {
	text := dst[mark:]
	if len(text) == 0 {
		return dst, true
	}
	clean := run(text)
	if clean == len(text) && len(text) <= maxLine-l.col && !l.special(text[0]) {
		l.col += len(text)
		l.cr = false
		return dst, true
	}
	if clean == len(text) && len(text) <= maxLine && text[0] != '.' && text[0] != 'F' { // as most addresses are
		dst = append(dst, "=\r\n"...)
		copy(dst[mark+len("=\r\n"):], text)
		copy(dst[mark:], "=\r\n")
		l.col, l.cr = len(text), false
		return dst, true
	}
	// Few values get here, those that are very long or not ASCII.
	var room [256]byte
	aside := append(room[:0], text...)
	return appendText(dst[:mark], l, aside), utf8.Valid(aside[clean:])
}

// special reports whether c may not stand for itself where the line is.
func (l *Line) special(c byte) bool { return l.col == 0 && (c == '.' || c == 'F') }

// escape appends c as its two hexadecimal digits.
func (l *Line) escape(dst []byte, c byte) []byte {
	if l.col+3 > maxLine {
		dst = l.wrap(dst)
	}
	l.col += 3
	return append(dst, '=', hexDigits[c>>4], hexDigits[c&15])
}

// wrap goes on in a new line, which is no line break of the text.
func (l *Line) wrap(dst []byte) []byte {
	l.col = 0
	return append(dst, "=\r\n"...)
}

// newline appends a line break of the text.
func (l *Line) newline(dst []byte) []byte {
	dst = l.End(dst)
	l.col = 0
	return append(dst, "\r\n"...)
}

// appendText appends text that is not encoded yet.
func appendText[T string | []byte](dst []byte, l *Line, s T) []byte {
	for len(s) > 0 {
		c := s[0]
		if c == '\r' || c == '\n' {
			if c == '\r' || !l.cr {
				dst = l.newline(dst)
			}
			l.cr = c == '\r'
			s = s[1:]
			continue
		}
		l.cr = false
		if l.special(c) || !literal[c] {
			dst = l.escape(dst, c)
			s = s[1:]
			continue
		}
		if l.col == maxLine {
			dst = l.wrap(dst)
			continue // what begins a line may be special
		}
		n := run(s[:min(len(s), maxLine-l.col)])
		dst = append(dst, s[:n]...)
		l.col += n
		s = s[n:]
	}
	return dst
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// run returns how many bytes at the start of s stand for themselves.
func run[T string | []byte](s T) int {
	n := 0
	for ; len(s)-n >= 8; n += 8 {
		// Eight bytes at once: a high bit is set where a byte is below a blank,
		// a "=", a DEL, or not ASCII. Bits above the lowest may be wrong.
		w := s[n : n+8]
		x := uint64(w[0]) | uint64(w[1])<<8 | uint64(w[2])<<16 | uint64(w[3])<<24 |
			uint64(w[4])<<32 | uint64(w[5])<<40 | uint64(w[6])<<48 | uint64(w[7])<<56
		eq, del := x^'='*ones, x^0x7f*ones
		if odd := ((x-' '*ones)&^x | (eq-ones)&^eq | (del-ones)&^del | x) & highs; odd != 0 {
			n += bits.TrailingZeros64(odd) / 8
			break
		}
	}
	for n < len(s) && literal[s[n]] {
		n++
	}
	return n
}
