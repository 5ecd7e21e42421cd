package liquid

// places works out for every output where in the HTML it stands.
func (p *parser) places(nodes []node) {
	s := scanner{}
	p.placeAll(nodes, &s)
}

// addresses does the same for the addresses inside hooks only: a text part has
// no other places.
func (p *parser) addresses(nodes []node) {
	walk(nodes, func(n node) {
		if h, ok := n.(*hookNode); ok {
			p.placeAll(h.body, &scanner{state: sAddress})
		}
	})
}

func (p *parser) placeAll(nodes []node, s *scanner) {
	for _, n := range nodes {
		p.place(n, s)
	}
}

func (p *parser) place(n node, s *scanner) {
	switch n := n.(type) {
	case *textNode:
		s.feed(n.text)
	case *outputNode:
		n.place = s.place()
		p.checkPlace(n, s)
		s.dynamic()
	case *cycleNode:
		n.place = s.place()
		s.dynamic()
	case *counterNode:
		s.dynamic()
	case *groupNode:
		p.placeAll(n.nodes, s)
	case *hookNode:
		n.place = s.place()
		p.placeAll(n.body, &scanner{state: sAddress})
		s.dynamic()
	case *captureNode:
		p.placeAll(n.body, &scanner{})
	case *ifNode:
		var bodies [][]node
		open := true
		for _, b := range n.branches {
			bodies = append(bodies, b.body)
			open = open && b.cond != nil
		}
		p.branches(n.pos, "if", bodies, open, s)
	case *caseNode:
		var bodies [][]node
		open := true
		for _, b := range n.branches {
			bodies = append(bodies, b.body)
			open = open && b.values != nil
		}
		p.branches(n.pos, "case", bodies, open, s)
	case *forNode:
		p.branches(n.pos, "for", [][]node{n.body, n.otherwise}, true, s)
	case *tableRowNode:
		p.branches(n.pos, "tablerow", [][]node{n.body}, true, s)
	case *ifChangedNode:
		p.branches(n.pos, "ifchanged", [][]node{n.body}, true, s)
	case *partialNode:
		if n.inPlace {
			p.branches(n.pos, "partial", [][]node{n.body}, n.each, s)
		} else {
			s.dynamic()
		}
	}
}

// branches reads each body from the same place on and wants them all to end in
// one place; open: it may also be that none is shown.
func (p *parser) branches(pos Pos, what string, bodies [][]node, open bool, s *scanner) {
	start := *s
	ends := make([]scanner, 0, len(bodies)+1)
	for _, body := range bodies {
		end := start
		p.placeAll(body, &end)
		ends = append(ends, end)
	}
	if open {
		ends = append(ends, start)
	}
	if len(ends) == 0 {
		return
	}
	*s = ends[0]
	for _, end := range ends[1:] {
		if end.state == sAfterName {
			end.state = sInTag
		}
		if s.state == sAfterName {
			s.state = sInTag
		}
		if end.state != s.state || end.raw != s.raw || end.inValue() && end.attr != s.attr {
			p.fail(pos.errorf("begin and end each tag and each quoted value inside one branch",
				"the branches of this %s end in different places of the HTML", what))
			return
		}
		if end.url != s.url {
			s.url = max(end.url, s.url)
			if s.url == uHost || s.url == uPath || s.url == uScheme {
				s.url = uGiven
			}
		}
	}
}

func (s *scanner) inValue() bool {
	return s.state == sDouble || s.state == sSingle || s.state == sUnquoted
}

// checkPlace refuses the places where nothing makes a value safe.
func (p *parser) checkPlace(n *outputNode, s *scanner) {
	switch n.place {
	case inScript:
		p.fail(n.pos.errorf("mail programs run no scripts: take it out", "a value cannot stand in a script"))
	case inTag:
		if !n.value.endsIn("raw") {
			p.fail(n.pos.errorf("put it into quotes, as in alt=\"{{ … }}\"", "a value cannot stand inside a tag outside of quotes"))
		}
	}
}

func (f *filtered) endsIn(name string) bool {
	return len(f.filters) > 0 && f.filters[len(f.filters)-1].def.name == name
}

// walk visits every node, in the order of the source.
func walk(nodes []node, f func(node)) {
	for _, n := range nodes {
		f(n)
		switch n := n.(type) {
		case *groupNode:
			walk(n.nodes, f)
		case *hookNode:
			walk(n.body, f)
		case *captureNode:
			walk(n.body, f)
		case *ifNode:
			for _, b := range n.branches {
				walk(b.body, f)
			}
		case *caseNode:
			for _, b := range n.branches {
				walk(b.body, f)
			}
		case *forNode:
			walk(n.body, f)
			walk(n.otherwise, f)
		case *tableRowNode:
			walk(n.body, f)
		case *ifChangedNode:
			walk(n.body, f)
		case *partialNode:
			walk(n.body, f)
		}
	}
}
