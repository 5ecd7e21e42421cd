package liquid

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
