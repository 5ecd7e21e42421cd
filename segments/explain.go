package segments

// Explain answers the condition and says why, part by part.
func (c *Condition) Explain(q *Question) Explanation {
	if c.kind == single {
		e := Explanation{Text: c.leaf.String(), Held: c.leaf.answer(q), Why: c.leaf.why(q)}
		if in, ok := c.leaf.(*segmentLeaf); ok {
			if s, inner := in.inner(q); s != nil {
				e.Children = []Explanation{s.Where.Explain(inner)}
			}
		}
		return e
	}
	e := Explanation{Text: c.kind.text(), Held: c.Match(q)}
	held := 0
	for _, part := range c.parts {
		child := part.Explain(q)
		if child.Held {
			held++
		}
		e.Children = append(e.Children, child)
	}
	if c.kind != notOf {
		e.Why = plural(held, len(c.parts))
	}
	return e
}

func (k kind) text() string {
	switch k {
	case allOf:
		return "all of"
	case anyOf:
		return "any of"
	}
	return "not"
}

// plural says how many parts held.
func plural(held, of int) string {
	return count(held) + " of " + count(of) + " hold"
}
