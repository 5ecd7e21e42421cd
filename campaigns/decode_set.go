package campaigns

import (
	"slices"
	"strings"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
	"rapport/internal/strict"
)

// settable are the fields of a contact, beside attributes, that a step may write.
var settable = []string{"first_name", "last_name", "language", "timezone"}

func (d *decoder) set(s *Step, n strict.Node) bool {
	m := n.Map()
	if !m.OK() {
		return false
	}
	s.Set = map[string]any{}
	good := true
	for _, p := range m.Pairs() {
		field := p.Key.Raw().Value
		known := d.field(p.Key, field)
		good = good && known
		if p.Value.IsNull() {
			s.Set[field] = nil
			continue
		}
		v, ok := p.Value.Value()
		if v = Plain(v); ok && known {
			ok = d.fits(p.Value, field, v)
		}
		good = good && ok
		s.Set[field] = v
	}
	if len(s.Set) == 0 {
		n.Errorf(strict.CodeBadValue, "there is nothing to set")
		return false
	}
	return good
}

func (d *decoder) field(key strict.Node, field string) bool {
	name, isAttribute := strings.CutPrefix(field, attributePrefix)
	switch {
	case slices.Contains(settable, field):
		return true
	case contacts.Builtin(name):
		key.Errorf(strict.CodeBadValue, "%s cannot be set by a step", name)
		return false
	case !isAttribute:
		key.Hintf(strict.CodeBadValue, "write attributes."+field, "%q is not a field of a contact", field)
		return false
	case name == "" || strings.Contains(name, "."):
		key.Errorf(strict.CodeBadValue, "%q does not name one attribute", field)
		return false
	}
	if d.env != nil && d.env.Attributes != nil {
		names := make([]string, 0, len(d.env.Attributes))
		for known := range d.env.Attributes {
			names = append(names, known)
		}
		slices.Sort(names)
		d.known(key, "attribute", name, names)
	}
	return true
}

// typeNames are the declared types as findings call them.
var typeNames = map[string]string{
	"text": "text", "number": "a number", "bool": "true or false", "list": "a list", "date": "a date, as in 2026-03-02",
}

// fits checks the type of a value against the field that it is for.
func (d *decoder) fits(n strict.Node, field string, v any) bool {
	kind := "text"
	if name, isAttribute := strings.CutPrefix(field, attributePrefix); isAttribute {
		if d.env == nil || d.env.Attributes == nil {
			return true
		}
		kind = d.env.Attributes[name]
	}
	text, isText := v.(string)
	good := true
	switch kind {
	case "text":
		good = isText
	case "number":
		_, good = v.(float64)
	case "bool":
		_, good = v.(bool)
	case "list":
		_, good = v.([]any)
	case "date":
		_, err := calendar.ParseDate(text)
		good = isText && err == nil
	}
	if !good {
		n.Errorf(strict.CodeWrongType, "%s must be %s", field, typeNames[kind])
		return false
	}
	if field == "timezone" {
		_, good = n.Zone()
	}
	return good
}

// Plain brings a value of a workspace into the form that attributes and properties
// have in the store: the one that encoding/json decodes to. The argument is left
// as it is.
func Plain(v any) any {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case calendar.Date:
		return v.String()
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = Plain(v[i])
		}
		return out
	}
	return v
}
