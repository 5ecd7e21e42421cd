package segments

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/internal/strict"
)

// eventLeaf asks what the contact did.
type eventLeaf struct {
	name   string
	where  []propertyTest
	count  interval
	sum    interval
	sumOf  string // the property; empty: no sum
	window window
	pick   string // "", first, last
	ever   bool
	text   string
}

// propertyTest asks a property of an event.
type propertyTest struct {
	path  string
	tests []test
}

func decodeEvent(d *decoder, m strict.Map) (leaf, bool) {
	n := m.Get("event")
	l := &eventLeaf{count: interval{1, unbounded}}
	var ok bool
	if l.name, ok = d.eventName(n); !ok {
		return nil, false
	}
	l.text = "event " + l.name
	good := true
	if where := m.Get("where"); where.Present() {
		l.where, ok = d.where(where, l.name)
		good = good && ok
		for _, t := range l.where {
			l.text += " where " + t.path + " " + testsText(t.tests)
		}
	}
	if pick := m.Get("pick"); pick.Present() {
		l.pick, ok = pick.Choice("first", "last")
		good = good && ok
		l.text += " pick " + l.pick
		for _, key := range []string{"count", "sum"} {
			if m.Has(key) {
				m.Key(key).Hintf(CodeWrongOperator, "leave one of the two out", "pick chooses one event, so there is no %s", key)
				good = false
			}
		}
	}
	if node := m.Get("count"); node.Present() {
		var text string
		l.count, text, ok = d.countOf(node)
		good = good && ok
		l.text += " count " + text
	}
	if node := m.Get("sum"); node.Present() {
		var text string
		l.sum, l.sumOf, text, ok = d.sumOf(node, l.name)
		good = good && ok
		l.text += " sum of " + l.sumOf + " " + text
	}
	w, text, ok := d.window(m)
	good = good && ok
	l.window, l.text = w, l.text+text
	l.ever, ok = d.ever(m)
	return l, good && ok
}

// eventName reads the name of a company's own event.
func (d *decoder) eventName(n strict.Node) (string, bool) {
	name, ok := n.Text()
	if !ok {
		return "", false
	}
	if kind, mail := strings.CutPrefix(name, "email."); mail {
		hint := "write email: " + kind
		if !slices.Contains(emailKinds, kind) {
			hint = "write email: and one of " + joined(emailKinds)
		}
		n.Hintf(CodeWrongOperator, hint, "e-mails are asked for with email:, so that machines do not count")
		return "", false
	}
	if strings.HasPrefix(name, "consent.") {
		n.Hintf(CodeWrongOperator, "write consent: and the topic", "consents are asked for with consent:")
		return "", false
	}
	if len(name) > maxPath || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }) {
		n.Errorf(strict.CodeBadValue, "an event's name has at most %d characters, and no control characters", maxPath)
		return "", false
	}
	if d.env == nil || d.env.Events == nil || slices.Contains(contacts.UndeclaredEvents, name) {
		return name, true
	}
	if _, declared := d.env.Events[name]; declared {
		return name, true
	}
	known := slices.Sorted(maps.Keys(d.env.Events))
	n.Unknownf(CodeUnknownName, name, known, "there is no event %q; rapport.yaml declares what there is", name)
	return "", false
}

// where reads the tests of properties.
func (d *decoder) where(n strict.Node, event string) ([]propertyTest, bool) {
	m := n.Map()
	if !m.OK() {
		return nil, false
	}
	if len(m.Pairs()) == 0 {
		n.Hintf(CodeNoHead, "as in where: { total: { above: 50 } }", "where asks nothing")
		return nil, false
	}
	good := true
	var list []propertyTest
	for _, pair := range m.Pairs() {
		t, ok := d.property(pair, event)
		if good = good && ok; ok {
			list = append(list, t)
		}
	}
	return list, good
}

func (d *decoder) property(pair strict.Pair, event string) (propertyTest, bool) {
	path, ok := pair.Key.Text()
	if !ok || !checkPath(pair.Key, path) {
		return propertyTest{}, false
	}
	typ, ok := d.propertyType(pair.Key, path, event)
	if !ok {
		return propertyTest{}, false
	}
	t := propertyTest{path: path}
	if !pair.Value.IsMap() { // { sku: A1 } is short for { sku: { is: A1 } }
		if pair.Value.IsList() {
			pair.Value.Hintf(strict.CodeWrongType, "write { in: [ … ] } for one of several values", "%s must be one value, or operators", pair.Value.Label())
			return t, false
		}
		one, ok := d.test("is", pair.Value, path, typ)
		t.tests = []test{one}
		return t, ok
	}
	t.tests, ok = d.tests(pair.Value.Map(operatorNames...), path, typ)
	if ok && len(t.tests) == 0 {
		pair.Value.Hintf(CodeNoHead, "add an operator, such as is:, or exists: true", "nothing is asked of %s", path)
	}
	return t, ok && len(t.tests) > 0
}

// propertyType is the declared type of a property; empty when nothing is declared.
func (d *decoder) propertyType(n strict.Node, path, event string) (string, bool) {
	if d.env == nil || len(d.env.Events[event]) == 0 {
		return "", true
	}
	if typ, ok := d.env.Events[event][path]; ok {
		return typ, true
	}
	n.Unknownf(CodeUnknownName, path, slices.Sorted(maps.Keys(d.env.Events[event])), "%s has no property %q; rapport.yaml declares what there is", event, path)
	return "", false
}

func (d *decoder) countOf(n strict.Node) (interval, string, bool) {
	if n.IsScalar() && !n.IsNull() {
		n.Hintf(strict.CodeWrongType, "write count: { at_least: 2 }", "count must be a map of operators")
		return interval{}, "", false
	}
	m := n.Map(boundOperators...)
	if !m.OK() {
		return interval{}, "", false
	}
	return d.bound(n, m, false)
}

func (d *decoder) sumOf(n strict.Node, event string) (interval, string, string, bool) {
	m := n.Map(append([]string{"of"}, boundOperators...)...)
	if !m.OK() {
		return interval{}, "", "", false
	}
	of := m.Require("of")
	path, ok := of.Text()
	if !ok || !checkPath(of, path) {
		return interval{}, "", "", false
	}
	typ, ok := d.propertyType(of, path, event)
	if ok && typ != "" && typ != typeNumber {
		of.Errorf(CodeWrongOperator, "%s is %s and cannot be summed", path, article(typ))
		ok = false
	}
	i, text, good := d.bound(n, m, true)
	return i, path, text, ok && good
}

// window is the time in which events count.
type window struct {
	last          time.Duration // 0: any time
	since, before *calendar.DateTime
}

// bounds are the moments, in Unix milliseconds: later than after, from since,
// before before and not after now.
type bounds struct{ after, since, before, now int64 }

func (w window) bounds(c clock) bounds {
	b := bounds{math.MinInt64, math.MinInt64, math.MaxInt64, c.now.UnixMilli()}
	if w.last > 0 {
		b.after = c.now.Add(-w.last).UnixMilli()
	}
	if w.since != nil {
		b.since = w.since.In(c.zone).UnixMilli()
	}
	if w.before != nil {
		b.before = w.before.In(c.zone).UnixMilli()
	}
	return b
}

func (b bounds) hold(at int64) bool {
	return at > b.after && at >= b.since && at < b.before && at <= b.now
}

// sql are the bounds as conditions of a column.
func (b bounds) sql(column string) []string {
	parts := []string{column + " <= " + strconv.FormatInt(b.now, 10)}
	if b.after != math.MinInt64 {
		parts = append(parts, column+" > "+strconv.FormatInt(b.after, 10))
	}
	if b.since != math.MinInt64 {
		parts = append(parts, column+" >= "+strconv.FormatInt(b.since, 10))
	}
	if b.before != math.MaxInt64 {
		parts = append(parts, column+" < "+strconv.FormatInt(b.before, 10))
	}
	return parts
}

// stored bounds the ids of events, which tell when they were stored: nothing is
// stored before it happens. It spares PostgreSQL the partitions from before.
func (b bounds) stored(p *SQL, id string) []string {
	from := max(b.after, b.since)
	if p.Dialect != Postgres || from == math.MinInt64 {
		return nil
	}
	return []string{id + " >= " + strconv.FormatInt(ident.Base(time.UnixMilli(from)), 10)}
}

// window reads in_last, since and before, whichever of them the head has.
func (d *decoder) window(m strict.Map) (window, string, bool) {
	var w window
	text := ""
	good := true
	if n := m.Get("in_last"); n.Present() {
		last, ok := n.Duration()
		good = good && ok
		w.last = last
		span, _ := n.Span()
		text += " in_last " + span.String()
	}
	for _, key := range []string{"since", "before"} {
		n := m.Get(key)
		if !n.Present() {
			continue
		}
		at, ok := dateTime(n)
		if good = good && ok; !ok {
			continue
		}
		text += " " + key + " " + strings.TrimSuffix(at.String(), " 00:00")
		if key == "since" {
			w.since = &at
		} else {
			w.before = &at
		}
	}
	if w.since != nil && w.before != nil && w.since.String() >= w.before.String() {
		m.Get("before").Errorf(CodeAlways, "nothing happened since %s and before %s", w.since, w.before)
		good = false
	}
	return w, text, good
}

// dateTime reads a date, with or without a time of day.
func dateTime(n strict.Node) (calendar.DateTime, bool) {
	v, ok := n.Value()
	if !ok {
		return calendar.DateTime{}, false
	}
	if date, isDate := v.(calendar.Date); isDate {
		return calendar.DateTime{Date: date}, true
	}
	if text, isText := v.(string); isText {
		if date, err := calendar.ParseDate(text); err == nil {
			return calendar.DateTime{Date: date}, true
		}
	}
	return n.DateTime()
}

// ever reads ever: true, which lifts the bounds of a running enrolment.
func (d *decoder) ever(m strict.Map) (bool, bool) {
	n := m.Get("ever")
	ever, ok := n.Bool()
	if n.Present() && !ok {
		return false, false
	}
	if ever && d.segment {
		m.Key("ever").Hintf(CodeOnlyCampaign, "leave it out", "a segment sees everything anyway; ever: belongs into exit, goal and wait_for of a campaign")
		return false, false
	}
	return ever, true
}

// yesNo is a truth value as it is written.
func yesNo(b bool) string { return strconv.FormatBool(b) }
