package liquid

import (
	"sort"
	"strings"
)

// parser turns tokens into nodes. It goes on after a mistake, so that one
// reading reports them all.
type parser struct {
	tokens []Token
	i      int
	mode   Mode
	errs   []Error
	depth  int
	end    Pos // where the last token was read
}

func (p *parser) fail(err *Error) { p.errs = append(p.errs, *err) }

func sortErrors(errs []Error) {
	sort.SliceStable(errs, func(i, j int) bool {
		a, b := errs[i], errs[j]
		if a.Name != b.Name {
			return a.Name < b.Name
		}
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.Column < b.Column
	})
}

// template reads everything.
func (p *parser) template() []node {
	var all []node
	for {
		nodes, stop := p.block(nil)
		all = append(all, nodes...)
		if stop == nil {
			return all
		}
		p.stray(stop)
	}
}

func (p *parser) stray(t *Token) {
	name := t.TagName()
	if open := strings.TrimPrefix(name, "end"); open != name {
		p.fail(t.Pos.errorf("", "{%% %s %%} closes a %s that was not opened", name, open))
		return
	}
	p.fail(t.Pos.errorf("", "{%% %s %%} stands outside of its block", name))
}

// inner words that only have a meaning inside a block
var innerTags = map[string]bool{"else": true, "elsif": true, "when": true}

// block reads nodes up to a tag that ends or parts the block, which it returns;
// nil at the end of the source.
func (p *parser) block(open *Token) ([]node, *Token) {
	var nodes []node
	for p.i < len(p.tokens) {
		t := &p.tokens[p.i]
		p.i++
		p.end = t.Pos
		switch t.Kind {
		case Text:
			nodes = append(nodes, &textNode{text: []byte(t.Markup), pos: t.Pos})
		case Output:
			if n := p.output(t.Markup, t.Inner, t.Pos); n != nil {
				nodes = append(nodes, n)
			}
		case OpenHook:
			body, _ := p.block(t)
			nodes = append(nodes, &hookNode{n: t.N, body: body, quiet: onlyPrints(body), pos: t.Pos})
		case OpenPartial:
			if n := p.partialInPlace(t); n != nil {
				nodes = append(nodes, n)
			}
		case CloseHook, ClosePartial:
			return nodes, t
		case Tag:
			name, off := splitTag(t.Markup)
			if innerTags[name] || strings.HasPrefix(name, "end") {
				return nodes, t
			}
			if n := p.tag(t, name, off); n != nil {
				nodes = append(nodes, n)
			}
		}
	}
	return nodes, nil
}

// body reads the inside of a block. ends are the tags that may follow; the
// first is the one that closes it. Every other ending tag is reported: one that
// belongs to an outer block closes this one too.
func (p *parser) body(open *Token, ends ...string) ([]node, *Token) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxNesting {
		p.fail(open.Pos.errorf("", "blocks stand more than %d deep in each other", maxNesting))
		p.i = len(p.tokens)
		return nil, nil
	}
	var all []node
	for {
		nodes, stop := p.block(open)
		all = append(all, nodes...)
		name := ""
		if stop == nil {
			p.unclosed(open, ends[0])
			return all, nil
		}
		name = stop.TagName()
		for _, e := range ends {
			if name == e {
				return all, stop
			}
		}
		if stop.Kind != Tag || strings.HasPrefix(name, "end") {
			p.unclosed(open, ends[0])
			p.i-- // it may close a block further out
			return all, nil
		}
		p.stray(stop)
	}
}

func (p *parser) unclosed(open *Token, end string) {
	p.fail(open.Pos.errorf("close it with {% "+end+" %}", "this {%% %s %%} is not closed", open.TagName()))
}

func (p *parser) output(markup string, base, pos Pos) node {
	r, err := newReader(markup, base)
	if err != nil {
		p.fail(err)
		return nil
	}
	value, err := r.filtered()
	if err != nil {
		p.fail(err)
		return nil
	}
	return &outputNode{value: value, pos: pos}
}

// tagParsers are the tags that can start something.
var tagParsers map[string]func(p *parser, t *Token, r *reader) (node, *Error)

func init() {
	tagParsers = map[string]func(p *parser, t *Token, r *reader) (node, *Error){
		"if":        (*parser).ifTag,
		"unless":    (*parser).ifTag,
		"case":      (*parser).caseTag,
		"for":       (*parser).forTag,
		"tablerow":  (*parser).tableRowTag,
		"assign":    (*parser).assignTag,
		"capture":   (*parser).captureTag,
		"cycle":     (*parser).cycleTag,
		"increment": (*parser).counterTag,
		"decrement": (*parser).counterTag,
		"echo":      (*parser).echoTag,
		"break":     (*parser).interruptTag,
		"continue":  (*parser).interruptTag,
		"ifchanged": (*parser).ifChangedTag,
		"render":    (*parser).partialTag,
		"include":   (*parser).partialTag,
	}
}

func tagNames() []string {
	names := []string{"comment", "raw", "doc", "liquid"}
	for name := range tagParsers {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func (p *parser) tag(t *Token, name string, off int) node {
	rest, base := t.Markup[off:], t.Inner.at(t.Markup, off)
	switch name {
	case "#":
		p.inlineComment(t)
		return nil
	case "comment":
		p.comment(t)
		return nil
	case "liquid":
		return p.liquidTag(rest, base)
	}
	parse, ok := tagParsers[name]
	if !ok {
		p.fail(unknownTag(t, name))
		return nil
	}
	r, err := newReader(rest, base)
	if err == nil {
		var n node
		if n, err = parse(p, t, r); err == nil {
			return n
		}
	} else if end, isBlock := blockEnds[name]; isBlock {
		// Read on behind the block, so that its end is no second mistake.
		p.fail(err)
		p.skipBlock(t, end)
		return nil
	}
	p.fail(err)
	return nil
}

// blockEnds names the tag that closes each block.
var blockEnds = map[string]string{
	"if": "endif", "unless": "endunless", "case": "endcase", "for": "endfor", "tablerow": "endtablerow",
	"capture": "endcapture", "ifchanged": "endifchanged", "comment": "endcomment",
}

// BlockEnd gives the name of the tag that closes the block a tag opens, and
// false for a tag that opens none.
func BlockEnd(tag string) (string, bool) { end, ok := blockEnds[tag]; return end, ok }

func unknownTag(t *Token, name string) *Error {
	if name == "" {
		return t.Pos.errorf("", "this tag has no name")
	}
	return t.Pos.errorf(didYouMean(name, tagNames()), "there is no tag %q", name)
}

// skipBlock reads a block whose opening tag is wrong; mistakes inside are
// still reported.
func (p *parser) skipBlock(t *Token, end string) {
	for {
		_, stop := p.body(t, end, "else", "elsif", "when")
		if stop == nil || stop.TagName() == end {
			return
		}
	}
}

// comment skips to its end; comments may stand in each other.
func (p *parser) comment(open *Token) {
	depth := 1
	for ; p.i < len(p.tokens); p.i++ {
		switch p.tokens[p.i].TagName() {
		case "comment":
			depth++
		case "endcomment":
			if depth--; depth == 0 {
				p.i++
				return
			}
		}
	}
	p.unclosed(open, "endcomment")
}

func (p *parser) inlineComment(t *Token) {
	off := 0
	for _, line := range strings.SplitAfter(t.Markup, "\n") {
		text := strings.TrimSpace(line)
		if text != "" && !strings.HasPrefix(text, "#") {
			p.fail(t.Inner.at(t.Markup, off).errorf("", "every line of this comment starts with #"))
			return
		}
		off += len(line)
	}
}

// liquidTag reads {% liquid %}: one tag a line.
func (p *parser) liquidTag(markup string, base Pos) node {
	var tokens []Token
	at := base
	for _, line := range strings.SplitAfter(markup, "\n") {
		start := skipSpace(line, 0)
		text := strings.TrimRight(line[start:], whitespace)
		if text != "" {
			pos := at.at(line, start)
			tokens = append(tokens, Token{Kind: Tag, Markup: text, Source: text, Pos: pos, Inner: pos})
		}
		at = at.at(line, len(line))
	}
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxNesting {
		p.fail(base.errorf("", "blocks stand more than %d deep in each other", maxNesting))
		return nil
	}
	inner := parser{tokens: tokens, mode: p.mode, depth: p.depth, end: base}
	nodes := inner.template()
	p.errs = append(p.errs, inner.errs...)
	return &groupNode{nodes}
}

// groupNode is several nodes in the place of one.
type groupNode struct{ nodes []node }

func (n *groupNode) render(st *state) error { return renderNodes(st, n.nodes) }
