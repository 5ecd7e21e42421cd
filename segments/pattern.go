package segments

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"rapport/internal/contacts"
	"rapport/internal/strict"
)

// MatchFunction is the name of the SQL function that the embedded store
// registers with MatchPortable, for matches: on SQLite.
const MatchFunction = "rapport_match"

// pattern is a regular expression of the portable subset, in two spellings that
// mean the same: of RE2 (Go) and of PostgreSQL.
//
// The subset is literals, ".", classes ([a-z], [^0-9], \d \w \s and their
// opposites, [[:alpha:]]), ^ and $ for the ends of the text, groups,
// alternatives, and the quantifiers * + ? {n,m} up to 255. Both spellings are
// written from the parsed form, with every letter and class spelt out by code
// point, so that neither engine's defaults take part. Values are matched in their
// folded form; the pattern is folded too, so upper and lower case are one.
type pattern struct {
	portable string
	postgres string
	re       *regexp.Regexp
}

// Bounds of a pattern: what is written, and how much it grows when its
// quantifiers are written out.
const (
	maxPattern  = 200
	maxExpanded = 2000
	maxRepeat   = 255 // the most that PostgreSQL takes
)

func (d *decoder) pattern(t *test, n strict.Node) bool {
	text, ok := n.Text()
	if !ok {
		return false
	}
	t.shown = text
	p, err := parsePattern(text)
	if err != nil {
		n.Errorf(CodeBadPattern, "%q: %v", text, err)
		return false
	}
	t.pattern = p
	return true
}

// parsePattern checks a pattern. Errors say what is outside the subset.
func parsePattern(text string) (*pattern, error) {
	if utf8.RuneCountInString(text) > maxPattern {
		return nil, fmt.Errorf("a pattern has at most %d characters", maxPattern)
	}
	if err := portableSyntax(text); err != nil {
		return nil, err
	}
	tree, err := syntax.Parse(norm.NFC.String(text), syntax.Perl|syntax.FoldCase)
	if err != nil {
		if e, ok := err.(*syntax.Error); ok {
			return nil, fmt.Errorf("%s: %s", e.Code, e.Expr)
		}
		return nil, err
	}
	if _, err := expandedSize(tree); err != nil {
		return nil, err
	}
	var goSpelling, postgres strings.Builder
	if err := render(tree, &goSpelling, &postgres); err != nil {
		return nil, err
	}
	re, err := regexp.Compile(goSpelling.String())
	if err != nil {
		return nil, fmt.Errorf("cannot be used: %v", err)
	}
	return &pattern{portable: goSpelling.String(), postgres: postgres.String(), re: re}, nil
}

func (p *pattern) match(folded string) bool { return p.re.MatchString(folded) }

// portableSyntax refuses what RE2 reads and the parsed form no longer shows.
func portableSyntax(text string) error {
	escaped := false
	for i, r := range text {
		switch {
		case escaped:
			escaped = false
			if strings.ContainsRune("pPCQE", r) {
				return fmt.Errorf(`\%c is outside the portable subset; write the characters out as a class`, r)
			}
		case r == '\\':
			escaped = true
		case r == '(' && strings.HasPrefix(text[i:], "(?") && !strings.HasPrefix(text[i:], "(?:"):
			return fmt.Errorf("groups with (? are outside the portable subset; upper and lower case are one anyway")
		}
	}
	return nil
}

// expandedSize is the size of the pattern with its quantifiers written out.
func expandedSize(re *syntax.Regexp) (int, error) {
	size := 1 + len(re.Rune)
	for _, sub := range re.Sub {
		n, err := expandedSize(sub)
		if err != nil {
			return 0, err
		}
		size += n
	}
	if re.Op == syntax.OpRepeat {
		if re.Min > maxRepeat || re.Max > maxRepeat {
			return 0, fmt.Errorf("a repetition of more than %d times is outside the portable subset", maxRepeat)
		}
		size *= max(re.Min, re.Max, 1)
	}
	if size > maxExpanded {
		return 0, fmt.Errorf("its repetitions make it too large")
	}
	return size, nil
}

// render writes both spellings of a parsed pattern.
func render(re *syntax.Regexp, g, pg *strings.Builder) error {
	both := func(s string) { g.WriteString(s); pg.WriteString(s) }
	switch re.Op {
	case syntax.OpEmptyMatch:
		both("(?:)")
	case syntax.OpLiteral:
		folded := contacts.Fold(string(re.Rune))
		if folded == "" {
			return fmt.Errorf("it can never match")
		}
		// Folding can lengthen a letter, so a literal is a group.
		both("(?:")
		for _, r := range folded {
			codePoint(r, g, pg)
		}
		both(")")
	case syntax.OpCharClass:
		return class(re.Rune, g, pg)
	case syntax.OpAnyCharNotNL:
		return class([]rune{0, '\n' - 1, '\n' + 1, utf8.MaxRune}, g, pg)
	case syntax.OpAnyChar:
		return class([]rune{0, utf8.MaxRune}, g, pg)
	case syntax.OpBeginText:
		g.WriteString(`\A`)
		pg.WriteString(`\A`)
	case syntax.OpEndText:
		g.WriteString(`\z`)
		pg.WriteString(`\Z`)
	case syntax.OpCapture:
		return group(re.Sub, "", g, pg)
	case syntax.OpConcat:
		return group(re.Sub, "", g, pg)
	case syntax.OpAlternate:
		return group(re.Sub, "|", g, pg)
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		if !consumes(re.Sub[0]) {
			return fmt.Errorf("a repetition of nothing is outside the portable subset")
		}
		if err := group(re.Sub, "", g, pg); err != nil {
			return err
		}
		both(quantifier(re))
	case syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return fmt.Errorf(`\b and \B are outside the portable subset`)
	case syntax.OpNoMatch:
		return fmt.Errorf("it can never match")
	default:
		return fmt.Errorf("it uses something outside the portable subset")
	}
	return nil
}

func quantifier(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpStar:
		return "*"
	case syntax.OpPlus:
		return "+"
	case syntax.OpQuest:
		return "?"
	}
	switch re.Max {
	case re.Min:
		return fmt.Sprintf("{%d}", re.Min)
	case -1:
		return fmt.Sprintf("{%d,}", re.Min)
	}
	return fmt.Sprintf("{%d,%d}", re.Min, re.Max)
}

// consumes tells whether a part can match at least one character.
func consumes(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpLiteral, syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return true
	}
	for _, sub := range re.Sub {
		if consumes(sub) {
			return true
		}
	}
	return false
}

func group(subs []*syntax.Regexp, between string, g, pg *strings.Builder) error {
	g.WriteString("(?:")
	pg.WriteString("(?:")
	for i, sub := range subs {
		if i > 0 {
			g.WriteString(between)
			pg.WriteString(between)
		}
		if err := render(sub, g, pg); err != nil {
			return err
		}
	}
	g.WriteString(")")
	pg.WriteString(")")
	return nil
}

// class writes ranges of code points. U+0000 never stands in a text, and
// PostgreSQL knows no such character.
func class(ranges []rune, g, pg *strings.Builder) error {
	g.WriteString("[")
	pg.WriteString("[")
	some := false
	for i := 0; i+1 < len(ranges); i += 2 {
		low, high := max(ranges[i], 1), ranges[i+1]
		if low > high {
			continue
		}
		some = true
		codePoint(low, g, pg)
		g.WriteString("-")
		pg.WriteString("-")
		codePoint(high, g, pg)
	}
	if !some {
		return fmt.Errorf("it can never match")
	}
	g.WriteString("]")
	pg.WriteString("]")
	return nil
}

func codePoint(r rune, g, pg *strings.Builder) {
	fmt.Fprintf(g, `\x{%X}`, r)
	fmt.Fprintf(pg, `\U%08X`, r)
}

// compiled keeps the patterns that SQLite has asked for. There are as many as
// conditions with matches:, so nothing is ever dropped.
var compiled sync.Map // portable pattern → *regexp.Regexp

// MatchPortable answers matches: for SQLite. The pattern is the spelling that
// compiled conditions pass, the text is folded. A pattern that does not compile
// matches nothing.
func MatchPortable(pattern, text string) bool {
	known, ok := compiled.Load(pattern)
	if !ok {
		re, err := regexp.Compile(pattern)
		if err != nil {
			return false
		}
		known, _ = compiled.LoadOrStore(pattern, re)
	}
	return known.(*regexp.Regexp).MatchString(text)
}
