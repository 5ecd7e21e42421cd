package plainjson

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// deepest is how many objects and lists stand in each other at most: who wrote the
// text chose the depth.
const deepest = 20

// Object reads a text that is one object: texts, numbers as float64, booleans, null,
// lists and objects.
func Object(text string) (map[string]any, bool) {
	r := NewReader(text)
	r.Space()
	m, ok := r.Object()
	return m, ok && r.End()
}

// Reader goes through a text from the front. A method that reports false may have
// read a part of what it did not understand.
type Reader struct {
	text  string
	at    int
	depth int
}

// NewReader reads a text.
func NewReader(text string) *Reader { return &Reader{text: text} }

// At is how many bytes were read.
func (r *Reader) At() int { return r.at }

// Since is the text from a place up to where the reader stands.
func (r *Reader) Since(at int) string { return r.text[at:r.at] }

// End passes over space and reports whether nothing else is left.
func (r *Reader) End() bool {
	r.Space()
	return r.at == len(r.text)
}

// Space passes over what stands between the parts of JSON.
func (r *Reader) Space() {
	for r.at < len(r.text) && (r.text[r.at] == ' ' || r.text[r.at] == '\n' || r.text[r.at] == '\t' || r.text[r.at] == '\r') {
		r.at++
	}
}

// Take passes over a byte if it comes next.
func (r *Reader) Take(c byte) bool {
	if r.at < len(r.text) && r.text[r.at] == c {
		r.at++
		return true
	}
	return false
}

// Word passes over a word if it comes next.
func (r *Reader) Word(w string) bool {
	if strings.HasPrefix(r.text[r.at:], w) {
		r.at += len(w)
		return true
	}
	return false
}

// Text reads a text without a backslash.
func (r *Reader) Text() (string, bool) {
	if !r.Take('"') {
		return "", false
	}
	ascii := true
	for i := r.at; i < len(r.text); i++ {
		switch c := r.text[i]; {
		case c == '"':
			s := r.text[r.at:i]
			r.at = i + 1
			return s, ascii || utf8.ValidString(s)
		case c == '\\' || c < ' ':
			return "", false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return "", false
}

// Fields reads an object and calls field for each name, when its value comes next;
// that reads it, and reports whether it could.
func (r *Reader) Fields(field func(name string) bool) bool {
	if r.depth == deepest || !r.Take('{') {
		return false
	}
	r.depth++
	defer func() { r.depth-- }()
	if r.Space(); r.Take('}') {
		return true
	}
	for {
		r.Space()
		name, ok := r.Text()
		r.Space()
		if !ok || !r.Take(':') {
			return false
		}
		r.Space()
		if !field(name) {
			return false
		}
		if more, ok := r.more('}'); !more {
			return ok
		}
	}
}

// Items reads a list and calls item when one comes next; that reads it, and reports
// whether it could.
func (r *Reader) Items(item func() bool) bool {
	if r.depth == deepest || !r.Take('[') {
		return false
	}
	r.depth++
	defer func() { r.depth-- }()
	if r.Space(); r.Take(']') {
		return true
	}
	for {
		r.Space()
		if !item() {
			return false
		}
		if more, ok := r.more(']'); !more {
			return ok
		}
	}
}

// more reads what stands behind a part: a comma, or the end.
func (r *Reader) more(end byte) (more, ok bool) {
	r.Space()
	if r.Take(',') {
		return true, true
	}
	return false, r.Take(end)
}

// Object reads an object.
func (r *Reader) Object() (map[string]any, bool) {
	m := make(map[string]any, 8)
	ok := r.Fields(func(name string) bool {
		v, ok := r.value()
		m[name] = v
		return ok
	})
	return m, ok
}

func (r *Reader) value() (any, bool) {
	if r.at == len(r.text) {
		return nil, false
	}
	switch r.text[r.at] {
	case '"':
		return r.Text()
	case '{':
		return r.Object()
	case '[':
		list := []any{}
		ok := r.Items(func() bool {
			v, ok := r.value()
			list = append(list, v)
			return ok
		})
		return list, ok
	case 't':
		return true, r.Word("true")
	case 'f':
		return false, r.Word("false")
	case 'n':
		return nil, r.Word("null")
	}
	return r.number()
}

// number reads a number as RFC 8259, section 6, writes it.
func (r *Reader) number() (any, bool) {
	start := r.at
	r.Take('-')
	if !r.Take('0') && r.digits() == 0 || r.Take('.') && r.digits() == 0 {
		return nil, false
	}
	if r.Take('e') || r.Take('E') {
		if !r.Take('-') {
			r.Take('+')
		}
		if r.digits() == 0 {
			return nil, false
		}
	}
	x, err := strconv.ParseFloat(r.text[start:r.at], 64)
	return x, err == nil
}

// digits passes over digits and returns how many there were.
func (r *Reader) digits() int {
	start := r.at
	for r.at < len(r.text) && r.text[r.at] >= '0' && r.text[r.at] <= '9' {
		r.at++
	}
	return r.at - start
}
