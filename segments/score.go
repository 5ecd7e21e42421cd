package segments

import (
	"math"
	"slices"
	"strconv"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/strict"
)

// scoreLeaf asks for a score of the contact, as the relationship has added it up.
type scoreLeaf struct {
	name   string
	bounds []scoreBound
	text   string
}

// scoreBound is one end of what a score must lie in. Every operator comes down
// to whether the score reaches a number.
type scoreBound struct {
	value  float64
	least  int64 // the least score in millionths that reaches it
	beyond bool  // the number itself does not count
	want   bool  // false: the score must not reach it
}

// builtinScores are the scores that exist without a signal of that name.
var builtinScores = append([]string{contacts.ScoreNPS, contacts.ScorePoints}, contacts.PredictedScores...)

// ranges are what scores lie in that are easily mistaken.
var ranges = map[string]struct {
	low, high float64
	say       string
}{
	contacts.ScorePAlive: {0, 1, "p_alive goes from 0% to 100%, or from 0 to 1"},
	contacts.ScoreRFM:    {111, 555, "rfm has three digits from 1 to 5, as in 543"},
}

// BuiltinScore reports whether a score of this name is the engine's own, so that
// no signal can have it.
func BuiltinScore(name string) bool { return slices.Contains(builtinScores, name) }

func decodeScore(d *decoder, m strict.Map) (leaf, bool) {
	n := m.Get("score")
	name, ok := n.Text()
	if !ok {
		return nil, false
	}
	var known []string
	if d.env != nil {
		known = slices.Concat(builtinScores, d.env.Scores)
	}
	good := d.known(n, "score", name, known)
	l := &scoreLeaf{name: name, text: "score " + name}
	for _, op := range []string{"above", "at_least", "below", "at_most"} {
		if v := m.Get(op); v.Present() {
			ok := l.bound(op, v)
			good = good && ok
		}
	}
	if v := m.Get("between"); v.Present() {
		items := v.List()
		if v.IsList() && len(items) != 2 {
			v.Hintf(strict.CodeBadValue, "as in between: [1, 10]", "between takes two values, the least and the greatest, not %d", len(items))
		}
		if good = good && len(items) == 2; len(items) == 2 {
			low, high := l.bound("at_least", items[0]), l.bound("at_most", items[1])
			good = good && low && high
		}
	}
	if len(l.bounds) == 0 && good {
		n.Hintf(CodeNoHead, "add above, at_least, below, at_most or between", "nothing is asked of the score %s", name)
		return nil, false
	}
	if good && !l.possible() {
		n.Errorf(CodeAlways, "the %s can never be", l.text)
		good = false
	}
	return l, good
}

// bound reads a number or a percentage.
func (l *scoreLeaf) bound(op string, n strict.Node) bool {
	v, ok := n.Value()
	if !ok {
		return false
	}
	var number float64
	if _, isText := v.(string); isText {
		number, ok = n.Percent()
	} else {
		number, ok = n.Number()
	}
	if !ok {
		return false
	}
	if math.Abs(number) > maxSum {
		n.Errorf(strict.CodeBadValue, "a score is compared with at most %d", int64(maxSum))
		return false
	}
	if r, ok := ranges[l.name]; ok && (number < r.low || number > r.high) {
		n.Refusef(strict.CodeBadValue, "", "%s", r.say)
	}
	exact := numberOf(number)
	b := scoreBound{value: number, least: exact.ceil, want: op == "at_least" || op == "above"}
	if b.beyond = op == "above" || op == "at_most"; b.beyond {
		b.least = exact.floor + 1
	}
	l.bounds = append(l.bounds, b)
	l.text += " " + op + " " + strconv.FormatFloat(number, 'f', -1, 64)
	return true
}

// possible tells whether any number lies within all bounds.
func (l *scoreLeaf) possible() bool {
	low, high := math.Inf(-1), math.Inf(1)
	open := false
	for _, b := range l.bounds {
		if b.want {
			low = max(low, b.value)
		} else {
			high = min(high, b.value)
		}
	}
	for _, b := range l.bounds {
		open = open || b.want && b.value == low && b.beyond || !b.want && b.value == high && !b.beyond
	}
	return low < high || low == high && !open
}

func (l *scoreLeaf) String() string { return l.text }

// halfLife is that of the signal; 0: the score stays as it is.
func (s *Scoring) halfLife(name string) time.Duration {
	if s == nil {
		return 0
	}
	return s.HalfLives[name]
}

// ScoreValue is what a score is at a moment.
type ScoreValue struct {
	Name  string
	Value float64 // in hundredths
}

// Values are the scores of a contact at a moment, by name. A signal that the
// relationship has no more is left out.
func (s *Scoring) Values(f *contacts.Facts, now time.Time) []ScoreValue {
	var list []ScoreValue
	for _, score := range f.Scores {
		half := s.halfLife(score.Name)
		if half == 0 && score.Sign != 0 {
			continue
		}
		list = append(list, ScoreValue{score.Name, hundredths(score.At(now, half))})
	}
	return list
}

// hundredths is a number as people read it.
func hundredths(value float64) float64 { return math.Round(value*100) / 100 }

// counts tells whether who has no score counts as having 0. Who never answered a
// survey has no answer.
func (l *scoreLeaf) counts(s *Scoring) bool {
	return l.name == contacts.ScorePoints || s.halfLife(l.name) > 0
}

func (l *scoreLeaf) answer(q *Question) bool {
	s, found := q.Facts.Score(l.name)
	if !found && !l.counts(q.Scoring) {
		return false
	}
	half := q.Scoring.halfLife(l.name)
	for _, b := range l.bounds {
		if b.reached(s, half, q.Now.UnixMilli()) != b.want {
			return false
		}
	}
	return true
}

// reached tells whether a score reaches the bound. All of it is in integers, the
// same ones that sql writes.
func (b scoreBound) reached(s contacts.Score, half time.Duration, now int64) bool {
	switch {
	case half == 0:
		return s.Sign == 0 && s.Value >= b.least
	case b.value > 0:
		return s.Sign > 0 && s.Value >= now+b.edge(half)
	case b.value < 0:
		return s.Sign >= 0 || s.Value <= now+b.edge(half)
	case b.beyond:
		return s.Sign > 0
	}
	return s.Sign >= 0
}

// edge is how far from now the moment lies at which a score that only just
// reaches the bound is 1.
func (b scoreBound) edge(half time.Duration) int64 {
	edge := contacts.Halving(half, math.Abs(b.value))
	switch {
	case !b.beyond:
		return edge
	case b.value < 0:
		return edge - 1
	}
	return edge + 1
}

func (b scoreBound) sql(half time.Duration, now int64) string {
	sign, value := "s."+colScoreSign, "s."+colScoreValue
	text := sign + " >= 0"
	switch {
	case half == 0:
		text = sign + " = 0 and " + value + " >= " + strconv.FormatInt(b.least, 10)
	case b.value > 0:
		text = sign + " > 0 and " + value + " >= " + strconv.FormatInt(now+b.edge(half), 10)
	case b.value < 0:
		text += " or " + value + " <= " + strconv.FormatInt(now+b.edge(half), 10)
	case b.beyond:
		text = sign + " > 0"
	}
	if b.want {
		return "(" + text + ")"
	}
	return "(not (" + text + "))"
}

func (l *scoreLeaf) sql(p *SQL) string {
	half, now := p.Scoring.halfLife(l.name), p.Now.UnixMilli()
	parts := make([]string, len(l.bounds))
	missing := l.counts(p.Scoring) // holds for who has no score
	for i, b := range l.bounds {
		parts[i] = b.sql(half, now)
		missing = missing && b.reached(contacts.Score{}, half, now) == b.want
	}
	holds := join(parts, "and")
	r := &rows{table: tableScores + " s", alias: "s"}
	r.and("s." + colScoreName + " = " + p.text(l.name))
	if missing {
		r.and("(not " + holds + ")")
		return not(r.any(p))
	}
	r.and(holds)
	return r.any(p)
}

func (l *scoreLeaf) why(q *Question) string {
	s, found := q.Facts.Score(l.name)
	if !found && !l.counts(q.Scoring) {
		if slices.Contains(contacts.PredictedScores, l.name) {
			return "nothing is predicted as " + l.name
		}
		return "there is no score " + l.name
	}
	value := 0.0
	if found {
		value = s.At(q.Now, q.Scoring.halfLife(l.name))
	}
	return l.name + " is " + strconv.FormatFloat(hundredths(value), 'f', -1, 64)
}

// next is when a score that halves falls below a bound, or rises to one below
// zero. What else moves a score is told as news.
func (l *scoreLeaf) next(q *Question) time.Time {
	half := q.Scoring.halfLife(l.name)
	s, found := q.Facts.Score(l.name)
	if half == 0 || !found || s.Sign == 0 {
		return time.Time{}
	}
	var next time.Time
	for _, b := range l.bounds {
		at := s.Value - b.edge(half)
		switch {
		case b.value == 0 || b.value > 0 != (s.Sign > 0):
			continue
		case b.value > 0:
			at++ // until then it still reaches
		}
		if at > q.Now.UnixMilli() {
			next = earlier(next, time.UnixMilli(at).UTC())
		}
	}
	return next
}

func (l *scoreLeaf) uses(u *Uses) {
	u.Scores = append(u.Scores, l.name)
	for _, b := range l.bounds {
		u.Bounds = append(u.Bounds, ScoreBound{l.name, b.least})
	}
	u.Time = true
}
