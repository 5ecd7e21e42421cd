package quoted

import "bytes"

// Piece is a piece of text that is encoded but for one thing: where the lines
// of its beginning break, which depends on what stands before it. The zero Piece
// is empty.
type Piece struct {
	head  []byte // up to its first line break: escaped, not broken into lines
	tail  []byte // from there on, as it is written
	after Line   // where tail ends
	lf    bool   // the piece begins with a LF
}

// Set makes p the piece for a text, which must be UTF-8. It keeps p's memory.
func (p *Piece) Set(text []byte) {
	end := bytes.IndexAny(text, "\r\n")
	if end < 0 {
		end = len(text)
	}
	p.head, p.tail, p.after = p.head[:0], p.tail[:0], Line{}
	for _, c := range text[:end] {
		if literal[c] {
			p.head = append(p.head, c)
		} else {
			p.head = append(p.head, '=', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	p.tail = appendText(p.tail, &p.after, text[end:])
	p.lf = len(text) > 0 && text[0] == '\n'
}

// Piece appends a piece.
func (l *Line) Piece(dst []byte, p *Piece) []byte {
	if len(p.head) > 0 {
		dst = l.escaped(dst, p.head)
	}
	if len(p.tail) == 0 {
		return dst
	}
	tail := p.tail
	if l.cr && p.lf {
		tail = tail[len("\r\n"):] // a CR has broken the line already
	} else {
		dst = l.End(dst)
	}
	*l = p.after
	return append(dst, tail...)
}

// escaped appends a text that is escaped and has no line break of its own, in
// lines as appendText would break it.
func (l *Line) escaped(dst, s []byte) []byte {
	l.cr = false
	for {
		if l.special(s[0]) {
			dst = l.escape(dst, s[0])
			s = s[1:]
		}
		room := maxLine - l.col
		if len(s) <= room {
			l.col += len(s)
			return append(dst, s...)
		}
		// No escape is torn apart.
		switch {
		case room >= 1 && s[room-1] == '=':
			room--
		case room >= 2 && s[room-2] == '=':
			room -= 2
		}
		dst = l.wrap(append(dst, s[:room]...))
		s = s[room:]
	}
}
