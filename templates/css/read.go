// Package css reads style sheets and moves their rules into style attributes,
// since many mail programs read only those.
package css

import (
	"iter"
	"regexp"
	"slices"
	"strings"

	"github.com/andybalholm/cascadia"
	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/css"
)

// declaration is one property with its value.
type declaration struct {
	property, value string
	important       bool
}

// Rule is one selector with its declarations.
type Rule struct {
	selector     cascadia.Sel
	declarations []declaration
}

// Selectors that hold for a state or a part only: no attribute can say that.
var stateful = regexp.MustCompile(`(?i)::|:(hover|active|focus|visited|target|link|any-link|before|after|first-line|first-letter|focus-within|focus-visible)\b`)

// Read parts a style sheet into rules that a style attribute can say and text
// that must stay a sheet: at-rules, such as media queries, and rules for states,
// such as hover.
func Read(sheet string) (rules []Rule, kept string) {
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
			rules = append(rules, Rule{sel, declarations})
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

// Declarations gives property and value of each declaration in a style
// attribute, in their order.
func Declarations(style string) iter.Seq2[string, string] {
	return func(yield func(property, value string) bool) {
		for _, d := range readDeclarations(style) {
			if !yield(d.property, d.value) {
				return
			}
		}
	}
}
