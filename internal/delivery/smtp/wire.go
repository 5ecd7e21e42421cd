package smtp

import (
	"bytes"
	"encoding/binary"
)

func (e *Envelope) wireForm(stuff bool) []byte {
	if e.Ready {
		return e.Data
	}
	return wireForm(e.Data, stuff)
}

func (e *Envelope) eightBit() bool { return !e.Ready && eightBit(e.Data) }

// wireForm returns data as it may stand between DATA and the dot: lines in
// CRLF, no bare CR or LF (with which a message can smuggle another one past
// some servers), dots at line starts doubled if stuff is set, and a CRLF at the
// end. Data that is so already, as package mime writes it, is returned itself.
func wireForm(data []byte, stuff bool) []byte {
	if clean(data, stuff) {
		return data
	}
	out := make([]byte, 0, len(data)+64)
	start := true
	for i := 0; i < len(data); i++ {
		c := data[i]
		if c == '\r' || c == '\n' {
			if c == '\r' && i+1 < len(data) && data[i+1] == '\n' {
				i++
			}
			out = append(out, '\r', '\n')
			start = true
			continue
		}
		if start && stuff && c == '.' {
			out = append(out, '.')
		}
		start = false
		out = append(out, c)
	}
	if !start || len(out) == 0 {
		out = append(out, '\r', '\n')
	}
	return out
}

func clean(data []byte, stuff bool) bool {
	if !bytes.HasSuffix(data, []byte("\r\n")) || stuff && data[0] == '.' {
		return false
	}
	lines := 0
	for at := 0; at < len(data); lines++ {
		n := bytes.IndexByte(data[at:], '\n')
		at += n + 1 // never -1: the data ends in a LF
		if at < 2 || data[at-2] != '\r' || stuff && at < len(data) && data[at] == '.' {
			return false
		}
	}
	return bytes.Count(data, []byte{'\r'}) == lines
}

// eightBit reports whether data has bytes beyond ASCII, eight at a time.
func eightBit(data []byte) bool {
	for ; len(data) >= 8; data = data[8:] {
		if binary.LittleEndian.Uint64(data)&0x8080808080808080 != 0 {
			return true
		}
	}
	for _, c := range data {
		if c >= 0x80 {
			return true
		}
	}
	return false
}

// writable reports whether an address can stand between angle brackets in a
// command without ending it.
func writable(address string) bool {
	if len(address) > 320 { // RFC 5321 4.5.3.1: 64 + 1 + 255
		return false
	}
	quoted := false
	for i := 0; i < len(address); i++ {
		switch c := address[i]; {
		case c < ' ' || c == 0x7f:
			return false
		case c == '"':
			quoted = !quoted
		case c == '\\':
			if i++; !quoted || i == len(address) || address[i] < ' ' {
				return false
			}
		case !quoted && (c == ' ' || c == '<' || c == '>'):
			return false
		}
	}
	return !quoted
}
