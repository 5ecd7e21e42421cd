package segments

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"rapport/internal/strict"
)

// standingLeaf asks for the stage or the health of a contact, and for how long
// it has been so.
type standingLeaf struct {
	axis  string // stage or health
	op    string // is, in, at_least, at_most
	names []string
	since time.Duration // for:
	text  string
}

// healths are the values of the second axis.
var healths = []string{"none", "new", "active", "at-risk", "lapsed", "lost"}

func decodeStage(d *decoder, m strict.Map) (leaf, bool) {
	var stages []string
	if d.env != nil {
		stages = d.env.Stages
	}
	return d.standing(m, "stage", within["stage"], stages)
}

func decodeHealth(d *decoder, m strict.Map) (leaf, bool) {
	known := healths
	if d.env != nil && len(d.env.Healths) > 0 {
		known = d.env.Healths
	}
	return d.standing(m, "health", within["health"], known)
}

// standing reads `stage: customer`, `stage: { at_least: client }`, and for:
// either beside the head or within.
func (d *decoder) standing(m strict.Map, axis string, ops, known []string) (leaf, bool) {
	l := &standingLeaf{axis: axis, op: "is"}
	n := m.Get(axis)
	value, forNode := n, m.Get("for")
	if n.IsMap() {
		inner := n.Map(append(slices.Clone(ops), "for")...)
		if inner.Has("for") {
			if forNode.Present() {
				inner.Key("for").Errorf(strict.CodeDuplicateKey, "for stands twice")
				return nil, false
			}
			forNode = inner.Get("for")
		}
		var given string
		if given, value = inner.ExactlyOne(ops...); given == "" {
			return nil, false
		}
		l.op = given
	}
	good := true
	if l.op == "in" {
		items := value.List()
		if value.IsList() && len(items) == 0 {
			value.Errorf(CodeAlways, "in is an empty list")
		}
		good = len(items) > 0
		for _, item := range items {
			good = d.standingName(l, item, known) && good
		}
	} else {
		good = d.standingName(l, value, known)
	}
	l.text = axis + " " + strings.Join(l.names, ", ")
	if l.op != "is" {
		l.text = axis + " " + l.op + " " + strings.Join(l.names, ", ")
	}
	if forNode.Present() {
		span, ok := forNode.Span()
		good = good && ok
		l.since = span.Fixed()
		l.text += " for " + span.String()
	}
	return l, good
}

func (d *decoder) standingName(l *standingLeaf, n strict.Node, known []string) bool {
	name, ok := n.Name()
	if !ok {
		return false
	}
	l.names = append(l.names, name)
	if l.axis == "health" && d.env == nil {
		return true
	}
	return d.known(n, l.axis, name, known)
}

func (l *standingLeaf) String() string { return l.text }

// accepts lists the names that satisfy the leaf. A name that is not on the
// ladder is above and below nothing.
func (l *standingLeaf) accepts(ladder []string) []string {
	if l.op == "is" || l.op == "in" {
		return l.names
	}
	i := slices.Index(ladder, l.names[0])
	switch {
	case i < 0:
		return nil
	case l.op == "at_least":
		return ladder[i:]
	}
	return ladder[:i+1]
}

// standing is the name on the axis and since when. A contact that never moved
// has been where it is since it was created.
func (l *standingLeaf) standing(q *Question) (string, time.Time) {
	c := &q.Facts.Contact
	name, since := c.Stage, c.StageSince
	if l.axis == "health" {
		name, since = c.Health, c.HealthSince
	}
	if since.IsZero() || since.UnixMilli() == 0 {
		since = c.CreatedAt
	}
	return name, since
}

// millis is a moment as the databases store it: 0 when it is not known.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func (l *standingLeaf) answer(q *Question) bool {
	name, since := l.standing(q)
	if !slices.Contains(l.accepts(q.Ladder), name) {
		return false
	}
	return l.since == 0 || millis(since) <= q.Now.Add(-l.since).UnixMilli()
}

func (l *standingLeaf) why(q *Question) string {
	name, since := l.standing(q)
	if name == "" {
		return "no " + l.axis + " yet"
	}
	text := l.axis + " is " + name
	if !since.IsZero() {
		text += " since " + since.In(zoneOr(q.Zone)).Format("2006-01-02")
	}
	return text
}

func (l *standingLeaf) next(q *Question) time.Time {
	name, since := l.standing(q)
	if l.since == 0 || !slices.Contains(l.accepts(q.Ladder), name) {
		return time.Time{}
	}
	at := millis(since) + l.since.Milliseconds()
	if at <= q.Now.UnixMilli() {
		return time.Time{}
	}
	return time.UnixMilli(at).UTC()
}

func (l *standingLeaf) uses(u *Uses) {
	if l.axis == "stage" {
		u.Stage = true
	} else {
		u.Health = true
	}
	u.Time = u.Time || l.since > 0
}

func (l *standingLeaf) sql(p *SQL) string {
	accepted := l.accepts(p.Ladder)
	if len(accepted) == 0 {
		return no
	}
	p.Own = true
	column, since := colContactStage, colContactStageSince
	if l.axis == "health" {
		column, since = colContactHealth, colContactHealthSince
	}
	names := make([]string, len(accepted))
	for i, name := range accepted {
		names[i] = p.text(name)
	}
	text := "c." + column + " in (" + strings.Join(names, ", ") + ")"
	if l.since > 0 {
		at := "case when c." + since + " = 0 then c." + colContactCreatedAt + " else c." + since + " end"
		text += " and " + at + " <= " + strconv.FormatInt(p.Now.Add(-l.since).UnixMilli(), 10)
	}
	return "(" + text + ")"
}
