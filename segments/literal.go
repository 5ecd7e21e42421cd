package segments

import (
	"math"
	"math/big"
	"strconv"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
	"rapport/internal/strict"
)

// Types of values, as rapport.yaml declares them.
const (
	typeText   = "text"
	typeNumber = "number"
	typeBool   = "bool"
	typeDate   = "date"
	typeList   = "list"
)

// literal is a value that stands in a condition, in the forms in which it is
// compared.
type literal struct {
	kind    string // typeText, typeNumber, typeBool or typeDate
	shown   string
	text    string // folded
	num     number
	flag    bool
	day     int64  // days since 1970-01-01
	element string // as contacts.Element gives it
}

// number is a number as a bound: in millionths for exact values, and as a key
// that orders like the numbers for all others.
type number struct {
	floor, ceil int64 // millionths around it; equal when it is one
	key         int64 // contacts.FloatKey
}

func numberOf(f float64) number {
	n := number{key: contacts.FloatKey(f)}
	if exact, ok := contacts.Exact(f); ok {
		n.floor, n.ceil = exact, exact
		return n
	}
	// Beyond what any exact value can be, the bound only has to lie outside.
	const outside = 1 << 60
	if math.Abs(f) > outside/contacts.Million {
		n.floor = outside
		if f < 0 {
			n.floor = -outside
		}
		n.ceil = n.floor
		return n
	}
	// The decimal that was written, not the binary fraction next to it.
	r, _ := new(big.Rat).SetString(strconv.FormatFloat(f, 'g', -1, 64))
	r.Mul(r, big.NewRat(contacts.Million, 1))
	quotient, rest := new(big.Int).DivMod(r.Num(), r.Denom(), new(big.Int))
	n.floor, n.ceil = quotient.Int64(), quotient.Int64()
	if rest.Sign() != 0 {
		n.ceil++
	}
	return n
}

// literal reads one value. typ is the declared type, empty when nothing is
// declared: then the value itself decides.
func (d *decoder) literal(n strict.Node, what, typ string) (literal, bool) {
	if n.IsList() || n.IsMap() {
		n.Hintf(strict.CodeWrongType, "use in: for one of several values", "%s must be one value", n.Label())
		return literal{}, false
	}
	if n.IsNull() {
		n.Hintf(strict.CodeWrongType, "ask for what is missing with exists: false", "%s is empty", n.Label())
		return literal{}, false
	}
	v, ok := n.Value()
	if !ok {
		return literal{}, false
	}
	if s, isText := v.(string); isText && typ == typeDate {
		date, err := calendar.ParseDate(s)
		if err != nil {
			n.Errorf(strict.CodeBadValue, "%s is a date; %v", what, err)
			return literal{}, false
		}
		v = date
	}
	l, ok := literalOf(v)
	if !ok {
		n.Hintf(strict.CodeBadValue, "ask for what is missing with exists: false", "%s is empty text, which counts as missing", n.Label())
		return literal{}, false
	}
	if typ == "" || typ == l.kind {
		return l, true
	}
	hint := ""
	if typ == typeText {
		hint = "write " + strconv.Quote(l.shown)
	} else if l.kind == typeText {
		if again, ok := literalOf(plainValue(l.shown)); ok && again.kind == typ {
			hint = "leave the quotes out"
		}
	}
	n.Hintf(strict.CodeWrongType, hint, "%s is %s, but %s is %s", what, article(typ), l.shown, article(l.kind))
	return literal{}, false
}

// plainValue is the value that text would be without its quotes.
func plainValue(s string) any {
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return f
	}
	if b, err := strconv.ParseBool(s); err == nil {
		return b
	}
	return s
}

func literalOf(v any) (literal, bool) {
	var l literal
	switch v := v.(type) {
	case string:
		l = literal{kind: typeText, shown: v, text: contacts.Fold(v)}
		if l.text == "" {
			return l, false
		}
	case int64:
		l = literal{kind: typeNumber, shown: strconv.FormatInt(v, 10), num: numberOf(float64(v))}
	case float64:
		l = literal{kind: typeNumber, shown: strconv.FormatFloat(v, 'f', -1, 64), num: numberOf(v)}
	case bool:
		l = literal{kind: typeBool, shown: strconv.FormatBool(v), flag: v}
	case calendar.Date:
		l = literal{kind: typeDate, shown: v.String(), day: contacts.DayNumber(v)}
		l.element = "t" + contacts.Fold(l.shown)
		return l, true
	}
	l.element, _ = contacts.Element(v)
	return l, true
}

// literals reads a list of values.
func (d *decoder) literals(n strict.Node, what, typ string) ([]literal, bool) {
	items := n.List()
	switch {
	case !n.IsList():
		return nil, false
	case len(items) == 0:
		n.Errorf(CodeAlways, "%s is an empty list", n.Label())
		return nil, false
	case len(items) > maxChoices:
		n.Hintf(CodeTooMany, "mark these contacts with an attribute and ask for that", "%s has %d values; at most %d are allowed", n.Label(), len(items), maxChoices)
		return nil, false
	}
	good := true
	var list []literal
	for _, item := range items {
		l, ok := d.literal(item, what, typ)
		if good = good && ok; ok {
			list = append(list, l)
		}
	}
	return list, good
}

func article(typ string) string {
	switch typ {
	case typeBool:
		return "true or false"
	case typeText:
		return "text"
	}
	return "a " + typ
}
