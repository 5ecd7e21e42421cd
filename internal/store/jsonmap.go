package store

import (
	"encoding/json"
	"strconv"
	"strings"
)

// decodeMap reads the JSON object of attributes or properties: strings, numbers as
// float64, booleans, null and lists of these. Every mail and every step reads one,
// and encoding/json takes three times as long for them; it reads what has anything
// else in it, an object within the object or a text with a backslash, and says
// what is wrong. The strings share the memory of text.
func decodeMap(text string) (map[string]any, error) {
	r := jsonReader{text: text}
	if m, ok := r.object(); ok && r.at == len(text) {
		return m, nil
	}
	var m map[string]any
	err := json.Unmarshal([]byte(text), &m)
	return m, err
}

// jsonReader reads the JSON that a database writes. Its methods report false
// where a text is anything else.
type jsonReader struct {
	text string
	at   int
}

func (r *jsonReader) object() (map[string]any, bool) {
	if !r.take('{') {
		return nil, false
	}
	r.blanks()
	if r.take('}') {
		return map[string]any{}, true
	}
	m := make(map[string]any, 8)
	for {
		r.blanks()
		name, ok := r.string()
		if !ok {
			return nil, false
		}
		r.blanks()
		if !r.take(':') {
			return nil, false
		}
		r.blanks()
		if m[name], ok = r.value(); !ok {
			return nil, false
		}
		r.blanks()
		if r.take('}') {
			return m, true
		}
		if !r.take(',') {
			return nil, false
		}
	}
}

func (r *jsonReader) value() (any, bool) {
	if r.at == len(r.text) {
		return nil, false
	}
	switch r.text[r.at] {
	case '"':
		return r.string()
	case '[':
		return r.list()
	case 't':
		return true, r.word("true")
	case 'f':
		return false, r.word("false")
	case 'n':
		return nil, r.word("null")
	}
	return r.number()
}

func (r *jsonReader) list() (any, bool) {
	r.at++
	list := []any{}
	r.blanks()
	if r.take(']') {
		return list, true
	}
	for {
		r.blanks()
		if r.at < len(r.text) && r.text[r.at] == '[' {
			return nil, false // no list in a list: whoever wrote it chose the depth
		}
		x, ok := r.value()
		if !ok {
			return nil, false
		}
		list = append(list, x)
		r.blanks()
		if r.take(']') {
			return list, true
		}
		if !r.take(',') {
			return nil, false
		}
	}
}

func (r *jsonReader) string() (string, bool) {
	if !r.take('"') {
		return "", false
	}
	for i := r.at; i < len(r.text); i++ {
		switch c := r.text[i]; {
		case c == '"':
			s := r.text[r.at:i]
			r.at = i + 1
			return s, true
		case c == '\\' || c < ' ':
			return "", false
		}
	}
	return "", false
}

func (r *jsonReader) number() (any, bool) {
	start := r.at
	for r.at < len(r.text) && strings.IndexByte("-0123456789.", r.text[r.at]) >= 0 {
		r.at++
	}
	s := r.text[start:r.at]
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || digits[0] == '.' || digits[len(digits)-1] == '.' || len(digits) > 1 && digits[0] == '0' && digits[1] != '.' {
		return nil, false
	}
	x, err := strconv.ParseFloat(s, 64)
	return x, err == nil
}

func (r *jsonReader) word(w string) bool {
	ok := strings.HasPrefix(r.text[r.at:], w)
	r.at += len(w)
	return ok
}

func (r *jsonReader) take(c byte) bool {
	if r.at < len(r.text) && r.text[r.at] == c {
		r.at++
		return true
	}
	return false
}

func (r *jsonReader) blanks() {
	for r.at < len(r.text) && (r.text[r.at] == ' ' || r.text[r.at] == '\n' || r.text[r.at] == '\t' || r.text[r.at] == '\r') {
		r.at++
	}
}
