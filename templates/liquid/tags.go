package liquid

import "strings"

func (p *parser) ifTag(t *Token, r *reader) (node, *Error) {
	name := t.TagName()
	n := &ifNode{unless: name == "unless", pos: t.Pos}
	branch := ifBranch{cond: p.conditionOf(r), pos: t.Pos}
	end := "end" + name
	sawElse, blank := false, true
	for {
		body, stop := p.body(t, end, "elsif", "else")
		blank = blank && isBlankBody(body)
		branch.body = body
		n.branches = append(n.branches, branch)
		if stop == nil || stop.TagName() == end {
			break
		}
		branch = ifBranch{pos: stop.Pos}
		switch {
		case sawElse:
			// The language lets more branches follow an else and never shows them.
			branch.cond = truth{literal{false}}
		case stop.TagName() == "else":
			sawElse = true
		default:
			branch.cond = p.elsif(stop)
		}
	}
	if blank {
		for i := range n.branches {
			n.branches[i].body = dropBlank(n.branches[i].body)
		}
	}
	return n, nil
}

// conditionOf reads a whole condition; a wrong one is reported and never holds.
func (p *parser) conditionOf(r *reader) condition {
	cond, err := r.condition(0)
	if err == nil {
		err = r.end()
	}
	if err != nil {
		p.fail(err)
		return truth{literal{false}}
	}
	return cond
}

func (p *parser) elsif(t *Token) condition {
	_, off := splitTag(t.Markup)
	r, err := newReader(t.Markup[off:], t.Inner.at(t.Markup, off))
	if err != nil {
		p.fail(err)
		return truth{literal{false}}
	}
	return p.conditionOf(r)
}

func (p *parser) caseTag(t *Token, r *reader) (node, *Error) {
	n := &caseNode{subject: literal{nil}, pos: t.Pos}
	subject, err := r.value()
	if err == nil {
		n.subject = subject
		err = r.end()
	}
	if err != nil {
		p.fail(err)
	}
	_, stop := p.body(t, "endcase", "when", "else")
	blank := true
	for stop != nil && stop.TagName() != "endcase" {
		var b caseBranch
		if stop.TagName() == "when" {
			b.values = p.when(stop)
		}
		b.body, stop = p.body(t, "endcase", "when", "else")
		blank = blank && isBlankBody(b.body)
		n.branches = append(n.branches, b)
	}
	if blank {
		for i := range n.branches {
			n.branches[i].body = dropBlank(n.branches[i].body)
		}
	}
	return n, nil
}

func (p *parser) when(t *Token) []expr {
	_, off := splitTag(t.Markup)
	r, err := newReader(t.Markup[off:], t.Inner.at(t.Markup, off))
	values := []expr{}
	for err == nil {
		var v expr
		if v, err = r.value(); err != nil {
			break
		}
		values = append(values, v)
		if r.done() {
			return values
		}
		if !r.takeSign(",") && !r.takeName("or") {
			err = r.unexpected("a comma or the end of the tag")
		}
	}
	p.fail(err)
	return values
}

func (p *parser) forTag(t *Token, r *reader) (node, *Error) {
	n := &forNode{pos: t.Pos, source: literal{nil}}
	err := n.head(r)
	if err != nil {
		p.fail(err)
	}
	var stop *Token
	n.body, stop = p.body(t, "endfor", "else")
	if stop != nil && stop.TagName() == "else" {
		n.otherwise, _ = p.body(t, "endfor")
	}
	if isBlankBody(n.body) && isBlankBody(n.otherwise) {
		n.body, n.otherwise = dropBlank(n.body), dropBlank(n.otherwise)
	}
	return n, nil
}

func (n *forNode) head(r *reader) (err *Error) {
	if n.variable, n.source, n.name, err = r.loopHead(); err != nil {
		return err
	}
	for !r.done() {
		if r.takeName("reversed") {
			n.bounds.reversed = true
			continue
		}
		if err := r.bound(&n.bounds, nil); err != nil {
			return err
		}
	}
	return nil
}

// loopHead reads "item in collection".
func (r *reader) loopHead() (variable string, source expr, name string, err *Error) {
	if r.peek().kind != wName {
		return "", nil, "", r.unexpected("the name of the loop's variable")
	}
	variable = r.next().text
	if !r.takeName("in") {
		return "", nil, "", r.unexpected("in")
	}
	from := r.peek().off
	if source, err = r.value(); err != nil {
		return "", nil, "", err
	}
	to := r.peek().off
	name = variable + "-" + strings.TrimSpace(r.markup[from:to])
	return variable, source, name, nil
}

// bound reads one of limit:, offset:, cols: and a comma that may stand beside.
func (r *reader) bound(b *bounds, cols *expr) *Error {
	if r.takeSign(",") {
		return nil
	}
	wanted := "limit:, offset: or reversed"
	if cols != nil {
		wanted = "cols:, limit: or offset:"
	}
	if r.peek().kind != wName || r.second().text != ":" {
		return r.unexpected(wanted)
	}
	var into *expr
	switch r.peek().text {
	case "limit":
		into = &b.limit
	case "offset":
		into = &b.offset
	case "cols":
		into = cols
	}
	if into == nil {
		return r.unexpected(wanted)
	}
	r.next()
	r.next()
	if into == &b.offset && r.takeName("continue") {
		b.resume = true
		return nil
	}
	v, err := r.value()
	*into = v
	return err
}

func (p *parser) tableRowTag(t *Token, r *reader) (node, *Error) {
	n := &tableRowNode{pos: t.Pos, source: literal{nil}}
	var err *Error
	n.variable, n.source, n.name, err = r.loopHead()
	for err == nil && !r.done() {
		err = r.bound(&n.bounds, &n.cols)
	}
	if err != nil {
		p.fail(err)
	}
	n.body, _ = p.body(t, "endtablerow")
	return n, nil
}

// target reads the name that assign, capture and the counters set.
func (r *reader) target() (string, *Error) {
	w := r.peek()
	if w.kind != wName && w.kind != wNumber && w.kind != wQuoted {
		return "", r.unexpected("the name of a variable")
	}
	if strings.HasSuffix(w.text, "?") || w.kind == wNumber && !allDigits(w.text) {
		return "", r.pos().errorf("", "%q cannot be the name of a variable", w.text)
	}
	if _, taken := literals[w.text]; taken && w.kind == wName {
		return "", r.pos().errorf("", "%q is a word of the language and cannot be the name of a variable", w.text)
	}
	r.next()
	return w.text, nil
}

func (p *parser) assignTag(t *Token, r *reader) (node, *Error) {
	name, err := r.target()
	if err != nil {
		return nil, err
	}
	if !r.takeSign("=") {
		return nil, r.unexpected("=")
	}
	if r.done() {
		return nil, r.unexpected("a value")
	}
	value, err := r.filtered()
	if err != nil {
		return nil, err
	}
	return &assignNode{name, value, t.Pos}, nil
}

func (p *parser) captureTag(t *Token, r *reader) (node, *Error) {
	name, err := r.target()
	if err == nil {
		err = r.end()
	}
	body, _ := p.body(t, "endcapture")
	if err != nil {
		return nil, err
	}
	return &captureNode{name, body, t.Pos}, nil
}

func (p *parser) counterTag(t *Token, r *reader) (node, *Error) {
	name, err := r.target()
	if err == nil {
		err = r.end()
	}
	if err != nil {
		return nil, err
	}
	return &counterNode{name, t.TagName() == "decrement", t.Pos}, nil
}

func (p *parser) cycleTag(t *Token, r *reader) (node, *Error) {
	n := &cycleNode{pos: t.Pos, key: strings.TrimSpace(r.markup)}
	v, err := r.value()
	if err != nil {
		return nil, err
	}
	if r.takeSign(":") {
		n.group = v
		if v, err = r.value(); err != nil {
			return nil, err
		}
	}
	n.items = append(n.items, v)
	for r.takeSign(",") {
		if r.done() {
			break
		}
		if v, err = r.value(); err != nil {
			return nil, err
		}
		n.items = append(n.items, v)
	}
	return n, r.end()
}

func (p *parser) echoTag(t *Token, r *reader) (node, *Error) {
	value, err := r.filtered()
	if err != nil {
		return nil, err
	}
	return &outputNode{value: value, pos: t.Pos, echo: true}, nil
}

func (p *parser) interruptTag(t *Token, r *reader) (node, *Error) {
	if err := r.end(); err != nil {
		return nil, err
	}
	if t.TagName() == "break" {
		return &interruptNode{breakLoop}, nil
	}
	return &interruptNode{continueLoop}, nil
}

func (p *parser) ifChangedTag(t *Token, r *reader) (node, *Error) {
	err := r.end()
	body, _ := p.body(t, "endifchanged")
	if err != nil {
		return nil, err
	}
	return &ifChangedNode{body, t.Pos}, nil
}

func (p *parser) partialTag(t *Token, r *reader) (node, *Error) {
	return partialHead(t, r)
}

func partialHead(t *Token, r *reader) (*partialNode, *Error) {
	n := &partialNode{isolated: t.TagName() == "render", pos: t.Pos}
	switch w := r.peek(); {
	case w.kind == wQuoted:
		r.next()
		n.name = w.text
	case n.isolated:
		return nil, r.unexpected("the partial's name in quotes")
	default:
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		n.dynamic = v
	}
	if err := n.binding(r); err != nil {
		return nil, err
	}
	for r.takeSign(","); !r.done(); r.takeSign(",") {
		if r.peek().kind != wName || r.second().text != ":" {
			return nil, r.unexpected("an argument such as title: value")
		}
		name := r.next().text
		r.next()
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		n.args = append(n.args, namedArg{name, v})
	}
	return n, nil
}

// binding reads "with value as name" and "for list as name".
func (n *partialNode) binding(r *reader) *Error {
	if (r.isName("with") || r.isName("for")) && r.second().text != ":" {
		n.each = r.next().text == "for"
		v, err := r.value()
		if err != nil {
			return err
		}
		n.bound = v
	}
	if r.isName("as") && r.second().text != ":" {
		r.next()
		if r.peek().kind != wName {
			return r.unexpected("a name after as")
		}
		n.alias = r.next().text
	}
	return nil
}

// partialInPlace reads a partial that the caller has put where its tag stood.
func (p *parser) partialInPlace(t *Token) node {
	_, off := splitTag(t.Markup)
	r, err := newReader(t.Markup[off:], t.Inner.at(t.Markup, off))
	var n *partialNode
	if err == nil {
		n, err = partialHead(t, r)
	}
	p.depth++
	defer func() { p.depth-- }()
	body, stop := p.block(t)
	for stop != nil && stop.Kind != ClosePartial {
		p.stray(stop)
		var more []node
		more, stop = p.block(t)
		body = append(body, more...)
	}
	if err != nil {
		p.fail(err)
		return nil
	}
	n.body, n.inPlace = body, true
	return n
}

// isBlankBody: nothing in it prints anything but whitespace.
func isBlankBody(nodes []node) bool {
	for _, n := range nodes {
		if !isBlankNode(n) {
			return false
		}
	}
	return true
}

func isBlankNode(n node) bool {
	switch n := n.(type) {
	case *textNode:
		return n.blank()
	case *assignNode, *captureNode, *interruptNode:
		return true
	case *ifNode:
		for _, b := range n.branches {
			if !isBlankBody(b.body) {
				return false
			}
		}
		return true
	case *caseNode:
		for _, b := range n.branches {
			if !isBlankBody(b.body) {
				return false
			}
		}
		return true
	case *forNode:
		return isBlankBody(n.body) && isBlankBody(n.otherwise)
	case *ifChangedNode:
		return isBlankBody(n.body)
	case *groupNode:
		return isBlankBody(n.nodes)
	}
	return false
}

// dropBlank takes the whitespace out of a body that prints nothing else.
func dropBlank(nodes []node) []node {
	kept := nodes[:0]
	for _, n := range nodes {
		if _, ok := n.(*textNode); !ok {
			kept = append(kept, n)
		}
	}
	return kept
}
