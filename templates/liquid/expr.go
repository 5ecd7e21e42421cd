package liquid

// expr is a value to be worked out: a literal, a variable, a range.
type expr interface {
	eval(st *state) any
}

type literal struct{ value any }

func (l literal) eval(*state) any { return l.value }

type rangeExpr struct{ from, to expr }

func (r rangeExpr) eval(st *state) any {
	return span{whole(toNumber(r.from.eval(st))), whole(toNumber(r.to.eval(st)))}
}

// step is one part of a variable's path after its root.
type step struct {
	key   string
	index expr // [ … ]; nil for .key and ['key']
}

// variable is a path such as contact.first_name or event.items[0].name.
type variable struct {
	root  string
	start expr // for a root in brackets: [name]; else nil
	steps []step
	pos   Pos
}

func (v *variable) eval(st *state) any {
	value := v.find(st)
	if f, ok := value.(float64); ok && st.mode != Plain {
		if i, whole := wholeNumber(f); whole {
			return i
		}
	}
	return value
}

// find is eval with numbers as they were given.
func (v *variable) find(st *state) any {
	root := v.root
	if v.start != nil {
		root = toText(v.start.eval(st))
	}
	value, ok := st.lookup(root)
	if !ok {
		return nil
	}
	for i := range v.steps {
		s := &v.steps[i]
		if s.index == nil {
			if s.key == "size" {
				st.steps += weight(value) / 64 // counting characters takes time
			}
			value = member(value, s.key)
		} else {
			value = element(value, s.index.eval(st))
		}
		if value == nil {
			return nil
		}
	}
	return value
}

// wholeNumber gives a float without a fraction as the integer it was: JSON has
// one kind of number, and an order over 89 shall not read 89.0.
func wholeNumber(f float64) (int64, bool) {
	i := int64(f)
	return i, f > -1<<53 && f < 1<<53 && float64(i) == f
}

// member reads value.key; size, first and last work on lists, maps and text.
func member(value any, key string) any {
	switch v := value.(type) {
	case map[string]any:
		if x, ok := v[key]; ok {
			return x
		}
	case Drop:
		if x, ok := v.Get(key); ok {
			return x
		}
	}
	switch key {
	case "size":
		if n, ok := size(value); ok {
			return n
		}
	case "first":
		return first(value)
	case "last":
		return last(value)
	}
	return nil
}

func element(value, index any) any {
	if key, ok := asText(index); ok {
		return member(value, key)
	}
	i, ok := asInt(index)
	if !ok {
		return nil
	}
	if s, ok := value.(span); ok {
		if i < 0 {
			i += s.len()
		}
		if i >= 0 && i < s.len() {
			return s.from + i
		}
		return nil
	}
	list, ok := asList(value)
	if !ok {
		return nil
	}
	if i < 0 {
		i += int64(len(list))
	}
	if i < 0 || i >= int64(len(list)) {
		return nil
	}
	return list[i]
}

func first(value any) any {
	if s, ok := value.(span); ok && s.len() > 0 {
		return s.from
	}
	if list, ok := asList(value); ok && len(list) > 0 {
		return list[0]
	}
	if m, ok := asKeyed(value); ok {
		if keys := m.Keys(); len(keys) > 0 {
			x, _ := m.Get(keys[0])
			return []any{keys[0], x}
		}
	}
	return nil
}

func last(value any) any {
	if s, ok := value.(span); ok && s.len() > 0 {
		return s.to
	}
	if list, ok := asList(value); ok && len(list) > 0 {
		return list[len(list)-1]
	}
	return nil
}

// filterCall is one filter with its arguments.
type filterCall struct {
	def   *filterDef
	args  []expr
	named []namedArg
	pos   Pos
}

type namedArg struct {
	name  string
	value expr
}

// filtered is a value with its filters: what stands in {{ }} and after assign.
type filtered struct {
	base       expr
	filters    []filterCall
	pos        Pos
	hasDefault bool
}

func (f *filtered) eval(st *state) (any, error) {
	value := f.base.eval(st)
	for i := range f.filters {
		var err error
		if value, err = f.filters[i].apply(st, value); err != nil {
			return nil, err
		}
	}
	return value, nil
}

func (c *filterCall) apply(st *state, value any) (any, error) {
	if n := weight(value); n > 4096 {
		// A long value takes time even where the result is short.
		if err := st.work(n/64, c.pos); err != nil {
			return nil, err
		}
	}
	mark := len(st.args)
	for _, a := range c.args {
		st.args = append(st.args, a.eval(st))
	}
	// No filter runs inside another one, so they share the place.
	st.call = call{st: st, in: value, args: st.args[mark:], named: c.named}
	out, err := c.def.run(&st.call)
	st.call = call{}
	clear(st.args[mark:])
	st.args = st.args[:mark]
	if err != nil {
		if e, ok := err.(*Error); ok {
			return nil, e
		}
		return nil, c.pos.errorf("", "%s: %s", c.def.name, err)
	}
	if err := st.step(c.pos); err != nil {
		return nil, err
	}
	if n := weight(out); n > 0 {
		if err := st.charge(n, c.pos); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// weight is roughly how many bytes a filter's result takes.
func weight(v any) int {
	switch v := v.(type) {
	case string:
		return len(v)
	case *string:
		return len(*v)
	case HTML:
		return len(v)
	case urlText:
		return len(v)
	case []any:
		return 16 * len(v)
	}
	return 0
}
