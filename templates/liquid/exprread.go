package liquid

import "strconv"

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
