package liquid

import (
	"strconv"
)

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
	mark := len(st.args)
	for _, a := range c.args {
		st.args = append(st.args, a.eval(st))
	}
	call := call{st: st, in: value, args: st.args[mark:], named: c.named}
	out, err := c.def.run(&call)
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
	case HTML:
		return len(v)
	case urlText:
		return len(v)
	case []any:
		return 16 * len(v)
	}
	return 0
}

// words that are values
var literals = map[string]any{
	"true": true, "false": false, "nil": nil, "null": nil, "empty": emptyWord, "blank": blankWord,
}

// value reads one value without filters.
func (r *reader) value() (expr, *Error) {
	r.depth++
	defer func() { r.depth-- }()
	if r.depth > maxNesting {
		return nil, r.pos().errorf("", "brackets stand more than %d deep in each other", maxNesting)
	}
	w := r.peek()
	switch {
	case w.kind == wQuoted:
		r.next()
		return literal{w.text}, nil
	case w.kind == wNumber:
		r.next()
		return number(w.text), nil
	case w.kind == wName:
		if v, ok := literals[w.text]; ok && !r.pathFollows() {
			r.next()
			return literal{v}, nil
		}
		return r.variable()
	case r.isSign("["):
		return r.variable()
	case r.isSign("("):
		return r.span()
	}
	return nil, r.unexpected("a value")
}

func (r *reader) pathFollows() bool {
	w := r.second()
	return w.kind == wSign && (w.text == "." || w.text == "[")
}

func number(s string) expr {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return literal{i}
	}
	f, _ := strconv.ParseFloat(s, 64)
	return literal{f}
}

func (r *reader) span() (expr, *Error) {
	r.next()
	from, err := r.value()
	if err != nil {
		return nil, err
	}
	if !r.takeSign("..") {
		return nil, r.unexpected(".. of a range")
	}
	to, err := r.value()
	if err != nil {
		return nil, err
	}
	if !r.takeSign(")") {
		return nil, r.unexpected(") of the range")
	}
	return rangeExpr{from, to}, nil
}

func (r *reader) variable() (expr, *Error) {
	v := &variable{pos: r.pos()}
	if r.isSign("[") {
		s, err := r.bracket()
		if err != nil {
			return nil, err
		}
		v.root, v.start = s.key, s.index
	} else {
		v.root = r.next().text
	}
	for {
		switch {
		case r.takeSign("."):
			if r.peek().kind != wName {
				return nil, r.unexpected("a name after the dot")
			}
			v.steps = append(v.steps, step{key: r.next().text})
		case r.isSign("["):
			s, err := r.bracket()
			if err != nil {
				return nil, err
			}
			v.steps = append(v.steps, s)
		default:
			return v, nil
		}
	}
}

func (r *reader) bracket() (step, *Error) {
	r.next()
	if w := r.peek(); w.kind == wQuoted && r.second().kind == wSign && r.second().text == "]" {
		r.next()
		r.next()
		return step{key: w.text}, nil
	}
	e, err := r.value()
	if err != nil {
		return step{}, err
	}
	if !r.takeSign("]") {
		return step{}, r.unexpected("]")
	}
	return step{index: e}, nil
}

// filtered reads a value and its filters up to the end of the markup.
func (r *reader) filtered() (*filtered, *Error) {
	f := &filtered{pos: r.pos(), base: literal{nil}}
	if r.done() {
		return f, nil
	}
	var err *Error
	if f.base, err = r.value(); err != nil {
		return nil, err
	}
	for r.takeSign("|") {
		c, err := r.filter()
		if err != nil {
			return nil, err
		}
		if c.def.name == "default" {
			f.hasDefault = true
		}
		f.filters = append(f.filters, c)
	}
	if !r.done() {
		return nil, r.unexpected("| and a filter, or the end")
	}
	return f, nil
}

func (r *reader) filter() (filterCall, *Error) {
	c := filterCall{pos: r.pos()}
	w := r.peek()
	if w.kind != wName {
		return c, r.unexpected("the name of a filter")
	}
	r.next()
	def, ok := filters[w.text]
	if !ok {
		return c, c.pos.errorf(didYouMean(w.text, filterNames()), "there is no filter %q", w.text)
	}
	c.def = def
	if r.takeSign(":") {
		for !r.done() && !r.isSign("|") {
			if r.peek().kind == wName && r.second().kind == wSign && r.second().text == ":" {
				name := r.next().text
				pos := r.pos()
				r.next()
				v, err := r.value()
				if err != nil {
					return c, err
				}
				if !def.takes(name) {
					return c, pos.errorf("", "the filter %s has no argument %q", def.name, name)
				}
				c.named = append(c.named, namedArg{name, v})
			} else {
				v, err := r.value()
				if err != nil {
					return c, err
				}
				c.args = append(c.args, v)
			}
			if !r.takeSign(",") {
				break
			}
		}
	}
	if n := len(c.args); n < def.min || n > def.max {
		return c, c.pos.errorf("", "the filter %s takes %s, not %d", def.name, arity(def.min, def.max), n)
	}
	return c, nil
}

func arity(lo, hi int) string {
	unit := " arguments"
	if hi == 1 {
		unit = " argument"
	}
	switch {
	case hi == 0:
		return "no arguments"
	case lo == hi:
		return strconv.Itoa(lo) + unit
	}
	return strconv.Itoa(lo) + " to " + strconv.Itoa(hi) + unit
}
