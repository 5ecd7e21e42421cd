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
// Where one of them finds contacts, the others restrict what it finds.
func (p *SQL) asks(questions []often) []string {
	p.Relied = true
	if !slices.ContainsFunc(questions, func(o often) bool { return !o.none }) {
		parts := make([]string, len(questions))
		for i, o := range questions {
			parts[i] = not(p.tallies(o.name, o.holds).any(p))
		}
		return parts
	}
	var holds []string
	for _, o := range questions {
		if o.none {
			holds = append(holds, not(o.holds))
		} else {
			holds = append(holds, o.holds)
		}
	}
	return []string{p.tallies(questions[0].name, holds...).any(p)}
}

// tallies are the rows of an event's tallies for which conditions hold.
func (p *SQL) tallies(name string, holds ...string) *rows {
	r := &rows{table: tableTallies + " t", alias: "t"}
	r.and("t." + colTallyName + " = " + p.text(name))
	r.and(holds...)
	return r
}

// together compiles parts that must all hold. Those that tallies of the same
// event answer are asked of it at once.
func (p *SQL) together(parts []*Condition, want bool) []string {
	texts := make([]string, 0, len(parts))
	questions := map[string][]often{}
	var names []string
	for _, part := range parts {
		o, ok := part.often(p, want)
		if !ok {
			texts = append(texts, part.compile(p, want))
			continue
		}
		if questions[o.name] == nil {
			names = append(names, o.name)
		}
		questions[o.name] = append(questions[o.name], o)
	}
	for _, name := range names {
		texts = append(texts, p.asks(questions[name])...)
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
	if b.before != math.MaxInt64 || b.later("") != "" {
		return o, false
	}
	o = often{name: l.name, holds: l.summed(), none: l.without()}
	if o.none {
		o.holds = not(o.holds)
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
// in the window has the sum of all times; of who did it before too, the events are
// asked, and nobody else has any.
func (l *eventLeaf) sumSince(p *SQL, events *rows, having string) (owners string, ok bool) {
	v := p.Scope.visible(l.ever)
	b := l.window.bounds(p.clock())
	if !p.Tallied || len(l.where) > 0 || v.origin != 0 || v.since != math.MinInt64 || b.before != math.MaxInt64 || b.later("") == "" {
		return "", false
	}
	p.Relied = true
	holds := l.summed()
	if l.without() {
		holds = not(holds)
	}
	begun := "(" + b.later("t."+colTallyFirstAt) + ")"
	events.and(events.contact() + " in (" + p.tallies(l.name, not(begun), b.later("t."+colTallyLastAt)).owners(p) + ")")
	return p.tallies(l.name, begun, holds).owners(p) + " union all " + events.owners(p) + having, true
}

// pickedOwners selects the contacts whose first or last event of a name has what the
// leaf asks for. The tally says when it was; of several in one millisecond the key
// decides.
func (l *eventLeaf) pickedOwners(p *SQL, events *rows) (owners string, ok bool) {
	v := p.Scope.visible(l.ever)
	if !p.Tallied || v.origin != 0 || v.since != math.MinInt64 {
		return "", false
	}
	p.Relied = true
	at, order := colTallyFirstAt, ""
	if l.pick == "last" {
		at, order = colTallyLastAt, " desc"
	}
	var fits []string
	for i := range l.where {
		for j := range l.where[i].tests {
			fits = append(fits, l.where[i].tests[j].sql(p, p.property(l.where[i].path)))
		}
	}
	where := events.where
	if p.Bound != nil {
		where = append([]string{p.Bound(events.contact())}, where...)
	}
	return "select o." + colContactID + " from (select distinct on (e." + colContactID + ") e." + colContactID + ", " + join(fits, "and") + " as fits from " +
		tableEvents + " e join " + tableTallies + " t on t." + colContactID + " = e." + colContactID + " and t." + colTallyName + " = e." + colEventName +
		" and t." + at + " = e." + colEventAt + " where " + strings.Join(where, " and ") +
		" order by e." + colContactID + ", e." + colEventKey + ` collate "C"` + order + ") as o where o.fits", true
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
