package quoted

// Piece is a piece of text that is encoded before anybody knows where in a line
// it will stand. If its beginning does not fit there, it starts on a line of its
// own, which is no line break of the text: so a piece is copied as it is, and
// never broken into lines again. The zero Piece is empty.
type Piece struct {
	head  []byte // up to its first line break: escaped, in one line
	tail  []byte // from there on, as it is written
	whole []byte // all of it, as it is written from the beginning of a line
	after Line   // where whole ends, and tail too
	lf    bool   // the piece begins with a LF
}

// Set makes p the piece for a text, which must be UTF-8. It keeps p's memory.
func (p *Piece) Set(text []byte) {
	end := 0
	for end < len(text) && text[end] != '\r' && text[end] != '\n' {
		end++
	}
	p.head, p.tail, p.whole, p.after = p.head[:0], p.tail[:0], p.whole[:0], Line{}
	for _, c := range text[:end] {
		if literal[c] {
			p.head = append(p.head, c)
		} else {
			p.head = append(p.head, '=', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	var line Line
	p.tail = appendText(p.tail, &line, text[end:])
	p.whole = appendText(p.whole, &p.after, text)
	p.lf = len(text) > 0 && text[0] == '\n'
}

// Piece appends a piece.
func (l *Line) Piece(dst []byte, p *Piece) []byte {
	if len(p.head) > 0 {
		if l.col == 0 || len(p.head) > maxLine-l.col {
			if l.col > 0 {
				dst = l.wrap(dst)
			}
			*l = p.after
			return append(dst, p.whole...)
		}
		l.col += len(p.head)
		l.cr = false
		dst = append(dst, p.head...)
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
