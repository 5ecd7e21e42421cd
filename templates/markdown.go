package templates

import (
	"bytes"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	gmhtml "github.com/yuin/goldmark/renderer/html"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"rapport/templates/liquid"
)

// Authors of templates may write HTML in Markdown; values never reach it.
var markdown = goldmark.New(
	goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.Linkify),
	goldmark.WithRendererOptions(gmhtml.WithUnsafe()),
)

// markdownTokens turns the tokens of a Markdown file into those of HTML.
func (c *compiler) markdownTokens(f *source) []liquid.Token {
	m := newMarks(texts(f.tokens))
	var b strings.Builder
	for _, t := range f.tokens {
		if t.Kind == liquid.Text {
			b.WriteString(t.Markup)
		} else {
			b.WriteString(m.put(t))
		}
	}
	pos := liquid.Pos{Name: f.path, Line: f.bodyLine, Column: 1}
	var out bytes.Buffer
	if err := markdown.Convert([]byte(m.aloneOnLine(b.String())), &out); err != nil {
		c.addAt(pos, CodeFile, "this Markdown cannot be read: "+err.Error(), "")
		return nil
	}
	return c.tidyBlocks(m.restore(out.String(), pos), pos)
}

// aloneOnLine makes comments of the tags that have a line for themselves, so
// that Markdown takes them for blocks of their own and not for paragraphs.
func (m *marks) aloneOnLine(src string) string {
	lines := strings.SplitAfter(src, "\n")
	for i, line := range lines {
		rest := strings.TrimSpace(line)
		if !strings.HasPrefix(rest, m.stem) {
			continue
		}
		var b strings.Builder
		b.WriteString(line[:strings.Index(line, rest)])
		for rest != "" {
			end := strings.IndexByte(rest, 'z') + 1
			n := m.number(rest[:end])
			if n < 0 || m.token(n).Kind != liquid.Tag {
				break
			}
			b.WriteString("<!--" + rest[:end] + "-->")
			rest = strings.TrimLeft(rest[end:], " \t")
		}
		if rest == "" {
			lines[i] = b.String() + "\n"
		}
	}
	return strings.Join(lines, "")
}

// tidyBlocks moves the tags that enclose a whole paragraph out of it, so that
// no empty paragraph is left, and those that repeat list items into the list.
func (c *compiler) tidyBlocks(tokens []liquid.Token, pos liquid.Pos) []liquid.Token {
	m := newMarks(texts(tokens))
	body := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	nodes, err := html.ParseFragment(strings.NewReader(m.html(tokens)), body)
	if err != nil {
		return tokens
	}
	for _, n := range nodes {
		body.AppendChild(n)
	}
	var paragraphs, lists []*html.Node
	visit(body, func(n *html.Node) {
		switch n.DataAtom {
		case atom.P:
			paragraphs = append(paragraphs, n)
		case atom.Ul, atom.Ol:
			lists = append(lists, n)
		}
	})
	for _, p := range paragraphs {
		m.hoist(p)
	}
	for _, l := range lists {
		m.lower(l)
	}
	var b bytes.Buffer
	for n := body.FirstChild; n != nil; n = n.NextSibling {
		if err := html.Render(&b, n); err != nil {
			return tokens
		}
	}
	return m.restore(b.String(), pos)
}

// tagAt gives the tag that a comment node stands for.
func (m *marks) tagAt(n *html.Node) (liquid.Token, bool) {
	if n == nil || n.Type != html.CommentNode {
		return liquid.Token{}, false
	}
	i := m.number(n.Data)
	if i < 0 || m.token(i).Kind == liquid.Text {
		return liquid.Token{}, false
	}
	return m.token(i), true
}

// hoist: <p>{% if %}…{% endif %}</p> becomes {% if %}<p>…</p>{% endif %}.
func (m *marks) hoist(p *html.Node) {
	first, last := p.FirstChild, p.LastChild
	open, ok := m.tagAt(first)
	if !ok || first == last {
		return
	}
	end, isBlock := liquid.BlockEnd(open.TagName())
	if !isBlock || open.TagName() == "capture" || open.TagName() == "comment" {
		return
	}
	depth := 0
	for n := first; n != nil; n = n.NextSibling {
		t, ok := m.tagAt(n)
		if !ok {
			continue
		}
		name := t.TagName()
		if _, opens := liquid.BlockEnd(name); opens {
			depth++
		}
		if strings.HasPrefix(name, "end") {
			depth--
			if depth == 0 && (n != last || name != end) {
				return
			}
		}
		if depth == 1 && (name == "else" || name == "elsif" || name == "when") {
			return
		}
	}
	if depth != 0 {
		return
	}
	p.RemoveChild(first)
	p.RemoveChild(last)
	p.Parent.InsertBefore(first, p)
	p.Parent.InsertBefore(last, p.NextSibling)
}

// lower: {% for %}<ul>…</ul>{% endfor %} becomes <ul>{% for %}…{% endfor %}</ul>.
func (m *marks) lower(list *html.Node) {
	before, after := beside(list, false), beside(list, true)
	open, ok := m.tagAt(before)
	closing, ok2 := m.tagAt(after)
	if !ok || !ok2 || open.TagName() != "for" || closing.TagName() != "endfor" {
		return
	}
	list.Parent.RemoveChild(before)
	list.Parent.RemoveChild(after)
	list.InsertBefore(before, list.FirstChild)
	list.AppendChild(after)
}

// beside gives the next or previous sibling that is not only blanks.
func beside(n *html.Node, next bool) *html.Node {
	for {
		if next {
			n = n.NextSibling
		} else {
			n = n.PrevSibling
		}
		if n == nil || n.Type != html.TextNode || strings.TrimSpace(n.Data) != "" {
			return n
		}
	}
}

// visit calls f for every element under n, n not included, parents first.
func visit(n *html.Node, f func(*html.Node)) {
	for child := n.FirstChild; child != nil; {
		next := child.NextSibling
		if child.Type == html.ElementNode {
			f(child)
			visit(child, f)
		}
		child = next
	}
}
