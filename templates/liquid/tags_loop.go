package liquid

import "strings"

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
