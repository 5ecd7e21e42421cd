package segments

import (
	"slices"
	"time"

	"rapport/internal/strict"
)

// laterLeaf is a head that is read and checked but cannot be answered yet: a
// score or a tier. It is false in every matcher, and validate says so.
type laterLeaf struct {
	head, name string
	text       string
}

// builtinScores are the scores that exist without a signal of that name.
var builtinScores = []string{"p_alive", "rfm", "nps", "points", "expected_orders", "lifetime_value"}

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
	l := &laterLeaf{head: "score", name: name, text: "score " + name}
	some := false
	for _, op := range []string{"above", "at_least", "below", "at_most"} {
		if v := m.Get(op); v.Present() {
			some = true
			text, ok := scoreBound(v)
			good = good && ok
			l.text += " " + op + " " + text
		}
	}
	if v := m.Get("between"); v.Present() {
		some = true
		items := v.List()
		if v.IsList() && len(items) != 2 {
			v.Hintf(strict.CodeBadValue, "as in between: [1, 10]", "between takes two values, the least and the greatest, not %d", len(items))
		}
		good = good && len(items) == 2
		for _, item := range items {
			text, ok := scoreBound(item)
			good = good && ok
			l.text += " between " + text
		}
	}
	if !some {
		n.Hintf(CodeNoHead, "add above, at_least, below, at_most or between", "nothing is asked of the score %s", name)
		return nil, false
	}
	warn(n, "scores")
	return l, good
}

// scoreBound reads a number or a percentage.
func scoreBound(n strict.Node) (string, bool) {
	v, ok := n.Value()
	if !ok {
		return "", false
	}
	if _, isText := v.(string); isText {
		share, ok := n.Percent()
		l, _ := literalOf(share)
		return l.shown, ok
	}
	number, ok := n.Number()
	l, _ := literalOf(number)
	return l.shown, ok
}

func decodeTier(d *decoder, m strict.Map) (leaf, bool) {
	n := m.Get("tier")
	l := &laterLeaf{head: "tier"}
	value, op := n, "is"
	if n.IsMap() {
		if op, value = n.Map("is", "at_least").ExactlyOne("is", "at_least"); op == "" {
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
	l.name, l.text = name, "tier "+name
	if op != "is" {
		l.text = "tier " + op + " " + name
	}
	ok = d.known(value, "tier", name, tiers)
	warn(n, "loyalty tiers")
	return l, ok
}

func warn(n strict.Node, what string) {
	n.Warnf(strict.CodeNotRunYet, "until then this condition is false for everybody", "%s do not run yet", what)
}

func (l *laterLeaf) String() string           { return l.text }
func (l *laterLeaf) answer(*Question) bool    { return false }
func (l *laterLeaf) why(*Question) string     { return l.head + " does not run yet" }
func (l *laterLeaf) next(*Question) time.Time { return time.Time{} }
func (l *laterLeaf) sql(*SQL) string          { return no }

func (l *laterLeaf) uses(u *Uses) {
	if l.head == "tier" {
		u.Tier = true
		return
	}
	u.Scores = append(u.Scores, l.name)
}
