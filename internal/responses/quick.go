package responses

import (
	"strings"

	"rapport/internal/plainjson"
)

// Nearly every callback is a plain object, or a list of plain objects, with known
// fields. Those are read here in one go, a few times faster than by reflection.
// Whatever is unusual in any way is left to ParseCallback, which knows what to say
// about it; what both can read they read alike.

// entry is one event of a body with its text.
type entry struct {
	callback
	raw string
}

// quickEntries reads a whole body; ok is false when any of it is unusual.
func quickEntries(body []byte) (list []entry, ok bool) {
	text := string(body)
	r := plainjson.NewReader(text)
	r.Space()
	if !strings.HasPrefix(text[r.At():], "[") {
		var one entry
		ok = one.read(r)
		return []entry{one}, ok && r.End()
	}
	list = make([]entry, 0, min(MaxEvents, strings.Count(text, `"event"`)))
	ok = r.Items(func() bool {
		list = append(list, entry{})
		return len(list) <= MaxEvents && list[len(list)-1].read(r)
	})
	return list, ok && r.End()
}

// read reads one object.
func (e *entry) read(r *plainjson.Reader) bool {
	at := r.At()
	ok := r.Fields(func(name string) bool { return e.field(r, name) })
	e.raw = r.Since(at)
	return ok
}

// field reads the value of a field that was not there before.
func (e *entry) field(r *plainjson.Reader, name string) (ok bool) {
	switch name {
	case "properties":
		if e.Properties != nil {
			return false
		}
		e.Properties, ok = r.Object()
		return ok
	case "machine":
		was := e.Machine
		e.Machine = true
		return !was && r.Word("true")
	}
	to := e.text(name)
	if to == nil || *to != "" {
		return false
	}
	*to, ok = r.Text()
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
