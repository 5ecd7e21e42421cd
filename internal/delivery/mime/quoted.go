package mime

import (
	"strings"
	"unicode/utf8"
)

// maxLine leaves room for the "=" of a soft break: 76 with it, RFC 2045 6.7(5).
const maxLine = 75

const hexDigits = "0123456789ABCDEF"

// literal holds the bytes that may stand for themselves anywhere in a line but
// at its ends, where a dot, a space or a tab may not.
var literal = func() (t [256]bool) {
	for c := ' '; c <= '~'; c++ {
		t[c] = c != '='
	}
	t['\t'] = true
	return t
}()

// AppendQuotedPrintable appends s in quoted-printable (RFC 2045 6.7). CR, LF
// and CRLF all become CRLF. A dot at the start of a line is written as =2E so
// that SMTP has nothing to stuff, and "From " there as =46rom so that no mbox
// on the way changes it.
func AppendQuotedPrintable(dst []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	col := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c == '\r' || c == '\n' {
			if c == '\r' && i+1 < len(s) && s[i+1] == '\n' {
				i++
			}
			i++
			dst = append(dst, "\r\n"...)
			col = 0
			continue
		}
		if n := run(s[i:], maxLine-col, col == 0); n > 0 {
			dst = append(dst, s[i:i+n]...)
			col += n
			i += n
			continue
		}
		if col+3 > maxLine || literal[c] && col == maxLine {
			dst = append(dst, "=\r\n"...)
			col = 0
			continue
		}
		dst = append(dst, '=', hexDigits[c>>4], hexDigits[c&15])
		col += 3
		i++
	}
	return dst
}

// run returns how many bytes at the start of s can be copied as they are into
// a line with room left, 0 if the first one cannot.
func run(s string, room int, atStart bool) int {
	if atStart && (s[0] == '.' || strings.HasPrefix(s, "From ")) {
		return 0
	}
	n := 0
	for n < len(s) && n < room && literal[s[n]] {
		n++
	}
	// A blank before a line's end would be stripped on the way.
	if n > 0 && (n == len(s) || s[n] == '\r' || s[n] == '\n') {
		if last := s[n-1]; last == ' ' || last == '\t' {
			n--
		}
	}
	return n
}
