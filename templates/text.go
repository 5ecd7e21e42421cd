package templates

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"rapport/templates/liquid"
)

// textTokens makes the text part of a document: what a reader sees, in lines,
// with the Liquid of the HTML in it.
func textTokens(doc *html.Node, m *marks, file string) []liquid.Token {
	w := &textWriter{m: m, at: flow{breaks: 2}, rowsApart: strings.HasSuffix(file, ".mjml")}
	w.children(doc)
	if w.at.breaks == 0 {
		w.b.WriteByte('\n')
	}
	return m.restore(w.b.String(), liquid.Pos{Name: file, Line: 1, Column: 1})
}

// textWriter turns HTML into text. Line breaks and blanks are held back until
// something follows, so that none are left over where an if shows nothing.
type textWriter struct {
	m       *marks
	b       strings.Builder
	at      flow
	indent  string
	bullet  string
	pre     int
	hidden  int // depth of parts that are not shown
	capture int
	blocks  []flowBlock
	// In a page of MJML each part of a column is a row, and so a paragraph.
	rowsApart bool
}

// How many line breaks stand around an element.
var lineBreaks = map[atom.Atom]int{
	atom.P: 2, atom.H1: 2, atom.H2: 2, atom.H3: 2, atom.H4: 2, atom.H5: 2, atom.H6: 2, atom.Ul: 2, atom.Ol: 2,
	atom.Blockquote: 2, atom.Pre: 2, atom.Table: 2, atom.Dl: 2, atom.Figure: 2, atom.Hr: 2,
	atom.Div: 1, atom.Tr: 1, atom.Li: 1, atom.Dt: 1, atom.Dd: 1, atom.Section: 1, atom.Article: 1, atom.Header: 1,
	atom.Footer: 1, atom.Center: 1, atom.Address: 1, atom.Main: 1, atom.Nav: 1, atom.Caption: 1, atom.Figcaption: 1,
}

func (w *textWriter) children(n *html.Node) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		w.node(c)
	}
}

func (w *textWriter) node(n *html.Node) {
	switch n.Type {
	case html.TextNode:
		w.text(n.Data)
	case html.CommentNode:
		if t, ok := w.m.tagAt(n); ok {
			w.liquid(t, n)
		}
	case html.ElementNode:
		w.element(n)
	case html.DocumentNode:
		w.children(n)
	}
}

// text writes words, with the marks that stand in them.
func (w *textWriter) text(s string) {
	if w.hidden > 0 && w.capture == 0 {
		return
	}
	if w.pre > 0 {
		for l := range strings.SplitAfterSeq(s, "\n") {
			w.write(strings.TrimSuffix(l, "\n"))
			if strings.HasSuffix(l, "\n") {
				w.lineBreak()
			}
		}
		return
	}
	s = strings.ReplaceAll(s, "\u200a", " ") // of a spacer
	for len(s) > 0 {
		i := strings.IndexAny(s, " \t\r\n")
		switch i {
		case 0:
			w.at.blank = true
			s = s[1:]
		case -1:
			w.write(s)
			return
		default:
			w.write(s[:i])
			s = s[i:]
		}
	}
}

func (w *textWriter) element(n *html.Node) {
	if isHidden(n) {
		// Variables that are set here may be used where it is seen.
		if setsVariables(n, w.m) {
			w.hidden++
			w.children(n)
			w.hidden--
		}
		return
	}
	if w.hidden > 0 {
		w.children(n)
		return
	}
	switch n.DataAtom {
	case atom.Br:
		w.lineBreak()
		return
	case atom.Hr:
		w.lines(2)
		w.write("---")
		w.lines(2)
		return
	case atom.Img:
		if alt := strings.TrimSpace(attr(n, "alt")); alt != "" {
			w.text("[" + alt + "]")
		}
		return
	case atom.A:
		w.link(n)
		return
	case atom.Td, atom.Th:
		w.cell(n)
		return
	}
	breaks := lineBreaks[n.DataAtom]
	if breaks > 1 && n.Parent != nil && n.Parent.DataAtom == atom.Li {
		breaks = 1
	}
	if n.DataAtom == atom.Tr && w.rowsApart && isLayout(n) {
		breaks = 2
	}
	if breaks > 0 {
		w.lines(breaks)
	}
	indent := w.indent
	switch n.DataAtom {
	case atom.Li:
		w.bullet = bulletOf(n, w.m)
	case atom.Blockquote:
		w.indent += "> "
	case atom.Pre:
		w.pre++
		defer func() { w.pre-- }()
	}
	w.children(n)
	w.indent, w.bullet = indent, ""
	if breaks > 0 {
		w.lines(breaks)
	}
}

// isHidden: not for the eyes of a reader.
func isHidden(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Head, atom.Style, atom.Script, atom.Title, atom.Noscript, atom.Template, atom.Object:
		return true
	}
	for _, a := range n.Attr {
		switch {
		case a.Key == "hidden", a.Key == "aria-hidden" && a.Val == "true":
			return true
		case a.Key == "style" && strings.Contains(strings.ReplaceAll(strings.ToLower(a.Val), " ", ""), "display:none"):
			return true
		}
	}
	return false
}

func setsVariables(n *html.Node, m *marks) bool {
	found := false
	allNodes(n, func(n *html.Node) {
		if t, ok := m.tagAt(n); ok && (t.TagName() == "assign" || t.TagName() == "capture" || t.TagName() == "liquid") {
			found = true
		}
	})
	return found
}

// bulletOf is - or the number of a list's item; in a list that Liquid repeats
// nobody knows the number.
func bulletOf(li *html.Node, m *marks) string {
	list := li.Parent
	if list == nil || list.DataAtom != atom.Ol {
		return "- "
	}
	number := 1
	for n := list.FirstChild; n != nil && n != li; n = n.NextSibling {
		if n.DataAtom == atom.Li {
			number++
		}
	}
	for n := list.FirstChild; n != nil; n = n.NextSibling {
		if _, ok := m.tagAt(n); ok {
			return "- "
		}
	}
	return itoa(number) + ". "
}

// cell: the cells of a layout stand below each other, those of a table of data
// beside each other.
func (w *textWriter) cell(n *html.Node) {
	if isLayout(n) {
		w.lines(1)
		w.children(n)
		w.lines(1)
		return
	}
	for s := n.PrevSibling; s != nil; s = s.PrevSibling {
		if s.DataAtom == atom.Td || s.DataAtom == atom.Th {
			w.at.blank = true
			w.write("|")
			w.at.blank = true
			break
		}
	}
	w.children(n)
}

func isLayout(cell *html.Node) bool {
	for n := cell.Parent; n != nil; n = n.Parent {
		if n.DataAtom == atom.Table {
			role := attr(n, "role")
			return role == "presentation" || role == "none" || ofAccordion(n) || ofAccordion(n.Parent)
		}
	}
	return true
}

// ofAccordion: the tables of an MJML accordion say nothing of their role.
func ofAccordion(n *html.Node) bool { return strings.HasPrefix(attr(n, "class"), "mj-accordion") }

// link writes "text <address>".
func (w *textWriter) link(n *html.Node) {
	href := strings.TrimSpace(attr(n, "href"))
	if strings.HasPrefix(attr(n, "class"), "mj-carousel-thumbnail") || w.saysNothing(n, href) {
		return
	}
	before := w.b.Len()
	w.linkText(n)
	written := strings.TrimSpace(w.b.String()[before:])
	shown := w.m.plain(written)
	address := w.m.plain(href)
	switch {
	case href == "" || strings.HasPrefix(href, "#"):
	case strings.HasPrefix(href, "mailto:") && strings.EqualFold(strings.TrimPrefix(address, "mailto:"), shown):
	case strings.HasPrefix(href, "tel:"):
	case written == "":
		w.write(href)
	case sameAddress(shown, address):
		// The text is the address: once is enough.
		text := w.b.String()[:before]
		lead := w.b.String()[before : before+strings.Index(w.b.String()[before:], written)]
		w.b.Reset()
		w.b.WriteString(text + lead + href)
	default:
		w.at.blank = true
		w.write("<" + href + ">")
	}
}

// saysNothing: a picture without words that leads where words beside it lead.
func (w *textWriter) saysNothing(n *html.Node, href string) bool {
	if content(n) != "" {
		return false
	}
	said, rows := false, 0 // the picture may stand in a table of its own
	for at := n.Parent; at != nil && rows < 2 && !said; at = at.Parent {
		if at.DataAtom != atom.Tr {
			continue
		}
		rows++
		visit(at, func(other *html.Node) {
			said = said || other.DataAtom == atom.A && w.m.plain(strings.TrimSpace(attr(other, "href"))) == w.m.plain(href) && content(other) != ""
		})
	}
	return said
}

func (w *textWriter) linkText(n *html.Node) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.DataAtom == atom.Img {
			w.text(strings.TrimSpace(attr(c, "alt")))
			continue
		}
		w.node(c)
	}
}

func sameAddress(shown, address string) bool {
	bare := func(s string) string {
		s = strings.TrimPrefix(strings.TrimPrefix(s, "https://"), "http://")
		return strings.TrimSuffix(s, "/")
	}
	return bare(shown) == bare(address)
}
