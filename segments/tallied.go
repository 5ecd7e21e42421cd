package segments

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"rapport/internal/contacts"
)

// kept is how many moments a tally keeps of an event: the last one, and those
// before it.
const kept = 8

// often is a question about one event that a contact's tally of it answers.
type often struct {
	name  string // of the event
	holds string // an expression over the tally t, never null
	// none says that the answer is yes for who never did it: then holds is true
	// of those for whom it is no.
	none bool
}

// tallier is a leaf of which some can be asked of tallies.
type tallier interface {
	// often is the question; ok is false when tallies do not know the answer.
	often(p *SQL) (o often, ok bool)
}

// often is the question of a condition, or of its opposite.
func (c *Condition) often(p *SQL, want bool) (o often, ok bool) {
	for c.kind == notOf {
		c, want = c.parts[0], !want
	}
	leaf, can := c.leaf.(tallier)
	if !p.Tallied || c.kind != single || !can {
		return often{}, false
	}
	if o, ok = leaf.often(p); !want {
		o.none = !o.none
	}
	return o, ok
}

// asks compiles questions about one event that must all be answered with yes.
// Where one of them finds contacts, the others restrict what it finds, and so does
// what else is said of the same tally.
func (p *SQL) asks(questions []often, said ...string) []string {
	p.Relied = true
	name := questions[0].name
	if !finds(questions) {
		parts := make([]string, len(questions))
		for i, o := range questions {
			parts[i] = not(p.tally(name, o.holds))
		}
		return parts
	}
	for _, o := range questions {
		said = append(said, o.held())
	}
	return []string{p.tally(name, said...)}
}

// finds tells whether one of the questions finds contacts, who have a tally then.
func finds(questions []often) bool {
	return slices.ContainsFunc(questions, func(o often) bool { return !o.none })
}

// held is the answer where there is a tally.
func (o often) held() string {
	if o.none {
		return not(o.holds)
	}
	return o.holds
}

// tally asks whether the contact has a tally of an event for which all of that holds.
func (p *SQL) tally(name string, holds ...string) string {
	r := p.tallies(name, "t."+colContactID+" = c."+colID)
	r.and(holds...)
	return "(exists (select 1 from " + r.table + " where " + strings.Join(r.bounded(p), " and ") + "))"
}

// tallies are the rows of an event's tallies for which conditions hold.
func (p *SQL) tallies(name string, holds ...string) *rows {
	r := &rows{table: tableTallies + " t", alias: "t"}
	r.and("t." + colTallyName + " = " + p.text(name))
	r.and(holds...)
	return r
}

// together compiles parts that must all hold. Those that tallies of one event
// answer are asked of the same row, and so is what other parts ask of that event.
func (p *SQL) together(parts []*Condition, want bool) []string {
	var texts []string
	questions := map[string][]often{}
	var names []string
	var others []*Condition
	for _, part := range parts {
		o, ok := part.often(p, want)
		switch {
		case !ok:
			others = append(others, part)
			continue
		case o.name == p.row:
			p.rowUsed, p.Relied = true, true
			texts = append(texts, o.held())
			continue
		}
		if questions[o.name] == nil {
			names = append(names, o.name)
		}
		questions[o.name] = append(questions[o.name], o)
	}
	said := map[string][]string{}
	for _, part := range others {
		row, used := p.row, p.rowUsed
		if len(names) > 0 && finds(questions[names[0]]) {
			p.row = names[0]
		}
		p.rowUsed = false
		text := part.compile(p, want)
		if p.rowUsed && p.row != row {
			said[p.row] = append(said[p.row], text)
			p.rowUsed = used
		} else {
			texts = append(texts, text)
			p.rowUsed = p.rowUsed || used
		}
		p.row = row
	}
	for _, name := range names {
		texts = append(texts, p.asks(questions[name], said[name]...)...)
	}
	return texts
}

// later is true of a moment that lies behind the beginning of a window; it is
// empty when there is none. Whom a tally is asked about has done nothing after now.
func (b bounds) later(column string) string {
	return strings.Join(bounds{b.after, b.since, math.MaxInt64, math.MaxInt64}.sql(column)[1:], " and ")
}

// counted asks whether something happened in a window as often as it should.
func counted(name string, need interval, b bounds) (o often, ok bool) {
	o = often{name: name, none: need.low <= 0}
	low, high := need.low, need.high
	if o.none {
		low, high = need.high+1, unbounded
	}
	if b.before != math.MaxInt64 || b.later("") != "" && (low > kept || high != unbounded && high >= kept) {
		return o, false
	}
	o.holds = b.atLeast(low)
	if high != unbounded {
		o.holds = "(" + o.holds + " and " + not(b.atLeast(high+1)) + ")"
	}
	return o, true
}

// atLeast is true of the tally of who did it n times in the window, or more often.
func (b bounds) atLeast(n int64) string {
	switch {
	case b.later("") == "":
		return "(t." + colTallyNumber + " >= " + strconv.FormatInt(n, 10) + ")"
	case n == 1:
		return "(" + b.later("t."+colTallyLastAt) + ")"
	}
	// One that is missing is null, and is not later; a null in a "where" is enough
	// for that, but it may be denied too.
	return orFalse(b.later("t." + colTallyEarlier + "[" + strconv.FormatInt(n-1, 10) + "]"))
}

// often is what tallies know: how often it was done and when, and the sums of all
// times together.
func (l *eventLeaf) often(p *SQL) (o often, ok bool) {
	v := p.Scope.visible(l.ever)
	b := l.window.bounds(p.clock())
	if len(l.where) > 0 || v.origin != 0 || v.since != math.MinInt64 {
		return o, false
	}
	if l.pick == "first" && b.before == math.MaxInt64 && b.later("") != "" {
		return often{name: l.name, holds: "(" + b.later("t."+colTallyFirstAt) + ")"}, true
	}
	if l.sumOf == "" { // the one that is picked of those in a window is the last of all
		return counted(l.name, l.count, b)
	}
	if b.before != math.MaxInt64 {
		return o, false
	}
	o = often{name: l.name, holds: l.summed(), none: l.without()}
	if o.none {
		o.holds = not(o.holds)
	}
	if b.later("") != "" {
		o.holds = l.sumSince(p, b, o.holds)
	}
	return o, true
}

// without tells whether the leaf holds for who never did it.
func (l *eventLeaf) without() bool { return l.count.holds(0) && l.sum.holds(0) }

// summed is true of the tally of who did it as often, and with such a sum, as the
// leaf asks for, at any time.
func (l *eventLeaf) summed() string {
	sum := "coalesce((t." + colTallySums + " ->> " + quote(l.sumOf) + ")::numeric, 0)"
	return "(" + l.count.sql("t."+colTallyNumber) + " and " + l.sum.sql(sum) + ")"
}

// sumSince asks for a sum in a window that ends now. Who did it for the first time
// in the window has the sum of all times. Of those who did it before the window and
// in it the events are asked, all at once and beforehand: PostgreSQL can hand a value
// to everybody who shares the work, and not what a subselect has found. Looking a
// number up among ranges takes as many steps as halving them does.
func (l *eventLeaf) sumSince(p *SQL, b bounds, always string) string {
	begun, last := "("+b.later("t."+colTallyFirstAt)+")", "("+b.later("t."+colTallyLastAt)+")"
	events, having := l.summing(p)
	events.and(events.contact() + " in (" + p.tallies(l.name, not(begun), last).owners(p) + ")")
	return "(" + last + " and case when " + begun + " then " + always + " else " +
		orFalse("(select range_agg(int8range(o."+colContactID+", o."+colContactID+", '[]')) from ("+events.owners(p)+having+") as o) @> c."+colID) + " end)"
}

// picks asks whether the first or last event of a name has what the leaf asks for.
// The tally says when that was, and whether another was, or may have been, in the same
// millisecond. Of these few contacts the key decides, and those are left out of whom
// something fits that has not the least or the greatest one.
func (l *eventLeaf) picks(p *SQL) (text string, ok bool) {
	v := p.Scope.visible(l.ever)
	if !p.Tallied || v.origin != 0 || v.since != math.MinInt64 {
		return "", false
	}
	p.Relied = true
	at, one, reached := "t."+colTallyFirstAt, "min", " <= "
	tied := "coalesce((t." + colTallyLastAt + " || t." + colTallyEarlier + ")[t." + colTallyNumber + " - 1] = " + at + ", t." + colTallyNumber + " > " + strconv.Itoa(kept+1) + ")"
	if l.pick == "last" {
		at, one, reached = "t."+colTallyLastAt, "max", " >= "
		tied = orFalse("t." + colTallyEarlier + "[1] = " + at)
	}
	one += "(e." + colEventKey + ` collate "C")`
	then := func(more ...string) string {
		r := l.rows(p)
		r.table += " join " + tableTallies + " t on t." + colContactID + " = e." + colContactID
		// Nobody did it before the first or after the last time. PostgreSQL would take a
		// moment that is equal for a chance of one in millions, and plan for one contact.
		r.and("t."+colTallyName+" = "+p.text(l.name), "e."+colEventAt+reached+at)
		r.and(more...)
		return r.owners(p)
	}
	fits := then(l.fitting(p)...)
	others := then(tied) + " group by e." + colContactID + " having " + one + " is distinct from " + one + " filter (where " + join(l.fitting(p), "and") + ")"
	return "(" + p.owns(fits) + " and not " + p.owns(others) + ")", true
}

// often is what tallies know of the answers to all mail together.
func (l *emailLeaf) often(p *SQL) (o often, ok bool) {
	v := l.visible(p.Scope)
	if l.event == contacts.EventSent || l.campaign != "" || l.template != "" || l.link != "" ||
		v.origin != 0 || v.enrolment != 0 || v.since != math.MinInt64 {
		return o, false
	}
	return counted(l.event, l.count, l.window.bounds(p.clock()))
}
