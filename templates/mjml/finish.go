package mjml

import (
	"regexp"
	"slices"
	"strings"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"rapport/templates/css"
)

// finish does what needs the whole page: mj-html-attributes, and mj-style with
// inline. A page without them stays as it was written.
func finish(found *mistakes, page string, set *settings) string {
	if len(set.selectors) == 0 && len(set.inline) == 0 {
		return page
	}
	doc, err := html.ParseWithOptions(strings.NewReader(page), html.ParseOptionEnableScripting(false))
	if err != nil {
		return page // reading from a string does not fail
	}
	for _, s := range set.selectors {
		sel, err := cascadia.ParseGroup(s.path)
		if err != nil {
			found.add(s.at, "write it as in CSS, such as .hero img", "%q is no selector", s.path)
			continue
		}
		for _, n := range cascadia.QueryAll(doc, sel) {
			for _, a := range s.attrs {
				css.SetAttr(n, a.name, a.value)
			}
		}
	}
	inline(doc, set.inline)
	var b strings.Builder
	if err := html.Render(&b, doc); err != nil {
		return page // nor does writing to one
	}
	return b.String()
}

// inline moves the rules of sheets into style attributes.
func inline(doc *html.Node, sheets []string) {
	var rules []css.Rule
	for _, sheet := range sheets {
		found, _ := css.Read(sheet)
		rules = append(rules, found...)
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.DataAtom {
		case atom.Head, atom.Title, atom.Meta, atom.Style, atom.Link, atom.Script, atom.Base, atom.Noscript:
			continue
		}
		if css.Apply(n, rules, nil) {
			tableAttributes(n)
		}
	}
}

// The attributes of old that some mail programs read and the styles they are for.
var oldAttributes = map[string]string{"background-color": "bgcolor", "background-image": "background", "text-align": "align", "vertical-align": "valign"}

var (
	sized  = []atom.Atom{atom.Table, atom.Td, atom.Th, atom.Img}
	tables = []atom.Atom{atom.Table, atom.Th, atom.Tr, atom.Td, atom.Caption, atom.Colgroup, atom.Col, atom.Thead, atom.Tbody, atom.Tfoot}
	urlOf  = regexp.MustCompile(`^url\(["']?([^"']+)["']?\)$`)
)

// tableAttributes says what the styles of a table say in attributes too.
func tableAttributes(n *html.Node) {
	inTable := slices.Contains(tables, n.DataAtom)
	for property, value := range css.Declarations(attr(n, "style")) {
		old, known := oldAttributes[property]
		switch {
		case slices.Contains(sized, n.DataAtom) && (property == "width" || property == "height"):
			if strings.Contains(value, "px") || value == "auto" {
				css.SetAttr(n, property, strings.TrimSuffix(value, "px"))
			} else if inTable && strings.HasSuffix(value, "%") {
				css.SetAttr(n, property, value)
			}
		case inTable && known && !strings.Contains(value, "gradient("):
			if m := urlOf.FindStringSubmatch(value); m != nil && old == "background" {
				value = m[1]
			}
			css.SetAttr(n, old, value)
		}
	}
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}
