package liquid

// condition is what stands after if, unless, elsif.
type condition interface {
	holds(st *state) (bool, error)
}

type truth struct{ value expr }

func (t truth) holds(st *state) (bool, error) { return truthy(t.value.eval(st)), nil }

type comparison struct {
	left, right expr
	op          string
	pos         Pos
}

func (c *comparison) holds(st *state) (bool, error) {
	a, b := c.left.eval(st), c.right.eval(st)
	if n := weight(a) + weight(b); n > 4096 {
		// Comparing makes nothing, yet long values take time.
		if err := st.work(n/64, c.pos); err != nil {
			return false, err
		}
	}
	switch c.op {
	case "==":
		return equal(a, b), nil
	case "!=", "<>":
		return !equal(a, b), nil
	case "contains":
		return contains(a, b), nil
	}
	cmp, ok, err := order(a, b)
	if err != nil {
		return false, c.pos.errorf("turn a text into a number with | plus: 0", "%s", err)
	}
	if !ok {
		return false, nil
	}
	switch c.op {
	case "<":
		return cmp < 0, nil
	case "<=":
		return cmp <= 0, nil
	case ">":
		return cmp > 0, nil
	}
	return cmp >= 0, nil
}

// logic is "and" or "or". Liquid reads a chain of them from right to left:
// a and b or c is a and (b or c).
type logic struct {
	left, right condition
	or          bool
}

func (l *logic) holds(st *state) (bool, error) {
	ok, err := l.left.holds(st)
	if err != nil || ok == l.or {
		return ok, err
	}
	return l.right.holds(st)
}

func (r *reader) condition(depth int) (condition, *Error) {
	if depth > maxNesting {
		return nil, r.pos().errorf("", "this condition has more than %d parts", maxNesting)
	}
	left, err := r.comparison()
	if err != nil {
		return nil, err
	}
	or := r.isName("or")
	if !or && !r.isName("and") {
		return left, nil
	}
	r.next()
	right, err := r.condition(depth + 1)
	if err != nil {
		return nil, err
	}
	return &logic{left, right, or}, nil
}

func (r *reader) comparison() (condition, *Error) {
	if r.isName("not") && r.second().kind != wEnd && r.second().kind != wSign {
		return nil, r.pos().errorf("use unless, or compare with false", "liquid has no not")
	}
	left, err := r.value()
	if err != nil {
		return nil, err
	}
	op := r.peek()
	switch {
	case op.kind == wSign && isComparison(op.text), op.kind == wName && op.text == "contains":
		pos := r.pos()
		r.next()
		right, err := r.value()
		if err != nil {
			return nil, err
		}
		return &comparison{left, right, op.text, pos}, nil
	case op.kind == wSign && op.text == "=":
		return nil, r.pos().errorf("compare with ==", "unexpected =")
	case op.kind == wSign && op.text == "|":
		return nil, r.pos().errorf("assign the filtered value to a variable first", "a condition takes no filters")
	}
	return truth{left}, nil
}

func isComparison(s string) bool {
	switch s {
	case "==", "!=", "<>", "<", "<=", ">", ">=":
		return true
	}
	return false
}
