package mime

import (
	"net/mail"
	"strings"

	"golang.org/x/net/idna"
)

// Envelope returns the addresses of MAIL FROM and RCPT TO as SMTP writes them,
// without angle brackets, and whether the message needs SMTPUTF8 (RFC 6531).
// Without an EnvelopeFrom the From address is the return path.
func Envelope(m *Message) (from, to string, utf8 bool) {
	from = m.EnvelopeFrom
	if from == "" {
		from = m.From.Address
	}
	return Address(from), Address(m.To.Address), NeedsUTF8(m)
}

// NeedsUTF8 reports whether an address of the message cannot be written in
// ASCII: a domain always can, as punycode; a local part outside ASCII cannot.
// Such a message can only go to a server that offers SMTPUTF8.
func NeedsUTF8(m *Message) bool {
	for _, a := range [...]string{m.From.Address, m.To.Address, m.ReplyTo.Address, m.EnvelopeFrom} {
		if !ascii(a) && !ascii(Address(a)) {
			return true
		}
	}
	return false
}

// Address returns an address as headers and SMTP write it: the domain in
// ASCII (RFC 5891), the local part quoted where it must be (RFC 5321 4.1.2),
// without any character that could end the address or the line.
func Address(address string) string {
	local, domain, ok := cutLast(address)
	if ok && dotAtom(local) && hostName(domain) && ascii(local) {
		return address // as nearly all are
	}
	if !ok {
		return strings.Map(keepLocal, clean(address))
	}
	if !ascii(domain) {
		if punycode, err := idna.Lookup.ToASCII(domain); err == nil {
			domain = punycode
		}
	}
	domain = strings.Map(keepDomain, clean(domain))
	local = strings.Map(keepLocal, clean(local))
	if len(local) >= 2 && local[0] == '"' && local[len(local)-1] == '"' {
		local = unquote(local[1 : len(local)-1])
	}
	if dotAtom(local) {
		return local + "@" + domain
	}
	return quote(local) + "@" + domain
}

func cutLast(address string) (local, domain string, ok bool) {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return address, "", false
	}
	return address[:at], address[at+1:], true
}

func keepLocal(r rune) rune {
	if r < ' ' || r == 0x7f {
		return -1
	}
	return r
}

func keepDomain(r rune) rune {
	if r <= ' ' || r == 0x7f || strings.ContainsRune(`<>()",;\`, r) {
		return -1
	}
	return r
}

// hostName: letters, digits, dots and hyphens.
func hostName(domain string) bool {
	for i := range len(domain) {
		c := domain[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-') {
			return false
		}
	}
	return true
}

// dotAtom is RFC 5322 3.2.3, with the characters beyond ASCII of RFC 6532.
func dotAtom(s string) bool {
	if s == "" || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	for i := range len(s) {
		if s[i] != '.' && !atom(s[i]) {
			return false
		}
	}
	return true
}

func atom(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c >= 0x80 || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func unquote(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// appendAddressField appends "Name: Display Name <address>".
func appendAddressField(dst []byte, field string, a mail.Address) []byte {
	dst = append(dst, field...)
	dst = append(dst, ": "...)
	col := len(field) + 2
	if name := clean(a.Name); name != "" {
		dst, col = appendPhrase(dst, col, name)
		dst = append(dst, ' ')
		col++
	}
	address := Address(a.Address)
	if col > len(field)+2 && col+len(address)+2 > lineLimit {
		dst = append(dst[:len(dst)-1], "\r\n "...)
	}
	dst = append(dst, '<')
	dst = append(dst, address...)
	return append(dst, ">\r\n"...)
}

// appendPhrase appends a display name: as words where they are atoms, as a
// quoted string where that is enough, else as encoded words.
func appendPhrase(dst []byte, col int, name string) ([]byte, int) {
	if !plain(name, lineLimit) || len(name) > lineLimit-col-4 {
		return appendEncoded(dst, col, name)
	}
	for i := range len(name) {
		if name[i] != ' ' && !atom(name[i]) {
			name = quote(name)
			break
		}
	}
	return append(dst, name...), col + len(name)
}
