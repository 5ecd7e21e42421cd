package mime

import (
	"bytes"
	"crypto/sha256"
	"strings"
)

// splitMessage parts a message at its first empty line. The header keeps the
// CRLF of its last field.
func splitMessage(message []byte) (header, body []byte) {
	if end := bytes.Index(message, []byte("\r\n\r\n")); end >= 0 {
		return message[:end+2], message[end+4:]
	}
	return message, nil
}

// nextField cuts the first field, with its folded lines and CRLF, off a header.
func nextField(header []byte) (field, rest []byte) {
	for at := 0; ; {
		end := bytes.IndexByte(header[at:], '\n')
		if end < 0 {
			return header, nil
		}
		at += end + 1
		if at == len(header) || header[at] != ' ' && header[at] != '\t' {
			return header[:at], header[at:]
		}
	}
}

// appendNamedFields appends the fields named, each in relaxed form. Of fields
// with one name the last is taken first; a name with no field left adds
// nothing (RFC 6376 5.4.2).
func appendNamedFields(dst, header []byte, names []string) []byte {
	var fields [64][]byte
	all := fields[:0]
	for len(header) > 0 {
		var field []byte
		field, header = nextField(header)
		all = append(all, field)
	}
	for _, name := range names {
		for i := len(all) - 1; i >= 0; i-- {
			if fieldIs(all[i], name) {
				dst = appendRelaxedField(dst, all[i])
				all[i] = nil
				break
			}
		}
	}
	return dst
}

func fieldIs(field []byte, name string) bool {
	colon := bytes.IndexByte(field, ':')
	return colon >= 0 && strings.EqualFold(string(bytes.TrimRight(field[:colon], " \t")), name)
}

// appendRelaxedField appends a field in relaxed form (RFC 6376 3.4.2): the name
// in lower case, folds undone, runs of blanks as one space, none at the ends,
// and a CRLF.
func appendRelaxedField(dst, field []byte) []byte {
	colon := bytes.IndexByte(field, ':')
	if colon < 0 {
		return dst
	}
	for _, c := range bytes.TrimRight(field[:colon], " \t") {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	dst = append(dst, ':')
	start, blank := len(dst), false
	for _, c := range field[colon+1:] {
		switch c {
		case '\r', '\n':
		case ' ', '\t':
			blank = true
		default:
			if blank && len(dst) > start {
				dst = append(dst, ' ')
			}
			blank = false
			dst = append(dst, c)
		}
	}
	return append(dst, "\r\n"...)
}

// bodyHash is the SHA-256 of a body in relaxed form (RFC 6376 3.4.4): runs of
// blanks as one space, none at the ends of lines, no empty lines at the end.
func bodyHash(body []byte) [sha256.Size]byte {
	out := make([]byte, 0, len(body)+2)
	end := 0 // after the last line that is not empty
	for len(body) > 0 {
		line, rest, _ := bytes.Cut(body, []byte("\r\n"))
		body = rest
		start := len(out)
		for {
			at := bytes.IndexAny(line, " \t")
			if at < 0 {
				out = append(out, line...)
				break
			}
			out = append(out, line[:at]...)
			if line = bytes.TrimLeft(line[at:], " \t"); len(line) == 0 {
				break
			}
			out = append(out, ' ')
		}
		filled := len(out) > start
		out = append(out, "\r\n"...)
		if filled {
			end = len(out)
		}
	}
	return sha256.Sum256(out[:end])
}
