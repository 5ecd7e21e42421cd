package templates

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"rapport/templates/css"
	"rapport/templates/liquid"
)

// inlineStyles moves the rules of style elements into style attributes, since
// many mail programs read only those. What has no place there stays: rules of
// media queries and other at-rules, and those for states such as hover.
func inlineStyles(doc *html.Node, m *marks) {
	var sheets []*html.Node
	visit(doc, func(n *html.Node) {
		if n.DataAtom == atom.Style {
			sheets = append(sheets, n)
		}
	})
	var rules []css.Rule
	for _, n := range sheets {
		if n.FirstChild == nil || m.hasTags(n.FirstChild.Data) || !forScreens(attr(n, "media")) {
			continue
		}
		found, kept := css.Read(n.FirstChild.Data)
		rules = append(rules, found...)
		if kept == "" {
			n.Parent.RemoveChild(n)
		} else {
			n.FirstChild.Data = "\n" + kept
		}
	}
	if len(rules) == 0 {
		return
	}
	visit(doc, func(n *html.Node) {
		switch n.DataAtom {
		case atom.Head, atom.Style, atom.Script, atom.Title, atom.Meta, atom.Link, atom.Base:
			return
		}
		css.Apply(n, rules, m.hasTags)
	})
}

func forScreens(media string) bool {
	media = strings.TrimSpace(strings.ToLower(media))
	return media == "" || media == "all" || media == "screen"
}

// hasTags: the text holds Liquid that decides, so its parts cannot be moved.
func (m *marks) hasTags(s string) bool {
	for _, t := range m.restore(s, liquid.Pos{}) {
		if t.Kind != liquid.Text && t.Kind != liquid.Output {
			return true
		}
	}
	return false
}
