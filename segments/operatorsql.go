package segments

import (
	"fmt"
	"strings"

	"rapport/internal/contacts"
)

// sql is the test as an expression over a source, true or false and never null.
func (t *test) sql(p *SQL, s source) string {
	text := s.of(contacts.KindText)
	switch t.op {
	case "is", "in":
		return t.equalsSQL(p, s)
	case "is_not", "not_in":
		return "(not " + t.equalsSQL(p, s) + ")"
	case "exists":
		if t.want {
			return s.exists()
		}
		return "(not " + s.exists() + ")"
	case "contains":
		if p.Dialect == Postgres {
			return orFalse("strpos(" + text + ", " + p.text(t.values[0].text) + ") > 0")
		}
		return orFalse("instr(" + text + ", " + p.text(t.values[0].text) + ") > 0")
	case "starts_with":
		if p.Dialect == Postgres {
			return orFalse("starts_with(" + text + ", " + p.text(t.values[0].text) + ")")
		}
		arg := p.text(t.values[0].text)
		return orFalse("substr(" + text + ", 1, length(" + arg + ")) = " + arg)
	case "ends_with":
		arg := p.text(t.values[0].text)
		if p.Dialect == Postgres {
			return orFalse("right(" + text + ", char_length(" + arg + ")) = " + arg)
		}
		// A text that is shorter than the end would count from its beginning.
		return orFalse("length(" + text + ") >= length(" + arg + ") and substr(" + text + ", -length(" + arg + ")) = " + arg)
	case "matches":
		if p.Dialect == Postgres {
			return orFalse(text + " ~ " + p.text(t.pattern.postgres))
		}
		return "(" + text + " is not null and " + MatchFunction + "(" + p.text(t.pattern.portable) + ", " + text + "))"
	case "above":
		return s.compare(">", t.values[0].num.floor, t.values[0].num.key)
	case "at_least":
		return s.compare(">=", t.values[0].num.ceil, t.values[0].num.key)
	case "below":
		return s.compare("<", t.values[0].num.ceil, t.values[0].num.key)
	case "at_most":
		return s.compare("<=", t.values[0].num.floor, t.values[0].num.key)
	case "has", "has_any", "has_all":
		parts := make([]string, len(t.values))
		for i, l := range t.values {
			parts[i] = s.has(p, l.element)
		}
		if t.op == "has_all" {
			return join(parts, "and")
		}
		return join(parts, "or")
	case "anniversary_in":
		return anniversarySQL(s, p.clock(), t.days)
	}
	if r, ok := t.dates(p.clock().today()); ok {
		return r.sql(s, p.clock())
	}
	low, high := t.values[0].num, t.values[1].num
	return "(" + s.compare(">=", low.ceil, low.key) + " and " + s.compare("<=", high.floor, high.key) + ")"
}

// compare compares a number in whichever of its two forms it has.
func (s source) compare(operator string, millionths, key int64) string {
	return fmt.Sprintf("coalesce(%s %s %d, %s %s %d, false)", s.of(contacts.KindNumber), operator, millionths, s.of(contacts.KindFloat), operator, key)
}

func (t *test) equalsSQL(p *SQL, s source) string {
	var texts []string
	var exact, floats, flags []int64
	var parts []string
	for _, l := range t.values {
		switch l.kind {
		case typeText:
			texts = append(texts, p.text(l.text))
		case typeNumber:
			if l.num.floor == l.num.ceil {
				exact = append(exact, l.num.floor)
			}
			floats = append(floats, l.num.key)
		case typeBool:
			n := int64(0)
			if l.flag {
				n = 1
			}
			flags = append(flags, n)
		case typeDate:
			parts = append(parts, dayRange{l.day, l.day}.sql(s, p.clock()))
		}
	}
	if len(texts) > 0 {
		parts = append(parts, orFalse(s.of(contacts.KindText)+" in ("+strings.Join(texts, ", ")+")"))
	}
	for _, in := range []struct {
		kind contacts.Kind
		list []int64
	}{{contacts.KindNumber, exact}, {contacts.KindFloat, floats}, {contacts.KindBool, flags}} {
		if len(in.list) > 0 {
			parts = append(parts, orFalse(s.of(in.kind)+" in ("+integers(in.list)+")"))
		}
	}
	return join(parts, "or")
}
