package campaigns

import (
	"slices"

	"rapport/internal/strict"
)

// beside finds the keys of ours that stand in the map of a condition, as in
// `wait_for: { email: clicked, up_to: 4d }`. A misspelt one counts as the one
// that was meant; whoever reads the condition reports it.
func beside(n strict.Node, ours ...string) map[string]strict.Node {
	found := map[string]strict.Node{}
	words := slices.Concat(ours, conditionKeys)
	pairs := n.Map().Pairs()
	for _, p := range pairs {
		if key := p.Key.Raw().Value; slices.Contains(ours, key) {
			found[key] = p.Value
		}
	}
	for _, p := range pairs {
		key := p.Key.Raw().Value
		if slices.Contains(words, key) {
			continue
		}
		meant := strict.Suggest(key, words)
		if _, taken := found[meant]; !taken && slices.Contains(ours, meant) {
			found[meant] = p.Value
		}
	}
	return found
}

// conditionKeys are the heads and operators of a condition, to tell a
// misspelt key of ours from one of theirs.
var conditionKeys = []string{
	"all", "any", "not", "attribute", "event", "email", "stage", "health", "score", "tier", "consent",
	"segment", "campaign", "sample", "is", "is_not", "in", "not_in", "contains", "starts_with", "ends_with",
	"matches", "above", "at_least", "below", "at_most", "between", "exists", "before", "after", "in_last",
	"in_next", "anniversary_in", "has", "has_any", "has_all", "count", "sum", "since", "where", "pick",
	"template", "link", "for", "salt", "ever",
}

// mailOf takes from a condition what hopeless needs: which of its parts are
// about the enrolment's own mail. Other parts may always come true.
func (d *decoder) mailOf(n strict.Node) *aboutMail {
	if n.IsList() {
		return &aboutMail{all: d.mailOfAll(n.List())}
	}
	if !n.IsMap() {
		return &aboutMail{}
	}
	m := n.Map()
	switch {
	case m.Has("all"):
		return &aboutMail{all: d.mailOfAll(m.Get("all").List())}
	case m.Has("any"):
		return &aboutMail{any: d.mailOfAll(m.Get("any").List())}
	case m.Has("email"):
		if m.Has("campaign") || m.Has("ever") || atMost(m.Get("count")) {
			return &aboutMail{}
		}
		template := m.Get("template")
		d.awaited = append(d.awaited, template)
		return &aboutMail{mail: true, template: scalar(template)}
	}
	return &aboutMail{}
}

func (d *decoder) mailOfAll(items []strict.Node) []*aboutMail {
	var all []*aboutMail
	for _, item := range items {
		all = append(all, d.mailOf(item))
	}
	return all
}

// atMost reports whether a count can hold without anything having happened.
func atMost(n strict.Node) bool {
	if !n.IsMap() {
		return false
	}
	m := n.Map()
	return m.Has("at_most") || m.Has("below") || m.Has("between") || m.Has("is")
}

func scalar(n strict.Node) string {
	if !n.IsScalar() {
		return ""
	}
	return n.Raw().Value
}
