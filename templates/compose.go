package templates

import (
	"bytes"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"rapport/templates/liquid"
)

// maxTokens bounds what partials in partials may grow to.
const maxTokens = 100_000

// page is one variant of a template on its way to a program.
type page struct {
	c      *compiler
	file   *source // the template's file in this language
	meta   meta    // with what the language does not say itself taken from the main file
	files  hashing
	tokens int
	failed bool
}

func (p *page) fail(pos liquid.Pos, code, message, hint string) {
	p.failed = true
	p.c.addAt(pos, code, message, hint)
}

// bodyTokens gives the HTML of a file, partials still to be put in.
func (c *compiler) bodyTokens(f *source) []liquid.Token {
	if f.ext != ".md" {
		return f.tokens
	}
	tokens, ok := c.html[f.path]
	if !ok {
		tokens = c.markdownTokens(f)
		c.html[f.path] = tokens
	}
	return tokens
}

// content gives the HTML of the template itself.
func (p *page) content() []liquid.Token {
	if p.file.ext == ".mjml" {
		return p.mjmlTokens()
	}
	return p.c.bodyTokens(p.file)
}

// expand puts partials in the place of their tags. stack holds the files that
// are being put in, outermost first.
func (p *page) expand(tokens []liquid.Token, text bool, stack []string) []liquid.Token {
	var out []liquid.Token
	for _, t := range tokens {
		if name := t.TagName(); t.Kind == liquid.Tag && (name == "render" || name == "include") {
			out = append(out, p.partial(t, text, stack)...)
		} else {
			out = append(out, t)
		}
	}
	return out
}

func (p *page) partial(t liquid.Token, text bool, stack []string) []liquid.Token {
	name, ok := partialName(t.Markup)
	if !ok {
		p.fail(t.Pos, CodePartial, "the partial's name must be written in quotes", "all partials are put together before anybody is mailed")
		return nil
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "partials/"), ".html")
	f := p.c.partials[strings.TrimSuffix(name, ".md")]
	if text && p.c.partials[name+".txt"] != nil {
		f = p.c.partials[name+".txt"]
	}
	if f == nil {
		hint := "write it as partials/" + name + ".html"
		if near := liquid.Closest(name, sortedKeys(p.c.partials)); near != "" {
			hint = "did you mean " + near + "?"
		}
		if p.c.partials[name+".mjml"] != nil {
			hint = "partials/" + name + ".mjml is MJML: it stands between the tags of MJML, not in their text"
		}
		p.fail(t.Pos, CodePartial, "there is no partial \""+name+"\"", hint)
		return nil
	}
	p.files.add(f)
	if slices.Contains(stack, f.path) {
		p.fail(t.Pos, CodePartial, "the partial \""+name+"\" includes itself", "")
		return nil
	}
	if f.broken {
		p.failed = true
		return nil
	}
	body := f.tokens
	if !text {
		body = p.c.bodyTokens(f)
	}
	if p.tokens += len(body); p.tokens > maxTokens {
		p.fail(t.Pos, CodePartial, "with all its partials the template is too large", "")
		return nil
	}
	open, end := t, t
	open.Kind, end.Kind = liquid.OpenPartial, liquid.ClosePartial
	end.Source = ""
	inner := p.expand(body, text, append(slices.Clone(stack), f.path))
	return slices.Concat([]liquid.Token{open}, inner, []liquid.Token{end})
}

// partialName reads the quoted name of a render or include tag.
func partialName(markup string) (string, bool) {
	fields := strings.Fields(markup)
	if len(fields) < 2 {
		return "", false
	}
	rest := strings.TrimSpace(strings.TrimSpace(markup)[len(fields[0]):])
	q := rest[0]
	if q != '"' && q != '\'' {
		return "", false
	}
	name, _, ok := strings.Cut(rest[1:], string(q))
	return name, ok
}

// withLayout puts the content into its layout. A layout that is not there is a
// finding, and nothing else is said about the template then.
func (p *page) withLayout(content []liquid.Token) []liquid.Token {
	name := p.meta.layout.text
	if p.file.ext == ".mjml" {
		if name != "" && name != "none" {
			p.fail(p.meta.layout.pos, CodeLayout, "MJML is a whole page and stands in no layout",
				"take layout out; what several templates share stands in partials/ and comes in by mj-include")
		}
		return content
	}
	if name == "" {
		if p.file.ext == ".html" && isDocument(p.file.body) {
			return content
		}
		name = p.c.opts.LayoutDefault
	}
	if name == "none" {
		return content
	}
	layout := p.c.layouts[name]
	if layout == nil {
		pos := p.meta.layout.pos
		if !p.meta.layout.set {
			pos = liquid.Pos{Name: p.file.path, Line: 1, Column: 1}
		}
		hint := "write it as layouts/" + name + ".html"
		if near := liquid.Closest(name, sortedKeys(p.c.layouts)); near != "" {
			hint = "did you mean " + near + "?"
		}
		p.fail(pos, CodeLayout, "there is no layout \""+name+"\"", hint)
		return nil
	}
	p.files.add(layout)
	if layout.broken {
		p.failed = true
		return nil
	}
	var out []liquid.Token
	found := false
	for _, t := range p.expand(layout.tokens, false, []string{layout.path}) {
		if t.Kind == liquid.Output && isContent(t.Markup) {
			found = true
			out = append(out, content...)
		} else {
			out = append(out, t)
		}
	}
	if !found {
		p.fail(liquid.Pos{Name: layout.path, Line: 1, Column: 1}, CodeLayoutContents, "the layout does not show the content", "write {{ content }} where it belongs")
	}
	return out
}

func isContent(markup string) bool {
	value, filter, has := strings.Cut(markup, "|")
	return strings.TrimSpace(value) == "content" && (!has || strings.TrimSpace(filter) == "raw")
}

func isDocument(body string) bool {
	return strings.Contains(strings.ToLower(body), "<html")
}

// document reads tokens as one HTML document with marks.
func (p *page) document(tokens []liquid.Token) (*html.Node, *marks) {
	if !p.sitesAreFit(tokens) {
		return nil, nil
	}
	m := newMarks(texts(tokens))
	doc, err := html.ParseWithOptions(strings.NewReader(m.html(tokens)), html.ParseOptionEnableScripting(false))
	if err != nil {
		p.fail(liquid.Pos{Name: p.file.path, Line: 1, Column: 1}, CodeFile, "this HTML cannot be read: "+err.Error(), "")
		return nil, nil
	}
	if doc.FirstChild == nil || !hasDoctype(doc) {
		doc.InsertBefore(&html.Node{Type: html.DoctypeNode, Data: "html"}, doc.FirstChild)
	}
	m.intoTableBody(doc)
	if !p.blocksAreWhole(doc, m) {
		return nil, nil
	}
	return doc, m
}

func hasDoctype(doc *html.Node) bool {
	for n := doc.FirstChild; n != nil; n = n.NextSibling {
		if n.Type == html.DoctypeNode {
			return true
		}
	}
	return false
}

// The HTML reader sorts the attributes of these, so what stands between them
// would lose its place.
var sorted = map[string]bool{
	"a": true, "b": true, "big": true, "code": true, "em": true, "font": true, "i": true, "nobr": true,
	"s": true, "small": true, "strike": true, "strong": true, "tt": true, "u": true,
}

// sitesAreFit refuses Liquid in the places where no HTML reader can keep it.
func (p *page) sitesAreFit(tokens []liquid.Token) bool {
	ok := true
	var before strings.Builder
	for i, site := range liquid.Sites(tokens) {
		t := tokens[i]
		if t.Kind == liquid.Text {
			before.WriteString(t.Markup)
			continue
		}
		switch {
		case site == liquid.SiteTagName:
			p.fail(t.Pos, CodePlace, "Liquid cannot stand in the name of an HTML tag", "write both tags and choose between them with if")
			ok = false
		case site == liquid.SiteTag && t.Kind == liquid.Tag && sorted[openTag(before.String())]:
			p.fail(t.Pos, CodePlace, "Liquid cannot choose between the attributes of this tag", "put it inside the quotes of an attribute, or write the tag twice")
			ok = false
		}
	}
	return ok
}

// openTag is the name of the tag that is open at the end of s.
func openTag(s string) string {
	s = s[strings.LastIndexByte(s, '<')+1:]
	end := 0
	for end < len(s) && s[end] != ' ' && s[end] != '\n' && s[end] != '\t' && s[end] != '>' {
		end++
	}
	return strings.ToLower(s[:end])
}

// intoTableBody moves the beginning of a block into the tbody that the HTML
// reader has put around the rows behind it, when the block ends in there:
// <table>{% for … %}<tr>…</tr>{% endfor %}</table>.
func (m *marks) intoTableBody(doc *html.Node) {
	var open []*html.Node
	type pair struct{ open, end *html.Node }
	var pairs []pair
	allNodes(doc, func(n *html.Node) {
		t, ok := m.tagAt(n)
		if !ok || t.Kind != liquid.Tag && t.Kind != liquid.OpenPartial && t.Kind != liquid.ClosePartial {
			return
		}
		_, opens := liquid.BlockEnd(t.TagName())
		switch {
		case opens || t.Kind == liquid.OpenPartial:
			open = append(open, n)
		case (strings.HasPrefix(t.TagName(), "end") || t.Kind == liquid.ClosePartial) && len(open) > 0:
			pairs = append(pairs, pair{open[len(open)-1], n})
			open = open[:len(open)-1]
		}
	})
	// The outer block is found after those in it, and takes its place before them.
	for _, p := range pairs {
		body := p.end.Parent
		if p.open.Parent == body || p.open.Parent.DataAtom != atom.Table || body.DataAtom != atom.Tbody || body.Parent != p.open.Parent {
			continue
		}
		first := body.FirstChild
		for n := p.open; n != nil && n != body; {
			next := n.NextSibling
			n.Parent.RemoveChild(n)
			body.InsertBefore(n, first)
			n = next
		}
	}
}

// blocksAreWhole sees to it that all parts of a block stand in one element:
// else a branch would open what another one closes.
func (p *page) blocksAreWhole(doc *html.Node, m *marks) bool {
	type block struct {
		tag    liquid.Token
		parent *html.Node
		bad    bool
	}
	var stack []block
	ok := true
	allNodes(doc, func(n *html.Node) {
		t, isTag := m.tagAt(n)
		if !isTag {
			return
		}
		name := t.TagName()
		if t.Kind == liquid.OpenPartial || t.Kind == liquid.ClosePartial || t.Kind == liquid.Output {
			return
		}
		if _, opens := liquid.BlockEnd(name); opens {
			stack = append(stack, block{t, n.Parent, false})
			return
		}
		if len(stack) == 0 {
			return
		}
		top := &stack[len(stack)-1]
		if !top.bad && n.Parent != top.parent && !outside(n.Parent, top.parent) {
			top.bad, ok = true, false
			p.fail(top.tag.Pos, CodePlace, "the parts of this {% "+top.tag.TagName()+" %} stand in different HTML elements",
				"begin and end every element inside one branch; {% "+name+" %} is on line "+itoa(t.Pos.Line))
		}
		if strings.HasPrefix(name, "end") {
			stack = stack[:len(stack)-1]
		}
	})
	return ok
}

// outside: one of the two stands outside of body, where the HTML reader moves
// comments by itself.
func outside(a, b *html.Node) bool {
	loose := func(n *html.Node) bool {
		return n.Type == html.DocumentNode || n.DataAtom == atom.Html || n.DataAtom == atom.Head || n.DataAtom == atom.Body
	}
	return loose(a) && loose(b)
}

// allNodes calls f for every node in the order of the source.
func allNodes(n *html.Node, f func(*html.Node)) {
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		f(child)
		allNodes(child, f)
	}
}

// program writes the document back and parses it.
func (p *page) program(doc *html.Node, m *marks) *liquid.Template {
	var b bytes.Buffer
	if err := html.Render(&b, doc); err != nil {
		p.fail(liquid.Pos{Name: p.file.path, Line: 1, Column: 1}, CodeFile, "this HTML cannot be written: "+err.Error(), "")
		return nil
	}
	tokens := m.restore(b.String(), liquid.Pos{Name: p.file.path, Line: p.file.bodyLine, Column: 1})
	t, errs := liquid.ParseTokens(p.file.path, tokens, liquid.HTMLMode)
	if len(errs) > 0 {
		p.failed = true
		p.c.syntax(CodePlace, errs)
	}
	return t
}
