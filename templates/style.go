package templates

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/andybalholm/cascadia"
	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/css"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"rapport/templates/liquid"
)

// declaration is one property with its value.
type declaration struct {
	property, value string
	important       bool
}

// styleRule is one selector with its declarations.
type styleRule struct {
	selector     cascadia.Sel
	declarations []declaration
}

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
	var rules []styleRule
	for _, n := range sheets {
		if n.FirstChild == nil || m.hasTags(n.FirstChild.Data) || !forScreens(attr(n, "media")) {
			continue
		}
		found, kept := readSheet(n.FirstChild.Data)
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
		applyRules(n, rules, m)
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

// Selectors that hold for a state or a part only: no attribute can say that.
var stateful = regexp.MustCompile(`(?i)::|:(hover|active|focus|visited|target|link|any-link|before|after|first-line|first-letter|focus-within|focus-visible)\b`)

// readSheet parts a style sheet into rules to inline and text to keep.
func readSheet(sheet string) (rules []styleRule, kept string) {
	var keep strings.Builder
	for _, s := range statements(sheet) {
		if strings.HasPrefix(s.prelude, "@") {
			if !strings.HasPrefix(strings.ToLower(s.prelude), "@charset") {
				keep.WriteString(s.text + "\n")
			}
			continue
		}
		declarations := readDeclarations(s.block)
		var rest []string
		for _, text := range splitSelectors(s.prelude) {
			sel, err := cascadia.Parse(text)
			if err != nil || stateful.MatchString(text) {
				rest = append(rest, text)
				continue
			}
			rules = append(rules, styleRule{sel, declarations})
		}
		if len(rest) > 0 {
			keep.WriteString(strings.Join(rest, ", ") + " {" + s.block + "}\n")
		}
	}
	return rules, keep.String()
}

// statement is one rule of a sheet as written, comments left out.
type statement struct{ prelude, block, text string }

func statements(sheet string) (list []statement) {
	l := css.NewLexer(parse.NewInputString(sheet))
	var prelude, block strings.Builder
	depth := 0
	flush := func(end string) {
		p := strings.TrimSpace(prelude.String())
		if p != "" {
			text := p + end
			if end != ";" {
				text = p + " {" + block.String() + "}"
			}
			list = append(list, statement{p, block.String(), text})
		}
		prelude.Reset()
		block.Reset()
	}
	for {
		tt, data := l.Next()
		switch {
		case tt == css.ErrorToken:
			if depth > 0 {
				flush("}")
			}
			return list
		case tt == css.CommentToken || tt == css.CDOToken || tt == css.CDCToken:
			continue
		case tt == css.LeftBraceToken:
			if depth++; depth == 1 {
				continue
			}
		case tt == css.RightBraceToken:
			if depth == 0 {
				continue
			}
			if depth--; depth == 0 {
				flush("}")
				continue
			}
		case tt == css.SemicolonToken && depth == 0:
			flush(";")
			continue
		}
		if depth == 0 {
			prelude.Write(data)
		} else {
			block.Write(data)
		}
	}
}

// splitAt parts CSS at a token that stands in no brackets.
func splitAt(text string, at css.TokenType) (parts []string) {
	l := css.NewLexer(parse.NewInputString(text))
	var b strings.Builder
	depth := 0
	for {
		tt, data := l.Next()
		switch tt {
		case css.ErrorToken:
			return append(parts, strings.TrimSpace(b.String()))
		case css.CommentToken:
			continue
		case css.LeftParenthesisToken, css.FunctionToken, css.LeftBracketToken, css.LeftBraceToken:
			depth++
		case css.RightParenthesisToken, css.RightBracketToken, css.RightBraceToken:
			depth--
		}
		if tt == at && depth == 0 {
			parts = append(parts, strings.TrimSpace(b.String()))
			b.Reset()
			continue
		}
		b.Write(data)
	}
}

func splitSelectors(prelude string) []string {
	return slices.DeleteFunc(splitAt(prelude, css.CommaToken), func(s string) bool { return s == "" })
}

var importantMark = regexp.MustCompile(`(?i)\s*!\s*important\s*$`)

func readDeclarations(block string) (list []declaration) {
	for _, text := range splitAt(block, css.SemicolonToken) {
		property, value, ok := strings.Cut(text, ":")
		property, value = strings.TrimSpace(property), strings.TrimSpace(value)
		if !ok || property == "" || value == "" {
			continue
		}
		if !strings.HasPrefix(property, "--") {
			property = strings.ToLower(property)
		}
		plain := importantMark.ReplaceAllString(value, "")
		if !strings.Contains(plain, "'") {
			plain = strings.ReplaceAll(plain, `"`, "'") // attributes are in double quotes
		}
		list = append(list, declaration{property, plain, plain != value && importantMark.MatchString(value)})
	}
	return list
}

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

func applyRules(n *html.Node, rules []styleRule, m *marks) {
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
		return
	}
	own := attr(n, "style")
	verbatim := ""
	if m.hasTags(own) {
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
	style := strings.Join(parts, ";")
	for i := range n.Attr {
		if n.Attr[i].Key == "style" {
			n.Attr[i].Val = style
			return
		}
	}
	n.Attr = append(n.Attr, html.Attribute{Key: "style", Val: style})
}
