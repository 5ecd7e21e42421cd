package segments

import (
	"slices"

	"rapport/internal/strict"
)

// within are the operators of heads that take them together with their value, as
// in `tier: { at_least: silver }`.
var within = map[string][]string{
	"stage":  {"is", "at_least", "at_most", "in"},
	"health": {"is", "in"},
	"tier":   {"is", "at_least"},
}

// beside finds operators that stand beside such a head instead, as in
// `tier: silver` with `is: { at_least: … }`, and says how it is written. It
// returns them: they have their finding.
func beside(m strict.Map, head string) []string {
	value := m.Get(head)
	if !value.IsScalar() {
		return nil
	}
	var found []string
	for _, op := range within[head] {
		if !m.Has(op) {
			continue
		}
		found = append(found, op)
		meant, of := op, value.Raw().Value
		if inner := m.Get(op); inner.IsMap() {
			for _, key := range inner.Map().Keys() {
				if slices.Contains(within[head], key.Raw().Value) {
					meant = key.Raw().Value
				}
			}
		}
		if meant == "in" {
			of = "[" + of + "]"
		}
		m.Key(op).Hintf(strict.CodeUnknownKey, "write "+head+": { "+meant+": "+of+" }", "%s goes into %s, and not beside it", op, head)
	}
	return found
}
