package segments

import (
	"slices"
	"strings"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
	"rapport/internal/strict"
)

// valueOperators are the operators that are asked of a value, in the order of
// the language's table, with the types of value that have them.
var valueOperators = []struct {
	name  string
	types []string
}{
	{"is", []string{typeText, typeNumber, typeBool, typeDate}},
	{"is_not", []string{typeText, typeNumber, typeBool, typeDate}},
	{"in", []string{typeText, typeNumber, typeDate}},
	{"not_in", []string{typeText, typeNumber, typeDate}},
	{"contains", []string{typeText}},
	{"starts_with", []string{typeText}},
	{"ends_with", []string{typeText}},
	{"matches", []string{typeText}},
	{"above", []string{typeNumber}},
	{"at_least", []string{typeNumber}},
	{"below", []string{typeNumber}},
	{"at_most", []string{typeNumber}},
	{"between", []string{typeNumber, typeDate}},
	{"exists", []string{typeText, typeNumber, typeBool, typeDate, typeList}},
	{"before", []string{typeDate}},
	{"after", []string{typeDate}},
	{"in_last", []string{typeDate}},
	{"in_next", []string{typeDate}},
	{"anniversary_in", []string{typeDate}},
	{"has", []string{typeList}},
	{"has_any", []string{typeList}},
	{"has_all", []string{typeList}},
}

// operatorNames is every value operator.
var operatorNames = func() []string {
	var names []string
	for _, op := range valueOperators {
		names = append(names, op.name)
	}
	return names
}()

func operatorsOf(typ string) []string {
	var names []string
	for _, op := range valueOperators {
		if slices.Contains(op.types, typ) {
			names = append(names, op.name)
		}
	}
	return names
}

func hasOperator(typ, name string) bool { return slices.Contains(operatorsOf(typ), name) }

// test is one operator with its operand, asked of a value.
type test struct {
	op       string
	shown    string    // the operand as it was written
	values   []literal // is, in, has, …: what it is compared with; between: both ends
	days     int       // in_last, in_next, anniversary_in; before, after: from today
	relative bool      // before, after: days counts
	want     bool      // exists
	pattern  *pattern  // matches
	texts    map[string]bool
}

func (t *test) String() string { return t.op + " " + t.shown }

// tests reads every operator of a map. typ is the declared type of the value,
// empty when nothing is declared; what names the value in findings.
func (d *decoder) tests(m strict.Map, what, typ string) ([]test, bool) {
	good := true
	var list []test
	for _, name := range operatorNames {
		if !m.Has(name) {
			continue
		}
		if typ != "" && !hasOperator(typ, name) {
			m.Key(name).Hintf(CodeWrongOperator, "it takes "+joined(operatorsOf(typ)), "%s does not go with %s, which is %s", name, what, article(typ))
			good = false
			continue
		}
		t, ok := d.test(name, m.Get(name), what, typ)
		if good = good && ok; ok {
			list = append(list, t)
		}
	}
	return list, good
}

// test reads one operator.
func (d *decoder) test(op string, n strict.Node, what, typ string) (test, bool) {
	t := test{op: op}
	if !n.Present() || n.Broken() {
		return t, false
	}
	ok := false
	switch op {
	case "is", "is_not":
		ok = d.one(&t, n, what, typ)
	case "in", "not_in":
		t.values, ok = d.literals(n, what, typ)
	case "contains", "starts_with", "ends_with":
		ok = d.one(&t, n, what, typeText)
	case "matches":
		ok = d.pattern(&t, n)
	case "above", "at_least", "below", "at_most":
		if date, isDate := n.Value(); n.IsScalar() && isDate {
			if _, isDate = date.(calendar.Date); isDate {
				n.Hintf(CodeWrongOperator, "dates take before and after", "%s goes with numbers, not with dates", op)
				return t, false
			}
		} else if n.IsScalar() && !isDate {
			return t, false
		}
		ok = d.one(&t, n, what, typeNumber)
	case "between":
		ok = d.between(&t, n, what, typ)
	case "exists":
		t.want, ok = n.Bool()
		t.shown = yesNo(t.want)
	case "before", "after":
		ok = d.dateBound(&t, n)
	case "in_last", "in_next", "anniversary_in":
		t.days, ok = d.days(n)
		if ok && op == "anniversary_in" && t.days >= 365 {
			n.Errorf(CodeAlways, "every day has its anniversary within %s", spanText(t.days))
			ok = false
		}
		t.shown = spanText(t.days)
	case "has":
		ok = d.one(&t, n, what, "")
	case "has_any", "has_all":
		t.values, ok = d.literals(n, what, "")
	}
	if t.shown == "" {
		t.shown = shownList(t.values)
	}
	if len(t.values) > 8 {
		t.texts = map[string]bool{}
		for _, l := range t.values {
			if l.kind == typeText {
				t.texts[l.text] = true
			}
		}
	}
	return t, ok
}

func (d *decoder) one(t *test, n strict.Node, what, typ string) bool {
	l, ok := d.literal(n, what, typ)
	t.values, t.shown = []literal{l}, l.shown
	return ok
}

func (d *decoder) between(t *test, n strict.Node, what, typ string) bool {
	list, ok := d.literals(n, what, typ)
	if !ok {
		return false
	}
	if len(list) != 2 {
		n.Hintf(strict.CodeBadValue, "as in between: [18, 30]", "between takes two values, the least and the greatest, not %d", len(list))
		return false
	}
	low, high := list[0], list[1]
	switch {
	case low.kind != high.kind || low.kind != typeNumber && low.kind != typeDate:
		n.Hintf(CodeWrongOperator, "as in between: [18, 30]", "between takes two numbers or two dates")
		return false
	case low.kind == typeNumber && low.num.key > high.num.key, low.kind == typeDate && low.day > high.day:
		n.Hintf(CodeAlways, "write the smaller one first", "nothing lies between %s and %s", low.shown, high.shown)
		return false
	}
	t.values, t.shown = list, low.shown+" and "+high.shown
	return true
}

// dateBound reads a date, or a signed number of days from today.
func (d *decoder) dateBound(t *test, n strict.Node) bool {
	v, ok := n.Value()
	if !ok || !n.IsScalar() {
		if n.IsList() {
			n.Errorf(strict.CodeWrongType, "%s must be one date", n.Label())
		}
		return false
	}
	s, isText := v.(string)
	if date, isDate := v.(calendar.Date); isDate {
		v = date
	} else if isText {
		if rest, plus := strings.CutPrefix(s, "+"); plus || strings.HasPrefix(s, "-") {
			span, err := calendar.ParseSpan(rest)
			if err != nil {
				n.Errorf(strict.CodeBadValue, "%v", err)
				return false
			}
			if span.Clock != 0 {
				n.Hintf(strict.CodeBadValue, "write whole days, as in -60d", "dates have no hours")
				return false
			}
			t.relative, t.days, t.shown = true, span.Days, s
			return true
		}
		if _, err := calendar.ParseSpan(s); err == nil {
			n.Hintf(strict.CodeBadValue, "write -"+s+" for the past and +"+s+" for the future", "%s is not a date, and could be meant both ways", s)
			return false
		}
		date, err := calendar.ParseDate(s)
		if err != nil {
			n.Errorf(strict.CodeBadValue, "%v", err)
			return false
		}
		v = date
	} else {
		n.Errorf(strict.CodeWrongType, "%s must be a date, as in 2026-03-02, or days from today, as in -60d", n.Label())
		return false
	}
	l, _ := literalOf(v)
	t.values, t.shown = []literal{l}, l.shown
	return true
}

// days reads a span of whole days.
func (d *decoder) days(n strict.Node) (int, bool) {
	span, ok := n.Span()
	if ok && span.Clock != 0 {
		n.Hintf(strict.CodeBadValue, "write whole days, as in 7d", "dates have no hours")
		return 0, false
	}
	return span.Days, ok
}

// dates is the range of dates that the test accepts; only tests of dates and the
// equality of dates have one.
func (t *test) dates(today day) (dayRange, bool) {
	bound := func(shift int64) day {
		if t.relative {
			return today + int64(t.days) + shift
		}
		return t.values[0].day + shift
	}
	switch t.op {
	case "before":
		return dayRange{firstDay, bound(-1)}, true
	case "after":
		return dayRange{bound(1), lastDay}, true
	case "between":
		return dayRange{t.values[0].day, t.values[1].day}, t.values[0].kind == typeDate
	case "in_last":
		return dayRange{today - int64(t.days), today}, true
	case "in_next":
		return dayRange{today, today + int64(t.days)}, true
	}
	return dayRange{}, false
}

func shownList(list []literal) string {
	texts := make([]string, len(list))
	for i, l := range list {
		texts[i] = l.shown
	}
	return strings.Join(texts, ", ")
}

// holds asks the test of a value. The zero Comparable is a missing value: it
// fails every positive operator.
func (t *test) holds(v *contacts.Comparable, c clock) bool {
	switch t.op {
	case "is", "in":
		return t.equals(v, c)
	case "is_not", "not_in":
		return !t.equals(v, c)
	case "exists":
		return (v.Kinds != 0) == t.want
	case "contains":
		return v.Is(contacts.KindText) && strings.Contains(v.Text, t.values[0].text)
	case "starts_with":
		return v.Is(contacts.KindText) && strings.HasPrefix(v.Text, t.values[0].text)
	case "ends_with":
		return v.Is(contacts.KindText) && strings.HasSuffix(v.Text, t.values[0].text)
	case "matches":
		return v.Is(contacts.KindText) && t.pattern.match(v.Text)
	case "above":
		return t.values[0].num.below(v)
	case "at_least":
		return t.values[0].num.atMost(v)
	case "below":
		return t.values[0].num.above(v)
	case "at_most":
		return t.values[0].num.atLeast(v)
	case "has", "has_any":
		return slices.ContainsFunc(t.values, func(l literal) bool { return slices.Contains(v.List, l.element) })
	case "has_all":
		return !slices.ContainsFunc(t.values, func(l literal) bool { return !slices.Contains(v.List, l.element) })
	case "anniversary_in":
		return anniversaryIn(v, c, t.days)
	}
	if r, ok := t.dates(c.today()); ok {
		return r.holds(v, c)
	}
	return t.values[0].num.atMost(v) && t.values[1].num.atLeast(v) // between numbers
}

// equals tells whether the value is one of the literals.
func (t *test) equals(v *contacts.Comparable, c clock) bool {
	if t.texts != nil && v.Is(contacts.KindText) && t.texts[v.Text] {
		return true
	}
	for i := range t.values {
		if t.values[i].equals(v, c) {
			return true
		}
	}
	return false
}

func (l *literal) equals(v *contacts.Comparable, c clock) bool {
	switch l.kind {
	case typeText:
		return v.Is(contacts.KindText) && v.Text == l.text
	case typeNumber:
		return v.Is(contacts.KindNumber) && l.num.floor == l.num.ceil && v.Number == l.num.floor ||
			v.Is(contacts.KindFloat) && v.Float == l.num.key
	case typeBool:
		return v.Is(contacts.KindBool) && v.Bool == l.flag
	}
	return dayRange{l.day, l.day}.holds(v, c)
}

// below tells whether the bound is below the value, and so on. A value that is
// no number is on no side of it.
func (n number) below(v *contacts.Comparable) bool {
	return v.Is(contacts.KindNumber) && v.Number > n.floor || v.Is(contacts.KindFloat) && v.Float > n.key
}

func (n number) atMost(v *contacts.Comparable) bool {
	return v.Is(contacts.KindNumber) && v.Number >= n.ceil || v.Is(contacts.KindFloat) && v.Float >= n.key
}

func (n number) above(v *contacts.Comparable) bool {
	return v.Is(contacts.KindNumber) && v.Number < n.ceil || v.Is(contacts.KindFloat) && v.Float < n.key
}

func (n number) atLeast(v *contacts.Comparable) bool {
	return v.Is(contacts.KindNumber) && v.Number <= n.floor || v.Is(contacts.KindFloat) && v.Float <= n.key
}

// moves tells whether time alone can change the answer.
func (t test) moves() bool {
	return t.relative || t.op == "in_last" || t.op == "in_next" || t.op == "anniversary_in"
}

// next is the first day after today on which the answer for this value changes;
// ok is false when time alone never changes it.
func (t *test) next(v *contacts.Comparable, c clock) (day, bool) {
	if t.op == "anniversary_in" {
		return nextAnniversaryChange(v, c, t.days)
	}
	if !t.moves() || !v.Is(contacts.KindDay) && !v.Is(contacts.KindInstant) {
		return 0, false
	}
	date := v.Day
	if v.Is(contacts.KindInstant) {
		date = c.dayOf(v.Instant)
	}
	days := int64(t.days)
	var at []day
	switch t.op {
	case "in_last": // while today is from the date to days later
		at = []day{date, date + days + 1}
	case "in_next": // while today is from days before to the date
		at = []day{date - days, date + 1}
	case "before": // as soon as today + days is past the date
		at = []day{date - days + 1}
	case "after": // until today + days reaches the date
		at = []day{date - days}
	}
	today := c.today()
	for _, d := range at {
		if d > today {
			return d, true
		}
	}
	return 0, false
}
