package strict

import (
	"slices"

	"go.yaml.in/yaml/v4"
)

// Map is a node that holds keys and values. The zero Map has none and reports
// nothing.
type Map struct{ m *mapping }

type mapping struct {
	node  Node
	pairs []Pair
	index map[string]int // key, or the key that was meant → place in pairs
}

// Pair is a key with its value.
type Pair struct{ Key, Value Node }

// mostNamed is how many keys a hint lists; more are no help.
const mostNamed = 12

// Map reads the node as a map; anything else is a finding. With keys named,
// every other key is a finding and a misspelt one counts as the one that was
// meant. With none it is free-form.
func (n Node) Map(keys ...string) Map {
	if !n.sound() {
		return Map{}
	}
	if n.y.Kind != yaml.MappingNode {
		n.mustBeMap(keys)
		return Map{}
	}
	m := &mapping{node: n, index: make(map[string]int, len(n.y.Content)/2)}
	for i := 0; i+1 < len(n.y.Content); i += 2 {
		key := resolve(n.y.Content[i])
		// Doubled, merge and unreadable keys have their finding already.
		if _, twice := m.index[key.Value]; twice || key.Kind != yaml.ScalarNode || key.Value == "<<" && key.Style == 0 {
			continue
		}
		m.index[key.Value] = len(m.pairs)
		m.pairs = append(m.pairs, Pair{
			Key:   Node{y: key, doc: n.doc, name: key.Value},
			Value: n.child(n.y.Content[i+1], key.Value, false),
		})
	}
	result := Map{m}
	if len(keys) > 0 {
		result.Only(keys...)
	}
	return result
}

// Only reports every key that is not among those named. A misspelt one counts,
// from then on, as the one that was meant.
func (m Map) Only(keys ...string) Map {
	if m.m == nil {
		return m
	}
	if listen := m.m.node.doc.findings.Keys; listen != nil {
		listen(m.m.node.doc.file, m.m.node.path, keys)
	}
	for i, pair := range m.m.pairs {
		key := pair.Key.y.Value
		if slices.Contains(keys, key) || m.m.index[key] != i {
			continue
		}
		meant := Suggest(key, m.absent(keys))
		switch {
		case meant != "":
			pair.Key.Hintf(CodeUnknownKey, didYouMean(meant), "unknown key %s", quote(key))
			delete(m.m.index, key)
			m.m.index[meant] = i
			m.m.pairs[i].Value.name = meant
			if m.m.node.doc.findings.Keys != nil {
				m.m.pairs[i].Value.path = m.m.node.path + "." + meant
			}
		case m.m.cutByComma(i):
			pair.Key.Hintf(CodeUnknownKey, "a comma between braces begins the next key: put the text before it in quotes", "unknown key %s", quote(key))
		case len(keys) <= mostNamed:
			pair.Key.Hintf(CodeUnknownKey, "known here: "+joined(keys), "unknown key %s", quote(key))
		default:
			pair.Key.Errorf(CodeUnknownKey, "unknown key %s", quote(key))
		}
	}
	return m
}

// cutByComma tells whether a key is most likely the rest of a text, as in
// { task: Call today, or tomorrow }.
func (m *mapping) cutByComma(i int) bool {
	return i > 0 && m.node.y.Style&yaml.FlowStyle != 0 && m.pairs[i].Value.IsNull() && m.pairs[i-1].Value.IsScalar()
}

// absent is the keys that the map does not have, and so might be meant.
func (m Map) absent(keys []string) []string {
	var rest []string
	for _, k := range keys {
		if !m.Has(k) {
			rest = append(rest, k)
		}
	}
	return rest
}

func joined(words []string) string {
	text := ""
	for i, w := range words {
		if i > 0 {
			text += ", "
		}
		text += w
	}
	return text
}

// OK says whether there is a map at all.
func (m Map) OK() bool { return m.m != nil }

// Node is the map as a node.
func (m Map) Node() Node {
	if m.m == nil {
		return Node{}
	}
	return m.m.node
}

// Has says whether the key stands there, be it without a value.
func (m Map) Has(key string) bool {
	if m.m == nil {
		return false
	}
	_, ok := m.m.index[key]
	return ok
}

// Get is the value of a key, absent when the key is not there or when a
// variable in its value is not set.
func (m Map) Get(key string) Node {
	if m.m == nil {
		return Node{}
	}
	i, ok := m.m.index[key]
	if !ok || m.m.node.doc.unset[m.m.pairs[i].Value.y] {
		return Node{}
	}
	return m.m.pairs[i].Value
}

// Key is the node of the key itself, for findings that are about it.
func (m Map) Key(key string) Node {
	if !m.Has(key) {
		return Node{}
	}
	return m.m.pairs[m.m.index[key]].Key
}

// Require is Get for a key that must be there.
func (m Map) Require(key string) Node {
	if m.m != nil && !m.Has(key) {
		m.m.node.Errorf(CodeMissingKey, "%s is missing", quote(key))
	}
	return m.Get(key)
}

// Keys are the nodes of the keys, in the order of the file.
func (m Map) Keys() []Node {
	if m.m == nil {
		return nil
	}
	keys := make([]Node, len(m.m.pairs))
	for i, p := range m.m.pairs {
		keys[i] = p.Key
	}
	return keys
}

// Pairs are the keys with their values, in the order of the file; values whose
// variables are not set are left out.
func (m Map) Pairs() []Pair {
	if m.m == nil {
		return nil
	}
	pairs := make([]Pair, 0, len(m.m.pairs))
	for _, p := range m.m.pairs {
		if !m.m.node.doc.unset[p.Value.y] {
			pairs = append(pairs, p)
		}
	}
	return pairs
}

// ExactlyOne gives the one key of several that the map has, with its value.
// None, or more than one, is a finding.
func (m Map) ExactlyOne(keys ...string) (string, Node) {
	if m.m == nil {
		return "", Node{}
	}
	key, value := m.AtMostOne(keys...)
	if key == "" && !slices.ContainsFunc(keys, m.Has) {
		m.m.node.Errorf(CodeMissingKey, "one of these keys is missing: %s", list(keys))
	}
	return key, value
}

// AtMostOne gives the one key of several that the map has, or none. More than
// one is a finding, and then the answer is none.
func (m Map) AtMostOne(keys ...string) (string, Node) {
	found := ""
	for _, p := range m.present(keys) {
		if found != "" {
			m.Key(p).Errorf(CodeBadValue, "%s and %s exclude each other", quote(found), quote(p))
			return "", Node{}
		}
		found = p
	}
	return found, m.Get(found)
}

// present is those of the keys that the map has, in the order of the file.
func (m Map) present(keys []string) []string {
	var here []string
	for _, k := range keys {
		if m.Has(k) {
			here = append(here, k)
		}
	}
	slices.SortFunc(here, func(a, b string) int { return m.m.index[a] - m.m.index[b] })
	return here
}
