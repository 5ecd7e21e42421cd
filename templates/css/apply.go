package css

import (
	"cmp"
	"slices"
	"strings"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
)

// applied is a declaration that holds for an element, with its rank.
type applied struct {
	declaration
	inline      bool
	specificity cascadia.Specificity
	order       int
}

// level: plain rules, the attribute, important rules, the important attribute.
func (a applied) level() int {
	level := 0
	if a.important {
		level = 2
	}
	if a.inline {
		level++
	}
	return level
}

// Apply writes the declarations that hold for an element into its style
// attribute, and tells whether there were any. An attribute that keep says yes
// to is not read: it stays as it is, behind the declarations.
func Apply(n *html.Node, rules []Rule, keep func(style string) bool) bool {
	var list []applied
	for i, r := range rules {
		if !r.selector.Match(n) {
			continue
		}
		for _, d := range r.declarations {
			list = append(list, applied{d, false, r.selector.Specificity(), i})
		}
	}
	if len(list) == 0 {
		return false
	}
	own := attr(n, "style")
	verbatim := ""
	if keep != nil && keep(own) {
		verbatim = own
	} else {
		for _, d := range readDeclarations(own) {
			list = append(list, applied{declaration: d, inline: true})
		}
	}
	slices.SortStableFunc(list, func(a, b applied) int {
		if c := cmp.Compare(a.level(), b.level()); c != 0 {
			return c
		}
		if a.specificity != b.specificity {
			if a.specificity.Less(b.specificity) {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.order, b.order)
	})
	setStyle(n, list, verbatim)
	return true
}

// setStyle writes the declarations, each property once, the strongest last.
func setStyle(n *html.Node, list []applied, verbatim string) {
	var parts []string
	for i, a := range list {
		overridden := slices.ContainsFunc(list[i+1:], func(b applied) bool { return b.property == a.property })
		if !overridden {
			parts = append(parts, a.property+":"+a.value)
		}
	}
	if verbatim != "" {
		parts = append(parts, verbatim)
	}
	SetAttr(n, "style", strings.Join(parts, ";"))
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// SetAttr gives an element an attribute, in the place of the one that it has.
func SetAttr(n *html.Node, key, value string) {
	for i := range n.Attr {
		if n.Attr[i].Key == key {
			n.Attr[i].Val = value
			return
		}
	}
	n.Attr = append(n.Attr, html.Attribute{Key: key, Val: value})
}
