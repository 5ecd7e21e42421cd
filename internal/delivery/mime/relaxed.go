package mime

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"strings"
	"sync"
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

// work is what signing one message needs, kept for the next one.
type work struct {
	hash  hash.Hash
	sum   [sha256.Size]byte
	input []byte
}

var works = sync.Pool{New: func() any { return &work{hash: sha256.New()} }}

// bodyHash is the SHA-256 of a body in relaxed form (RFC 6376 3.4.4): runs of
// blanks as one space, none at the ends of lines, no empty lines at the end. It
// is hashed where it stands: most of a body is in that form already.
func (w *work) bodyHash(body []byte) []byte {
	w.hash.Reset()
	for {
		body = bytes.TrimRight(body, " \t")
		rest, cut := bytes.CutSuffix(body, crlf)
		if !cut {
			break
		}
		body = rest
	}
	some := len(body) > 0
	for len(body) > 0 {
		n := relaxedLen(body)
		w.hash.Write(body[:n])
		if body = body[n:]; len(body) == 0 {
			break
		}
		if body = bytes.TrimLeft(body, " \t"); !bytes.HasPrefix(body, crlf) {
			w.hash.Write(space)
		}
	}
	if some {
		w.hash.Write(crlf)
	}
	return w.hash.Sum(w.sum[:0])
}

var (
	crlf  = []byte("\r\n")
	space = []byte(" ")
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// relaxedLen is how much of a body's beginning is in relaxed form already: up to
// a tab, or a blank that a blank or a CR stands behind. The body does not end in
// a blank.
func relaxedLen(body []byte) int {
	n := 0
	for ; len(body)-n > 8; n += 8 {
		// Eight bytes at once, each with the one behind it. A bit is set in the
		// high bit of each byte that is what is looked for; those above the
		// lowest may be wrong, so the bytes of such a word are looked at one by one.
		x, next := binary.LittleEndian.Uint64(body[n:]), binary.LittleEndian.Uint64(body[n+1:])
		if (is(x, '\t') | is(x, ' ')&(is(next, ' ')|is(next, '\t')|is(next, '\r'))) == 0 {
			continue
		}
		for i := n; i < n+8; i++ {
			if odd(body, i) {
				return i
			}
		}
	}
	for ; n < len(body); n++ {
		if odd(body, n) {
			return n
		}
	}
	return n
}

// odd reports whether a blank at i is not as relaxed form has it, or may not be.
func odd(body []byte, i int) bool {
	if body[i] != ' ' || i+1 == len(body) {
		return body[i] == '\t'
	}
	next := body[i+1]
	return next == ' ' || next == '\t' || next == '\r'
}

// is sets the high bit of each byte of x that is c.
func is(x uint64, c byte) uint64 {
	y := x ^ uint64(c)*ones
	return (y - ones) &^ y & highs
}
