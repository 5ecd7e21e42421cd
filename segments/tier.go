package segments

import (
	"slices"
	"strconv"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/strict"
)

// tierLeaf asks for the tier of the loyalty program that a contact's points
// have earned.
type tierLeaf struct {
	name    string
	atLeast bool
	text    string
}

func decodeTier(d *decoder, m strict.Map) (leaf, bool) {
	n := m.Get("tier")
	value, op := n, "is"
	if n.IsMap() {
		if op, value = n.Map(within["tier"]...).ExactlyOne(within["tier"]...); op == "" {
			return nil, false
		}
	}
	name, ok := value.Name()
	if !ok {
		return nil, false
	}
	var tiers []string
	if d.env != nil {
		tiers = d.env.Tiers
	}
	l := &tierLeaf{name: name, text: "tier " + name}
	if l.atLeast = op == "at_least"; l.atLeast {
		l.text = "tier at_least " + name
	}
	return l, d.known(value, "tier", name, tiers)
}

func (l *tierLeaf) String() string { return l.text }

// points are those of the tier; false: there is no such tier.
func (l *tierLeaf) points(s *Scoring) (interval, bool) {
	if s == nil {
		return interval{}, false
	}
	i := slices.IndexFunc(s.Tiers, func(t Tier) bool { return t.Name == l.name })
	if i < 0 {
		return interval{}, false
	}
	in := interval{s.Tiers[i].From, unbounded}
	if !l.atLeast && i+1 < len(s.Tiers) {
		in.high = s.Tiers[i+1].From - 1
	}
	return in, true
}

func (l *tierLeaf) answer(q *Question) bool {
	in, found := l.points(q.Scoring)
	return found && in.holds(pointsOf(q.Facts))
}

// pointsOf are the points of a contact, in millionths.
func pointsOf(f *contacts.Facts) int64 {
	s, _ := f.Score(contacts.ScorePoints)
	return s.Value
}

func (l *tierLeaf) why(q *Question) string {
	points := strconv.FormatFloat(float64(pointsOf(q.Facts))/contacts.Million, 'f', -1, 64) + " points"
	if name := q.Scoring.TierOf(pointsOf(q.Facts)); name != "" {
		return "tier is " + name + " with " + points
	}
	return "no tier with " + points
}

// TierOf is the tier that so many points, in millionths, have earned; "" below
// the lowest.
func (s *Scoring) TierOf(points int64) string {
	name := ""
	if s != nil {
		for _, t := range s.Tiers {
			if points >= t.From {
				name = t.Name
			}
		}
	}
	return name
}

// Points expire one by one, which is told as news.
func (l *tierLeaf) next(*Question) time.Time { return time.Time{} }

func (l *tierLeaf) uses(u *Uses) { u.Tier = true }

func (l *tierLeaf) sql(p *SQL) string {
	in, found := l.points(p.Scoring)
	if !found {
		return no
	}
	r := &rows{table: tableScores + " s", alias: "s"}
	r.and("s." + colScoreName + " = " + p.text(contacts.ScorePoints))
	value := "s." + colScoreValue
	if in.holds(0) {
		r.and("(not " + in.sql(value) + ")")
		return not(r.any(p))
	}
	r.and(in.sql(value))
	return r.any(p)
}
