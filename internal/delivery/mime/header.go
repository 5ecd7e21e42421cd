package mime

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// lineLimit is RFC 5322's recommended 78 less two, and RFC 2047's 76 for lines
// with encoded words.
const lineLimit = 76

const hexDigits = "0123456789ABCDEF"

// longWord is the longest word left as it is in a machine-readable value:
// SMTP's lines end at 998.
const longWord = 900

// clean removes CR and LF, which alone could start another field, and repairs
// what is not UTF-8.
func clean(s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if strings.ContainsAny(s, "\r\n") {
		s = strings.NewReplacer("\r", "", "\n", "").Replace(s)
	}
	return s
}

// appendText appends a field for people to read: ASCII as it stands, folded
// at its spaces, anything else in encoded words.
func appendText(dst []byte, name, value string) []byte {
	value = clean(value)
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	col := len(name) + 2
	if plain(value, lineLimit-col) {
		dst = appendFolded(dst, col, value)
	} else {
		dst, _ = appendEncoded(dst, col, value)
	}
	return append(dst, "\r\n"...)
}

// appendValue appends a field for machines to read, such as an id or JSON:
// ASCII is never encoded, however long its words, because whoever reads it
// does not decode it.
func appendValue(dst []byte, name, value string) []byte {
	value = strings.Trim(clean(value), " \t")
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	if ascii(value) && longest(value) <= longWord {
		dst = appendFolded(dst, len(name)+2, value)
	} else {
		dst, _ = appendEncoded(dst, len(name)+2, value)
	}
	return append(dst, "\r\n"...)
}

// plain reports whether s survives a header unencoded: printable ASCII, single
// spaces between words of at most max characters, and nothing that looks like
// an encoded word.
func plain(s string, max int) bool {
	return ascii(s) && longest(s) <= max &&
		!strings.HasPrefix(s, " ") && !strings.HasSuffix(s, " ") &&
		!strings.Contains(s, "  ") && !strings.Contains(s, "=?")
}

// ascii reports whether s is printable ASCII and spaces.
func ascii(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func longest(s string) int {
	most, n := 0, 0
	for i := range len(s) {
		if s[i] == ' ' {
			n = 0
			continue
		}
		n++
		most = max(most, n)
	}
	return most
}

// appendFolded appends printable ASCII and breaks lines before single spaces:
// unfolding (RFC 5322 2.2.3) gives exactly s back, which beside a second space
// not every reader would.
func appendFolded(dst []byte, col int, s string) []byte {
	for first := true; s != ""; first = false {
		end := 1 // a word brings the space before it along
		for end < len(s) && !(s[end] == ' ' && s[end-1] != ' ' && end+1 < len(s) && s[end+1] != ' ') {
			end++
		}
		if !first && col+end > lineLimit {
			dst = append(dst, "\r\n"...)
			col = 0
		}
		dst = append(dst, s[:end]...)
		col += end
		s = s[end:]
	}
	return dst
}

const (
	wordStartQ = "=?utf-8?q?"
	wordStartB = "=?utf-8?b?"
	wordEnd    = "?="
	wordFrame  = len(wordStartQ) + len(wordEnd)
)

// appendEncoded appends s as encoded words of at most 75 characters (RFC 2047),
// each of whole characters, and returns the column it ends in. Readers drop the
// blanks between neighbours, so the words join to exactly s.
func appendEncoded(dst []byte, col int, s string) ([]byte, int) {
	// Quoted stays readable to whoever looks at the source: base64 only where
	// it is a third shorter.
	base := quotedLen(s)*3 > base64.StdEncoding.EncodedLen(len(s))*4
	for s != "" {
		room := lineLimit - col - wordFrame
		n := fit(s, room, base)
		if n == 0 { // the rest of this line is too short: take the next
			dst = append(dst, "\r\n "...)
			col = 1
			n = fit(s, lineLimit-col-wordFrame, base)
		}
		start := len(dst)
		if base {
			dst = append(dst, wordStartB...)
			dst = base64.StdEncoding.AppendEncode(dst, []byte(s[:n]))
		} else {
			dst = append(dst, wordStartQ...)
			dst = appendQ(dst, s[:n])
		}
		dst = append(dst, wordEnd...)
		col += len(dst) - start
		s = s[n:]
	}
	return dst, col
}

// fit returns how many bytes of s, in whole characters, one word with room for
// its content can hold.
func fit(s string, room int, base bool) int {
	n, used := 0, 0
	for n < len(s) {
		_, size := utf8.DecodeRuneInString(s[n:])
		if base {
			used = base64.StdEncoding.EncodedLen(n + size)
		} else {
			used += quotedLen(s[n : n+size])
		}
		if used > room {
			break
		}
		n += size
	}
	return n
}

// wordSafe holds what RFC 2047 5(3) lets stand for itself within a phrase, the
// strictest of the places an encoded word may stand in.
func wordSafe(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '!' || c == '*' || c == '+' || c == '-' || c == '/'
}

func quotedLen(s string) int {
	n := 0
	for i := range len(s) {
		if wordSafe(s[i]) || s[i] == ' ' {
			n++
		} else {
			n += 3
		}
	}
	return n
}

func appendQ(dst []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ':
			dst = append(dst, '_')
		case wordSafe(c):
			dst = append(dst, c)
		default:
			dst = append(dst, '=', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return dst
}

// appendBracketed appends an id between angle brackets, without what would end
// it early.
func appendBracketed(dst []byte, id string) []byte {
	dst = append(dst, '<')
	for i := range len(id) {
		if c := id[i]; c > ' ' && c < 0x7f && c != '<' && c != '>' {
			dst = append(dst, c)
		}
	}
	return append(dst, '>')
}

// appendURL appends a URL that is to stand between angle brackets; what may not
// stand in a header is percent-encoded. URLs are never folded: not every reader
// puts them together again.
func appendURL(dst []byte, url string) []byte {
	for i := range len(url) {
		switch c := url[i]; {
		case c == '\r' || c == '\n':
		case c <= ' ' || c >= 0x7f || c == '<' || c == '>':
			dst = append(dst, '%', hexDigits[c>>4], hexDigits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
