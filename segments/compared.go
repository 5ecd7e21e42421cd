package segments

// Compared is a value that a condition compares something with.
type Compared struct {
	Event string // of whose property; "" for an attribute
	Path  string // of the attribute or the property
	Value string // as it was written
}

// Compared lists the values that the condition compares attributes and properties
// of events with: what invented contacts must have for a segment to have members.
// Segments are not followed.
func (c *Condition) Compared() []Compared {
	var out []Compared
	for _, part := range c.parts {
		out = append(out, part.Compared()...)
	}
	switch l := c.leaf.(type) {
	case *attributeLeaf:
		out = append(out, comparedIn("", l.path, l.tests)...)
	case *eventLeaf:
		for _, t := range l.where {
			out = append(out, comparedIn(l.name, t.path, t.tests)...)
		}
	}
	return out
}

// Compared lists the values that the filter compares properties of an event with.
func (f *Filter) Compared(event string) (out []Compared) {
	if f == nil {
		return nil
	}
	for _, t := range f.tests {
		out = append(out, comparedIn(event, t.path, t.tests)...)
	}
	return out
}

func comparedIn(event, path string, tests []test) (out []Compared) {
	for _, t := range tests {
		for _, v := range t.values {
			out = append(out, Compared{event, path, v.shown})
		}
	}
	return out
}
