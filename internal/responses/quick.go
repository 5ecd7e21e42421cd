package responses

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// Nearly every callback is a plain object, or a list of plain objects: known
// fields with texts of printable ASCII, and properties. Those are read here in
// one go, a few times faster than by reflection. Whatever is unusual in any way
// is left to ParseCallback, which knows what to say about it; what both can read
// they read alike.

// entry is one event of a body with its text.
type entry struct {
	callback
	raw []byte
}

// quickEntries reads a whole body; ok is false when any of it is unusual.
func quickEntries(body []byte) (list []entry, ok bool) {
	r := quickReader{rest: body}
	r.space()
	if !r.take('[') {
		var one entry
		ok = r.entry(&one)
		return []entry{one}, ok && r.end()
	}
	for {
		list = append(list, entry{})
		if len(list) > MaxEvents || !r.entry(&list[len(list)-1]) {
			return nil, false
		}
		r.space()
		switch {
		case r.take(','):
			r.space()
		case r.take(']'):
			return list, r.end()
		default:
			return nil, false
		}
	}
}

// quickReader goes through a body from the front.
type quickReader struct{ rest []byte }

func (r *quickReader) space() {
	for len(r.rest) > 0 && (r.rest[0] == ' ' || r.rest[0] == '\n' || r.rest[0] == '\r' || r.rest[0] == '\t') {
		r.rest = r.rest[1:]
	}
}

func (r *quickReader) take(c byte) bool {
	if len(r.rest) == 0 || r.rest[0] != c {
		return false
	}
	r.rest = r.rest[1:]
	return true
}

// end reports whether nothing but space is left.
func (r *quickReader) end() bool {
	r.space()
	return len(r.rest) == 0
}

// text reads a string of printable ASCII without escapes.
func (r *quickReader) text() (string, bool) {
	if !r.take('"') {
		return "", false
	}
	for i, c := range r.rest {
		switch {
		case c == '"':
			s := string(r.rest[:i])
			r.rest = r.rest[i+1:]
			return s, true
		case c < ' ' || c > '~' || c == '\\':
			return "", false
		}
	}
	return "", false
}

// entry reads one object.
func (r *quickReader) entry(e *entry) bool {
	whole := r.rest
	if !r.take('{') {
		return false
	}
	for {
		r.space()
		name, ok := r.text()
		r.space()
		if !ok || !r.take(':') {
			return false
		}
		r.space()
		if !r.field(e, name) {
			return false
		}
		r.space()
		switch {
		case r.take(','):
		case r.take('}'):
			e.raw = whole[:len(whole)-len(r.rest)]
			return true
		default:
			return false
		}
	}
}

// field reads the value of a field that was not there before.
func (r *quickReader) field(e *entry, name string) bool {
	if name == "properties" {
		return e.Properties == nil && r.object(&e.Properties)
	}
	if name == "machine" {
		if !e.Machine && bytes.HasPrefix(r.rest, []byte("true")) {
			e.Machine, r.rest = true, r.rest[4:]
			return true
		}
		return false
	}
	to := e.callback.text(name)
	if to == nil || *to != "" {
		return false
	}
	var ok bool
	*to, ok = r.text()
	return ok && *to != ""
}

// text is the field of a name, if it holds a text.
func (c *callback) text(name string) *string {
	switch name {
	case "event":
		return &c.Event
	case "id":
		return &c.ID
	case "message":
		return &c.Message
	case "message_id":
		return &c.MessageID
	case "email":
		return &c.Email
	case "at":
		return &c.At
	case "link":
		return &c.Link
	case "topic":
		return &c.Topic
	}
	return nil
}

// object reads an object: a plain one in one go, any other the usual way.
func (r *quickReader) object(into *map[string]any) bool {
	whole := r.rest
	if m, ok := r.plain(); ok {
		*into = m
		return true
	}
	r.rest = whole
	return r.deep(into)
}

// plain reads an object of texts, numbers, true, false and null.
func (r *quickReader) plain() (map[string]any, bool) {
	if !r.take('{') {
		return nil, false
	}
	m := make(map[string]any, 4)
	r.space()
	if r.take('}') {
		return m, true
	}
	for {
		r.space()
		name, ok := r.text()
		r.space()
		if !ok || !r.take(':') {
			return nil, false
		}
		r.space()
		if m[name], ok = r.value(); !ok {
			return nil, false
		}
		r.space()
		switch {
		case r.take(','):
		case r.take('}'):
			return m, true
		default:
			return nil, false
		}
	}
}

func (r *quickReader) value() (any, bool) {
	switch {
	case len(r.rest) == 0:
		return nil, false
	case r.rest[0] == '"':
		return r.text()
	case r.word("true"):
		return true, true
	case r.word("false"):
		return false, true
	case r.word("null"):
		return nil, true
	}
	return r.number()
}

func (r *quickReader) word(w string) bool {
	rest, ok := bytes.CutPrefix(r.rest, []byte(w))
	r.rest = rest
	return ok
}

// number reads a number as RFC 8259, section 6, writes it.
func (r *quickReader) number() (float64, bool) {
	whole := r.rest
	r.take('-')
	if !r.take('0') && r.digits() == 0 || r.take('.') && r.digits() == 0 {
		return 0, false
	}
	if r.take('e') || r.take('E') {
		if !r.take('-') {
			r.take('+')
		}
		if r.digits() == 0 {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(string(whole[:len(whole)-len(r.rest)]), 64)
	return f, err == nil
}

// digits passes over digits and returns how many there were.
func (r *quickReader) digits() (n int) {
	for n < len(r.rest) && r.rest[n] >= '0' && r.rest[n] <= '9' {
		n++
	}
	r.rest = r.rest[n:]
	return n
}

// deep finds the end of an object and reads it the usual way.
func (r *quickReader) deep(into *map[string]any) bool {
	depth, quoted := 0, false
	for i := 0; i < len(r.rest); i++ {
		switch c := r.rest[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				err := json.Unmarshal(r.rest[:i+1], into)
				r.rest = r.rest[i+1:]
				return err == nil && *into != nil
			}
		case depth == 0:
			return false
		}
	}
	return false
}
