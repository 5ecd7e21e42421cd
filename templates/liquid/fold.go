package liquid

import "unicode/utf8"

// Fold is the template for all renderings to which known says the same: what
// depends on nothing else is worked out now and stands there as text. A name that
// known does not have is left to the rendering, as is whatever cannot be worked
// out, so errors stay where they were. known must answer likewise when the result
// is rendered. The template itself stays as it is; the result is not prepared.
func (t *Template) Fold(known Drop, strict bool) *Template {
	f := folder{known: known, sets: map[string]int{}, constant: map[string]any{}}
	f.st = state{opt: &Options{Strict: strict}, lim: DefaultLimits, vars: &f, mode: t.mode}
	if !f.survey(t.nodes) {
		return t.of(f.copies(t.nodes))
	}
	return t.of(f.nodes(t.nodes, true))
}

// of is the template with other nodes.
func (t *Template) of(nodes []node) *Template {
	out := &Template{name: t.name, mode: t.mode, nodes: nodes}
	walk(nodes, func(n node) {
		if text, ok := n.(*textNode); ok {
			out.size += len(text.text)
		}
	})
	switch len(nodes) {
	case 0:
		out.isConstant = true
	case 1:
		if text, ok := nodes[0].(*textNode); ok {
			out.constant, out.isConstant = string(text.text), true
		}
	}
	return out
}

// folder is one folding. As a Drop it answers what is known where it has come to.
type folder struct {
	known    Drop
	sets     map[string]int // names that the template sets somewhere, and how often
	constant map[string]any // those of them whose one value is known by now
	isolated int            // partials around that do not see constant
	st       state
}

// Get is the value of a known name.
func (f *folder) Get(name string) (any, bool) {
	if f.sets[name] > 0 {
		v, ok := f.constant[name]
		return v, ok && f.isolated == 0
	}
	return f.known.Get(name)
}

// survey notes the names that the template sets; false where a partial that is
// not there yet may set others.
func (f *folder) survey(nodes []node) bool {
	whole := true
	walk(nodes, func(n node) {
		switch n := n.(type) {
		case *assignNode:
			f.sets[n.name]++
		case *captureNode:
			f.sets[n.name] += 2 // its value is not worth knowing
		case *counterNode:
			f.sets[n.name] += 2
		case *forNode:
			f.sets[n.variable] += 2
			f.sets["forloop"] += 2
		case *tableRowNode:
			f.sets[n.variable] += 2
			f.sets["tablerowloop"] += 2
		case *partialNode:
			whole = whole && n.inPlace
			for _, a := range n.args {
				f.sets[a.name] += 2
			}
			f.sets["forloop"] += 2
			f.sets[BoundName(n.name)] += 2
			f.sets[n.alias] += 2
		}
	})
	return whole
}

// nodes folds nodes; top: each of them is rendered exactly once.
func (f *folder) nodes(in []node, top bool) []node {
	var out []node
	for _, n := range in {
		switch n := n.(type) {
		case *textNode:
			out = addText(out, n.text, n.pos)
		case *outputNode:
			if text, ok := f.print(n); ok {
				out = addText(out, text, n.pos)
			} else {
				out = append(out, n)
			}
		case *assignNode:
			out = append(out, f.assign(n, top))
		case *groupNode:
			out = addAll(out, f.nodes(n.nodes, top))
		case *ifNode:
			out = addAll(out, f.branches(n, top))
		case *caseNode:
			out = addAll(out, f.cases(n, top))
		default:
			out = append(out, f.inside(n))
		}
	}
	return out
}

// inside folds what stands in a node that itself stays.
func (f *folder) inside(n node) node {
	switch n := n.(type) {
	case *forNode:
		c := *n
		c.body, c.otherwise = f.nodes(n.body, false), f.nodes(n.otherwise, false)
		return &c
	case *tableRowNode:
		c := *n
		c.body = f.nodes(n.body, false)
		return &c
	case *hookNode:
		c := *n
		c.body = f.nodes(n.body, false)
		return &c
	case *captureNode:
		c := *n
		c.body = f.nodes(n.body, false)
		return &c
	case *ifChangedNode:
		c := *n
		c.body = f.nodes(n.body, false)
		return &c
	case *partialNode:
		c := *n
		if n.isolated {
			f.isolated++
			defer func() { f.isolated-- }()
		}
		c.body = f.nodes(n.body, false)
		return &c
	}
	return n
}

// copies are nodes whose texts are their own, and nothing else is changed.
func (f *folder) copies(in []node) []node {
	f.known, f.constant = Map{}, nil
	return f.nodes(in, false)
}

func addText(out []node, text []byte, pos Pos) []node {
	if len(text) == 0 {
		return out
	}
	if len(out) > 0 {
		if last, ok := out[len(out)-1].(*textNode); ok { // made here, so it may grow
			last.text = append(last.text, text...)
			return out
		}
	}
	return append(out, &textNode{text: append([]byte(nil), text...), pos: pos})
}

func addAll(out, nodes []node) []node {
	for _, n := range nodes {
		if t, ok := n.(*textNode); ok {
			out = addText(out, t.text, t.pos)
		} else {
			out = append(out, n)
		}
	}
	return out
}

// print is what an output writes, if that is known.
func (f *folder) print(n *outputNode) ([]byte, bool) {
	if !f.pure(n.value) {
		return nil, false
	}
	f.st.out = f.st.out[:0]
	err := n.render(&f.st)
	return f.st.out, err == nil && utf8.Valid(f.st.out)
}

// assign works the value out, and remembers it where nothing else can come into
// its name.
func (f *folder) assign(n *assignNode, top bool) node {
	if !f.pure(n.value) {
		return n
	}
	v, err := n.value.eval(&f.st)
	if err != nil {
		return n
	}
	if top && f.sets[n.name] == 1 {
		f.constant[n.name] = v
	}
	return &assignNode{n.name, &filtered{base: literal{v}, pos: n.value.pos}, n.pos}
}

// branches leaves out those that are never taken.
func (f *folder) branches(n *ifNode, top bool) []node {
	c := &ifNode{pos: n.pos}
	for i, b := range n.branches {
		unless := n.unless && i == 0
		if b.cond != nil && f.decided(b.cond) {
			ok, err := b.cond.holds(&f.st)
			switch {
			case err != nil:
			case ok == unless:
				continue
			default:
				b.cond, unless = nil, false
			}
		}
		if b.cond == nil && len(c.branches) == 0 {
			return f.nodes(b.body, top)
		}
		c.unless = c.unless || unless
		c.branches = append(c.branches, ifBranch{b.cond, f.nodes(b.body, false), b.pos})
		if b.cond == nil {
			break
		}
	}
	if len(c.branches) == 0 {
		return nil
	}
	return []node{c}
}

// cases takes the bodies that are shown, as caseNode.render does.
func (f *folder) cases(n *caseNode, top bool) []node {
	known := f.constantly(n.subject)
	for _, b := range n.branches {
		for _, v := range b.values {
			known = known && f.constantly(v)
		}
	}
	if !known {
		c := *n
		c.branches = make([]caseBranch, len(n.branches))
		for i, b := range n.branches {
			c.branches[i] = caseBranch{b.values, f.nodes(b.body, false)}
		}
		return []node{&c}
	}
	var out []node
	subject, matched := n.subject.eval(&f.st), false
	for _, b := range n.branches {
		if b.values == nil && !matched {
			out = addAll(out, f.nodes(b.body, top))
		}
		for _, v := range b.values {
			if equal(subject, v.eval(&f.st)) {
				matched = true
				out = addAll(out, f.nodes(b.body, top))
			}
		}
	}
	return out
}

// pure: the value is known. Dates depend on when and where they are shown.
func (f *folder) pure(v *filtered) bool {
	for _, c := range v.filters {
		if c.def.name == "date" {
			return false
		}
		for _, a := range c.args {
			if !f.constantly(a) {
				return false
			}
		}
		for _, a := range c.named {
			if !f.constantly(a.value) {
				return false
			}
		}
	}
	return f.constantly(v.base)
}

func (f *folder) constantly(e expr) bool {
	switch e := e.(type) {
	case literal:
		return true
	case rangeExpr:
		return f.constantly(e.from) && f.constantly(e.to)
	case *variable:
		if e.start != nil {
			return false
		}
		if _, ok := f.Get(e.root); !ok {
			return false
		}
		for _, s := range e.steps {
			if s.index != nil && !f.constantly(s.index) {
				return false
			}
		}
		return true
	}
	return false
}

func (f *folder) decided(c condition) bool {
	switch c := c.(type) {
	case truth:
		return f.constantly(c.value)
	case *comparison:
		return f.constantly(c.left) && f.constantly(c.right)
	case *logic:
		return f.decided(c.left) && f.decided(c.right)
	}
	return false
}
