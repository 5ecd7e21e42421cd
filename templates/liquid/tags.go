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
