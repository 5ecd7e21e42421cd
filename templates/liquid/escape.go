package liquid

import (
	"bytes"
	"html"
	"slices"
	"strings"
	"unicode/utf8"
)

// write puts a value out, escaped for its place and encoded.
func (st *state) write(value any, n *outputNode) error {
	mark := len(st.out)
	err := st.writeEscaped(value, n)
	st.encoded(mark)
	return err
}

// writeWhole writes a number where digits need no escape; false where they may.
func (st *state) writeWhole(i int64, n *outputNode) bool {
	if n.place != inText && n.place != inAttr {
		return false
	}
	mark := len(st.out)
	st.out = appendInt(st.out, i)
	st.encoded(mark)
	return true
}

func (st *state) writeEscaped(value any, n *outputNode) error {
	switch st.mode {
	case Plain:
		st.out = append(st.out, toText(value)...)
		return nil
	case Line:
		if n.place >= inPlainStart {
			return st.writeAddress(value, n)
		}
		st.out = appendLine(st.out, lineText(value))
		return nil
	}
	if n.place == inText {
		if safe, ok := value.(HTML); ok {
			st.out = append(st.out, safe...)
		} else {
			st.out = appendHTML(st.out, toText(value))
		}
		return nil
	}
	return st.writePlaced(value, n)
}

func (st *state) writePlaced(value any, n *outputNode) error {
	safe, isSafe := value.(HTML)
	switch n.place {
	case inAttr:
		if isSafe {
			st.out = appendQuotes(st.out, string(safe))
		} else {
			st.out = appendHTML(st.out, toText(value))
		}
	case inBareAttr:
		st.out = appendBare(st.out, plainText(value))
	case inComment:
		text := toText(value)
		if !isSafe {
			text = html.EscapeString(text)
		}
		// Nothing in a comment may end it.
		st.out = append(st.out, strings.ReplaceAll(text, "--", "- - ")...)
	case inCSS:
		st.out = appendCSS(st.out, plainText(value))
	case inTag:
		st.out = append(st.out, toText(value)...)
	case inScript:
	default:
		return st.writeAddress(value, n)
	}
	return nil
}

// writeAddress writes a value that is part of an address.
func (st *state) writeAddress(value any, n *outputNode) error {
	text := plainText(value)
	place, plain := n.place, false
	if place >= inPlainStart {
		place, plain = place-(inPlainStart-inURLStart), true
	}
	mark := len(st.out)
	_, isSafe := value.(HTML)
	_, isEncoded := value.(urlText)
	switch {
	case place == inURLStart:
		if scheme := schemeOf(text); !allowedScheme(scheme) {
			return n.pos.errorf("an address begins with https:, http:, mailto: or tel:", "this address begins with %q", scheme+":")
		}
		st.out = appendEscaped(st.out, text, keepAll)
	case isSafe || isEncoded:
		st.out = appendEscaped(st.out, text, keepAll)
	case place == inURLPart:
		st.out = appendEscaped(st.out, text, keepPath)
	default:
		st.out = appendEscaped(st.out, text, keepWord)
	}
	if !plain && bytes.ContainsAny(st.out[mark:], "&'") {
		st.out = appendHTML(st.out[:mark], slices.Clone(st.out[mark:]))
	}
	return nil
}

// schemeOf gives what stands before the first colon, if that is a scheme.
// Mail programs skip blanks and control characters in front and inside.
func schemeOf(address string) string {
	if strings.HasPrefix(address, "https:") { // as nearly all do
		return "https"
	}
	var b strings.Builder
	for _, r := range address {
		switch {
		case r == ':':
			return strings.ToLower(b.String())
		case r == '/' || r == '?' || r == '#':
			return ""
		case r > ' ' && r != 0x7f:
			b.WriteRune(r)
		}
	}
	return ""
}

func allowedScheme(scheme string) bool {
	switch scheme {
	case "", "http", "https", "mailto", "tel", "sms", "cid":
		return true
	}
	return false
}

// what stays as it is in an address
const (
	keepWord = iota // letters, digits, - _ . ~
	keepPath        // also / : @ ! $ & ( ) * + , ; =
	keepAll         // also ? # [ ] ' and %XX
)

const hexDigits = "0123456789ABCDEF"

// stays tells for each byte at which of these it stays as it is: bit n is for n.
// A % that an escape begins with is not among them.
var stays = func() (t [256]uint8) {
	for c := range 256 {
		switch c := byte(c); {
		case isWord(c) || c == '-' || c == '.' || c == '~':
			t[c] = 1<<keepWord | 1<<keepPath | 1<<keepAll
		case strings.IndexByte("/:@!$&()*+,;=", c) >= 0:
			t[c] = 1<<keepPath | 1<<keepAll
		case strings.IndexByte("?#[]'", c) >= 0:
			t[c] = 1 << keepAll
		}
	}
	return t
}()

func appendEscaped(dst []byte, s string, keep int) []byte {
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if stays[c]&(1<<keep) != 0 || keep >= keepAll && c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		if c != '\r' && c != '\n' {
			dst = append(dst, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(dst, s[from:]...)
}

func isHex(c byte) bool {
	return isDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')
}

// plainText is a value's text without HTML's escapes, to be escaped anew.
func plainText(value any) string {
	if safe, ok := value.(HTML); ok {
		return html.UnescapeString(string(safe))
	}
	return toText(value)
}

// lineText is a value as text: what is HTML loses its tags.
func lineText(value any) string {
	if safe, ok := value.(HTML); ok {
		return html.UnescapeString(stripTags(strings.NewReplacer("<br />", " ", "<br>", " ").Replace(string(safe))))
	}
	return toText(value)
}

// appendLine leaves line breaks out, also those of Unicode.
func appendLine(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf {
			return appendLineRunes(append(dst, s[:i]...), s[i:])
		}
	}
	return append(dst, s...)
}

func appendLineRunes(dst []byte, s string) []byte {
	for i, r := range s {
		switch r {
		case '\r', '\n', '\v', '\f', 0, '\u0085', '\u2028', '\u2029':
		case utf8.RuneError:
			dst = append(dst, s[i]) // a broken byte is no line break; it stays, byte by byte
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}

// appendHTML escapes text for content and for quoted attributes.
func appendHTML[T string | []byte](dst []byte, s T) []byte {
	from := 0
	for i := 0; i < len(s); i++ {
		var esc string
		switch s[i] {
		case '&':
			esc = "&amp;"
		case '<':
			esc = "&lt;"
		case '>':
			esc = "&gt;"
		case '"':
			esc = "&#34;"
		case '\'':
			esc = "&#39;"
		case 0:
			esc = "\uFFFD"
		default:
			continue
		}
		dst = append(dst, s[from:i]...)
		dst = append(dst, esc...)
		from = i + 1
	}
	return append(dst, s[from:]...)
}

// appendQuotes makes HTML fit for a quoted attribute: entities stay.
func appendQuotes(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '<':
			dst = append(dst, "&lt;"...)
		case '>':
			dst = append(dst, "&gt;"...)
		case '"':
			dst = append(dst, "&#34;"...)
		case '\'':
			dst = append(dst, "&#39;"...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// appendBare escapes for an attribute without quotes: blanks end it.
func appendBare(dst []byte, s string) []byte {
	for _, r := range s {
		switch {
		case r == '&' || r == '<' || r == '>' || r == '"' || r == '\'':
			dst = appendHTML(dst, string(r))
		case r <= ' ' || r == '=' || r == '`':
			dst = append(dst, "&#"...)
			dst = appendInt(dst, int64(r))
			dst = append(dst, ';')
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}

// appendCSS keeps what a colour, a length or a font's name needs and drops all
// else: quotes, brackets of url(), semicolons.
func appendCSS(dst []byte, s string) []byte {
	if l := strings.ToLower(s); strings.Contains(l, "expression") || strings.Contains(l, "url") || strings.Contains(l, "import") {
		return dst
	}
	for _, r := range s {
		if r < utf8.RuneSelf && (isWord(byte(r)) || strings.ContainsRune(" #.,%+-", r)) || r >= 0xA0 {
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}
