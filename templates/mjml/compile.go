package mjml

import (
	"cmp"
	"slices"
	"strings"
)

// Options is what a page needs from outside. The zero value is a page by itself.
type Options struct {
	// Include gives the file that an mj-include names. When there is none, the
	// caller says so: at has the place. nil: nothing can be included.
	Include func(path string, at Error) (Source, bool)
	// Expand gives the MJML that a comment between tags stands for, and what to
	// put before and after it. ok is false for a comment that is only that; nil:
	// all are.
	Expand func(comment string) (before string, src Source, after string, ok bool)
	// Waits tells of a text that parts of it are filled in later; nil: none is.
	Waits func(text string) bool
	// Title, Preview and Language hold where the page does not say its own.
	Title, Preview, Language string
}

// Compile turns a page of MJML into HTML. Where there are errors, all of them
// are returned, in the order of the sources, and no HTML.
func Compile(src Source, opts Options) (string, []Error) {
	var found mistakes
	r := &reader{mistakes: &found, Options: opts}
	if opts.Waits == nil {
		opts.Waits = func(string) bool { return false }
	}
	root := &node{}
	r.scan(&src, root, []string{src.Path})
	p := assemble(&found, r, root, place{&src, 0})
	check(&found, root, opts.Waits)
	for _, n := range append(r.heads, r.sheets...) {
		check(&found, &node{tag: "mj-head", children: []*node{n}}, opts.Waits)
	}
	html := ""
	if len(found) == 0 {
		html = p.write(&found, opts)
	}
	if len(found) > 0 {
		slices.SortStableFunc(found, func(a, b Error) int {
			return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		return "", found
	}
	return html, nil
}

// page is the tree in its parts.
type page struct {
	mjml, body *node
	head       []*node
	loose      []*node // what stands outside of head and body, before the body
	after      []*node // and after it
}

// assemble finds the parts of the page.
func assemble(found *mistakes, r *reader, root *node, start place) *page {
	p := &page{}
	for _, n := range root.children {
		switch {
		case isRaw(n) && p.mjml == nil:
			p.loose = append(p.loose, n)
		case isRaw(n):
			p.after = append(p.after, n)
		case n.tag == "mjml" && p.mjml == nil:
			p.mjml = n
			p.parts(found, n)
		case vocab().tags[n.tag] == nil:
			found.add(n.at, didYouMean(n.tag, vocab().names), "there is no tag <%s>", n.tag)
		default:
			found.add(n.at, "a page is one <mjml> with <mj-head> and <mj-body> in it", "%s stands outside of <mjml>", n.name())
		}
	}
	switch {
	case len(*found) > 0:
	case p.mjml == nil:
		found.add(start, "write <mjml><mj-body>…</mj-body></mjml>", "there is no <mjml>")
	case p.body == nil:
		found.add(p.mjml.at, "write <mj-body> into it", "<mjml> has no <mj-body>")
	}
	// The tags outside were looked at here.
	root.children = nil
	if p.mjml != nil {
		root.children = []*node{p.mjml}
	}
	p.head = append(append(p.head, r.heads...), r.sheets...)
	return p
}

func (p *page) parts(found *mistakes, mjml *node) {
	for _, n := range mjml.children {
		switch {
		case n.tag == "mj-head":
			p.head = append(p.head, n.children...)
		case n.tag == "mj-body" && p.body == nil:
			p.body = n
		case n.tag == "mj-body":
			found.add(n.at, "", "there is a second <mj-body>")
		case isRaw(n) && p.body == nil:
			p.loose = append(p.loose, n)
		case isRaw(n):
			p.after = append(p.after, n)
		}
	}
}

// outside joins the raw parts outside of head and body that matter: those for
// the start of the file, and those that are filled in later.
func outside(list []*node, waits func(string) bool) string {
	var parts []string
	for _, n := range list {
		if n.attr("position") == "file-start" || waits(n.content) {
			parts = append(parts, n.content)
		}
	}
	return strings.Join(parts, "\n")
}

func (p *page) write(found *mistakes, opts Options) string {
	set := newSettings()
	for _, n := range p.head {
		set.read(n)
	}
	if set.title == "" {
		set.title = opts.Title
	}
	if set.preview == "" {
		set.preview = opts.Preview
	}
	checkClasses(found, p.body, set.classes)
	c := &compiler{set: set}
	f := frame{
		before: outside(p.loose, opts.Waits), after: outside(p.after, opts.Waits),
		language: firstOf(p.mjml.attr("lang"), opts.Language, "und"), dir: firstOf(p.mjml.attr("dir"), "auto"),
		outlookDesktop: p.mjml.attr("owa") == "desktop",
	}
	c.body(p.body, f)
	f.body = c.String()
	return finish(found, c.document(f), set)
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// body writes mj-body.
func (c *compiler) body(n *node, f frame) {
	e := c.element(n, scope{}, nil)
	css := style("word-spacing", "normal", "background-color", e.get("background-color"))
	c.open("body", "id", e.get("id"), "class", e.get("css-class"), "style", css)
	if c.set.preview != "" {
		c.WriteString(`<div style="display:none;font-size:1px;color:#ffffff;line-height:1px;max-height:0px;max-width:0px;opacity:0;overflow:hidden;">` + c.set.preview + "</div>")
	}
	c.open("div", "aria-label", strings.ReplaceAll(c.set.title, `"`, "&quot;"), "aria-roledescription", "email", "role", "article", "lang", f.language, "dir", f.dir, "style", css)
	in := e.scope
	in.width = whole(e.get("width"))
	c.each(e, in, nil, c.write)
	c.close("div", "body")
}
