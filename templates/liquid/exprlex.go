package liquid

import (
	"strings"
	"unicode/utf8"
)

// wordKind says what a word of an expression is.
type wordKind uint8

const (
	wEnd wordKind = iota
	wName
	wNumber
	wQuoted
	wSign // punctuation and comparison operators
)

// word is one piece of the markup inside a tag or output.
type word struct {
	kind wordKind
	text string // for wQuoted without the quotes
	off  int    // bytes from the start of the markup
}

// words parts markup into words.
func words(markup string, base Pos) ([]word, *Error) {
	list := make([]word, 0, 8)
	for i := 0; ; {
		i = skipSpace(markup, i)
		if i >= len(markup) {
			return append(list, word{kind: wEnd, off: len(markup)}), nil
		}
		w, next, err := nextWord(markup, i, base)
		if err != nil {
			return nil, err
		}
		list = append(list, w)
		i = next
	}
}

func nextWord(s string, i int, base Pos) (word, int, *Error) {
	c := s[i]
	switch {
	case c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'):
		j := i
		for j < len(s) && (isWord(s[j]) || s[j] == '-') {
			j++
		}
		if j < len(s) && s[j] == '?' {
			j++
		}
		return word{wName, s[i:j], i}, j, nil
	case isDigit(c) || (c == '-' && i+1 < len(s) && isDigit(s[i+1])):
		j := i + 1
		for j < len(s) && isDigit(s[j]) {
			j++
		}
		if j+1 < len(s) && s[j] == '.' && isDigit(s[j+1]) {
			for j++; j < len(s) && isDigit(s[j]); j++ {
			}
		}
		return word{wNumber, s[i:j], i}, j, nil
	case c == '"' || c == '\'':
		j := strings.IndexByte(s[i+1:], c)
		if j < 0 {
			return word{}, 0, base.at(s, i).errorf("close it with "+string(c), "this text is not closed")
		}
		return word{wQuoted, s[i+1 : i+1+j], i}, i + j + 2, nil
	}
	for _, sign := range [...]string{"==", "!=", "<>", "<=", ">=", "..", "<", ">", ".", ",", ":", "|", "[", "]", "(", ")", "="} {
		if strings.HasPrefix(s[i:], sign) {
			return word{wSign, sign, i}, i + len(sign), nil
		}
	}
	r, _ := utf8.DecodeRuneInString(s[i:])
	hint := ""
	switch r {
	case '“', '”', '„', '‘', '’':
		hint = "write straight quotes: \" or '"
	case '&', '!':
		hint = "write and, or, !="
	case '+', '-', '*', '/', '%':
		hint = "use the filters plus, minus, times, divided_by, modulo"
	}
	return word{}, 0, base.at(s, i).errorf(hint, "unexpected character %q", r)
}

// reader walks over the words of one markup.
type reader struct {
	markup string
	base   Pos
	words  []word
	i      int
	depth  int // brackets and ranges in each other

	// the last position asked for: offsets only grow
	seenOff int
	seenPos Pos
}

func newReader(markup string, base Pos) (*reader, *Error) {
	list, err := words(markup, base)
	if err != nil {
		return nil, err
	}
	return &reader{markup: markup, base: base, words: list, seenPos: base}, nil
}

func (r *reader) peek() word { return r.words[r.i] }
func (r *reader) second() word {
	return r.words[min(r.i+1, len(r.words)-1)]
}
func (r *reader) next() word {
	w := r.words[r.i]
	if w.kind != wEnd {
		r.i++
	}
	return w
}
func (r *reader) pos() Pos {
	off := r.peek().off
	r.seenPos = r.seenPos.at(r.markup[r.seenOff:], off-r.seenOff)
	r.seenOff = off
	return r.seenPos
}
func (r *reader) done() bool { return r.peek().kind == wEnd }
func (r *reader) isSign(s string) bool {
	w := r.peek()
	return w.kind == wSign && w.text == s
}
func (r *reader) isName(s string) bool {
	w := r.peek()
	return w.kind == wName && w.text == s
}
func (r *reader) takeSign(s string) bool {
	if r.isSign(s) {
		r.i++
		return true
	}
	return false
}
func (r *reader) takeName(s string) bool {
	if r.isName(s) {
		r.i++
		return true
	}
	return false
}

// unexpected says what stands where something else was wanted.
func (r *reader) unexpected(wanted string) *Error {
	w := r.peek()
	if w.kind == wEnd {
		return r.pos().errorf("", "%s is missing", wanted)
	}
	text := w.text
	if w.kind == wQuoted {
		text = "'" + text + "'"
	}
	return r.pos().errorf("", "unexpected %s, wanted %s", text, wanted)
}

// end makes sure that nothing is left.
func (r *reader) end() *Error {
	if r.done() {
		return nil
	}
	return r.unexpected("the end of the tag")
}
