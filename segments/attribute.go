package segments

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"rapport/internal/contacts"
	"rapport/internal/strict"
)

// attributeLeaf asks a field of the contact.
type attributeLeaf struct {
	path  string
	tests []test // all of them hold
}

func decodeAttribute(d *decoder, m strict.Map) (leaf, bool) {
	n := m.Get("attribute")
	path, ok := n.Text()
	if !ok || !checkPath(n, path) {
		return nil, false
	}
	typ, ok := d.attributeType(n, path)
	if !ok {
		return nil, false
	}
	tests, ok := d.tests(m, path, typ)
	if !ok {
		return nil, false
	}
	if len(tests) == 0 {
		n.Hintf(CodeNoHead, "add an operator, such as is:, or exists: true", "nothing is asked of %s", path)
		return nil, false
	}
	return &attributeLeaf{path, tests}, true
}

// checkPath refuses paths that cannot be written into a database's JSON path.
func checkPath(n strict.Node, path string) bool {
	if len(path) > maxPath {
		n.Errorf(strict.CodeBadValue, "a field has at most %d characters", maxPath)
		return false
	}
	if i := strings.IndexFunc(path, func(r rune) bool { return r == '"' || r == '\\' || unicode.IsControl(r) }); i >= 0 {
		n.Errorf(strict.CodeBadValue, "a field must not contain quotes, backslashes or control characters")
		return false
	}
	return true
}

// attributeType is the type of a field: built in, declared, or empty when it
// could be anything.
func (d *decoder) attributeType(n strict.Node, path string) (string, bool) {
	if path == "created_at" {
		return typeDate, true
	}
	if contacts.Builtin(path) {
		return typeText, true
	}
	if d.env == nil || d.env.Attributes == nil {
		return "", true
	}
	if typ, ok := d.env.Attributes[path]; ok {
		return typ, true
	}
	known := append(contacts.Fields(), slices.Sorted(maps.Keys(d.env.Attributes))...)
	n.Unknownf(CodeUnknownName, path, known, "there is no attribute %q; rapport.yaml declares what there is", path)
	return "", false
}

func (l *attributeLeaf) String() string { return l.path + " " + testsText(l.tests) }

func testsText(tests []test) string {
	texts := make([]string, len(tests))
	for i := range tests {
		texts[i] = tests[i].String()
	}
	return strings.Join(texts, " and ")
}

func (l *attributeLeaf) value(q *Question) contacts.Comparable {
	v, ok := q.Facts.Contact.Field(l.path)
	if !ok {
		return contacts.Comparable{}
	}
	return contacts.Compare(v)
}

func (l *attributeLeaf) answer(q *Question) bool {
	v := l.value(q)
	return holdAll(l.tests, &v, q.clock())
}

func holdAll(tests []test, v *contacts.Comparable, c clock) bool {
	for i := range tests {
		if !tests[i].holds(v, c) {
			return false
		}
	}
	return true
}

func (l *attributeLeaf) why(q *Question) string {
	v, ok := q.Facts.Contact.Field(l.path)
	if !ok {
		return l.path + " is missing"
	}
	why := l.path + " is " + show(v, q.clock())
	compared := contacts.Compare(v)
	if kind := wanted(l.tests); kind != "" && kindOf(&compared) != kind && !(kind == typeDate && isDate(&compared)) {
		why += ", which is " + article(kindOf(&compared)) + " and not " + article(kind)
	}
	return why
}

// wanted is the type of value that the tests need, empty when it does not matter.
func wanted(tests []test) string {
	for _, t := range tests {
		switch t.op {
		case "exists":
		case "has", "has_any", "has_all":
			return typeList
		case "in_last", "in_next", "anniversary_in", "before", "after":
			return typeDate
		default:
			if len(t.values) > 0 {
				return t.values[0].kind
			}
			return typeText
		}
	}
	return ""
}

func isDate(v *contacts.Comparable) bool {
	return v.Is(contacts.KindDay) || v.Is(contacts.KindInstant)
}

func kindOf(v *contacts.Comparable) string {
	switch {
	case v.Is(contacts.KindText):
		return typeText
	case v.Is(contacts.KindNumber), v.Is(contacts.KindFloat):
		return typeNumber
	case v.Is(contacts.KindBool):
		return typeBool
	case v.Is(contacts.KindList):
		return typeList
	case v.Is(contacts.KindMap):
		return "group of fields"
	}
	return typeDate
}

// show writes a value for a person.
func show(v any, c clock) string {
	switch v := v.(type) {
	case string:
		return strconv.Quote(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case time.Time:
		return v.In(c.zone).Format("2006-01-02 15:04")
	case []any:
		texts := make([]string, len(v))
		for i := range v {
			texts[i] = show(v[i], c)
		}
		return "[" + strings.Join(texts, ", ") + "]"
	case map[string]any:
		return "a group of fields"
	}
	return fmt.Sprint(v)
}

func (l *attributeLeaf) next(q *Question) time.Time {
	if !slices.ContainsFunc(l.tests, test.moves) {
		return time.Time{}
	}
	v := l.value(q)
	c := q.clock()
	var next time.Time
	for i := range l.tests {
		if d, ok := l.tests[i].next(&v, c); ok {
			next = earlier(next, c.moment(d))
		}
	}
	return next
}

func (l *attributeLeaf) uses(u *Uses) {
	u.Attributes = append(u.Attributes, l.path)
	switch l.path {
	case "stage":
		u.Stage = true
	case "health":
		u.Health = true
	}
	u.Time = u.Time || slices.ContainsFunc(l.tests, test.moves)
}

func (l *attributeLeaf) sql(p *SQL) string {
	s := p.attribute(l.path)
	parts := make([]string, len(l.tests))
	for i := range l.tests {
		parts[i] = l.tests[i].sql(p, s)
	}
	return join(parts, "and")
}
