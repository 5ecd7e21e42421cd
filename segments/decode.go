package segments

import (
	"slices"

	"rapport/internal/strict"
)

// Codes of the findings that this package makes; strict makes the others.
const (
	CodeNoHead        = "no-head"          // a map that asks nothing
	CodeTwoHeads      = "two-heads"        // a map that asks two things
	CodeUnknownName   = "unknown-name"     // a segment, stage, topic, … that is not there
	CodeWrongOperator = "wrong-operator"   // an operator that the value's type does not have
	CodeCircle        = "segment-circle"   // segments that refer to each other in a circle
	CodeBadPattern    = "bad-pattern"      // matches: outside the portable subset
	CodeAlways        = "always-same"      // a condition that cannot but hold, or fail
	CodeTooMany       = "too-many"         // more parts than can be asked
	CodeOnlyCampaign  = "only-in-campaign" // ever: outside a campaign
)

// Bounds of one condition.
const (
	maxParts   = 200 // of all, any or a list
	maxDepth   = 20
	maxChoices = 1000 // values of in, has_any, …
	maxPath    = 200  // bytes of an attribute's path
)

// decoder reads conditions of one place.
type decoder struct {
	env     *Env // nil: names are not checked
	segment bool // the conditions of a segment: there is nothing that ever: lifts
	depth   int
}

// head is one kind of leaf: the keys that go with it and how it is read.
type head struct {
	name string
	keys []string // without the head itself
	read func(d *decoder, m strict.Map) (leaf, bool)
}

// headNames is in the order of the language's table; where two heads stand in
// one map, the first is the head and the other may be its operator.
var headNames = []string{"attribute", "event", "email", "stage", "health", "score", "tier", "consent", "segment", "campaign", "sample"}

var groupNames = []string{"all", "any", "not"}

// Decode reads a condition: a map with one head, all, any or not; or a list,
// which stands for all. What is wrong becomes findings at their places. ok tells
// that there is a condition to go on with; a misspelt key, which counts as the one
// that was meant, is a finding all the same. With a nil env, names are not checked.
func Decode(n strict.Node, env *Env) (*Condition, bool) {
	return (&decoder{env: env}).condition(n, nil)
}

// DecodePart reads a condition from a map that holds other keys as well, such as
// wait_for with up_to, or a goal with within and value. The caller reads those.
func DecodePart(n strict.Node, env *Env, others ...string) (*Condition, bool) {
	return (&decoder{env: env}).condition(n, others)
}

// condition reads one node. others are keys that somebody else reads.
func (d *decoder) condition(n strict.Node, others []string) (*Condition, bool) {
	if !n.Present() || n.Broken() {
		return nil, false
	}
	if d.depth++; d.depth > maxDepth {
		n.Hintf(CodeTooMany, "give a part a name as a segment", "conditions are nested more than %d deep", maxDepth)
		return nil, false
	}
	defer func() { d.depth-- }()
	if n.IsNull() {
		n.Errorf(strict.CodeWrongType, "%s is empty; it must be a condition", n.Label())
		return nil, false
	}
	if n.IsList() {
		return d.group(n, n, allOf)
	}
	if !n.IsMap() {
		n.Hintf(strict.CodeWrongType, "as in { event: order.placed }", "a condition is a map with one head (%s) or a list of conditions", joined(headNames))
		return nil, false
	}
	m := n.Map()
	name, ok := d.headOf(m, others)
	if !ok {
		return nil, false
	}
	if slices.Contains(groupNames, name) {
		m.Only(append([]string{name}, others...)...)
		value := m.Get(name)
		switch name {
		case "all":
			return d.group(n, value, allOf)
		case "any":
			return d.group(n, value, anyOf)
		}
		part, ok := d.condition(value, nil)
		if !ok {
			return nil, false
		}
		return &Condition{kind: notOf, parts: []*Condition{part}, node: n}, true
	}
	h := heads[name]
	m.Only(slices.Concat([]string{name}, h.keys, others, beside(m, name))...)
	l, ok := h.read(d, m)
	if !ok {
		return nil, false
	}
	return &Condition{leaf: l, node: n}, true
}

// headOf finds what a map asks. A misspelt head counts as the one that was
// meant; Only reports it.
func (d *decoder) headOf(m strict.Map, others []string) (string, bool) {
	var found []string
	for _, name := range slices.Concat(groupNames, headNames) {
		if m.Has(name) && !slices.Contains(others, name) {
			found = append(found, name)
		}
	}
	// campaign: is a head of its own, and an operator of email:.
	if len(found) == 2 && slices.Contains(found, "email") && slices.Contains(found, "campaign") {
		found = []string{"email"}
	}
	switch {
	case len(found) == 1:
		return found[0], true
	case len(found) > 1:
		second := m.Key(found[1])
		if m.Key(found[0]).Line() > second.Line() || m.Key(found[0]).Line() == second.Line() && m.Key(found[0]).Column() > second.Column() {
			second = m.Key(found[0])
			found[0], found[1] = found[1], found[0]
		}
		second.Hintf(CodeTwoHeads, "make them two items of a list, or of all: or any:", "a condition asks one thing; %s and %s stand in one map", found[0], found[1])
		return "", false
	}
	words := slices.Concat(groupNames, headNames)
	for _, key := range m.Keys() {
		text, ok := key.Value()
		word, isText := text.(string)
		if !ok || !isText || slices.Contains(others, word) || operator(word) {
			continue
		}
		if meant := strict.Suggest(word, words); meant != "" {
			return meant, true
		}
	}
	hint := "write one of " + joined(slices.Concat(headNames, groupNames))
	for _, key := range m.Keys() {
		if takers := takersOf(key.Raw().Value); len(takers) > 0 {
			hint = key.Raw().Value + " goes with " + joined(takers) + ": write which one"
			break
		}
	}
	m.Node().Hintf(CodeNoHead, hint, "this condition asks nothing")
	return "", false
}

// takersOf are the heads that take an operator.
func takersOf(operator string) []string {
	var names []string
	for _, name := range headNames {
		if slices.Contains(heads[name].keys, operator) {
			names = append(names, name)
		}
	}
	return names
}

// operator tells whether a key belongs to some head, so that it is not taken for
// a misspelt head.
func operator(key string) bool {
	for _, h := range heads {
		if slices.Contains(h.keys, key) {
			return true
		}
	}
	return false
}

func (d *decoder) group(n, value strict.Node, k kind) (*Condition, bool) {
	if value.IsMap() { // all: and any: of one condition
		part, ok := d.condition(value, nil)
		if !ok {
			return nil, false
		}
		return &Condition{kind: k, parts: []*Condition{part}, node: n}, true
	}
	items := value.List()
	switch {
	case !value.IsList():
		return nil, false
	case len(items) == 0:
		value.Hintf(CodeNoHead, "as in [ { event: order.placed } ]", "the list of conditions is empty")
		return nil, false
	case len(items) > maxParts:
		value.Hintf(CodeTooMany, "use in: for many values, or name parts as segments", "%d conditions in one list; at most %d are allowed", len(items), maxParts)
		return nil, false
	}
	c := &Condition{kind: k, node: n}
	good := true
	for _, item := range items {
		part, ok := d.condition(item, nil)
		if !ok {
			good = false
			continue
		}
		c.parts = append(c.parts, part)
	}
	return c, good
}

// name checks a reference against the names that are known.
func (d *decoder) known(n strict.Node, what, name string, known []string) bool {
	if d.env == nil || slices.Contains(known, name) {
		return true
	}
	n.Unknownf(CodeUnknownName, name, known, "there is no %s %q", what, name)
	return false
}

func joined(words []string) string {
	text := ""
	for i, w := range words {
		switch {
		case i > 0 && i == len(words)-1:
			text += " or "
		case i > 0:
			text += ", "
		}
		text += w
	}
	return text
}
