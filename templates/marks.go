package templates

import (
	"regexp"
	"strconv"
	"strings"

	"rapport/templates/liquid"
)

// Marks stand for pieces of Liquid while Markdown, HTML and CSS are read. A
// mark is a word of lower-case letters and digits, so that nothing changes,
// escapes or splits it; its stem is chosen so that it is in no source.

// marks numbers the tokens that stand aside.
type marks struct {
	stem   string
	tokens [][]liquid.Token
	find   *regexp.Regexp
}

func newMarks(sources ...string) *marks {
	stem := "lq"
	for i := 0; ; i++ {
		stem = "lq" + strconv.Itoa(i) + "x"
		taken := false
		for _, s := range sources {
			taken = taken || strings.Contains(strings.ToLower(s), stem)
		}
		if !taken {
			break
		}
	}
	word := stem + `(\d+)z`
	return &marks{stem: stem, find: regexp.MustCompile(`(?:<!--` + word + `-->)|(?:&lt;!--` + word + `--&gt;)|(?:` + word + `="")|(?:` + word + `)`)}
}

// texts are the literal parts of tokens, which a stem must not be in.
func texts(tokens []liquid.Token) string {
	var b strings.Builder
	for _, t := range tokens {
		if t.Kind == liquid.Text {
			b.WriteString(t.Markup)
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// put takes tokens aside and gives their mark.
func (m *marks) put(tokens ...liquid.Token) string {
	m.tokens = append(m.tokens, tokens)
	return m.stem + strconv.Itoa(len(m.tokens)-1) + "z"
}

// number reads the number of a mark, -1 where s is none.
func (m *marks) number(s string) int {
	rest, ok := strings.CutPrefix(s, m.stem)
	if !ok {
		return -1
	}
	rest, ok = strings.CutSuffix(rest, "z")
	n, err := strconv.Atoi(rest)
	if !ok || err != nil || n >= len(m.tokens) {
		return -1
	}
	return n
}

// token gives the single token of a mark.
func (m *marks) token(n int) liquid.Token { return m.tokens[n][0] }

// restore parts a text into literals and the tokens of its marks.
func (m *marks) restore(s string, pos liquid.Pos) []liquid.Token {
	var out []liquid.Token
	last := 0
	text := func(to int) {
		if to > last {
			out = append(out, liquid.Token{Kind: liquid.Text, Markup: s[last:to], Pos: pos, Inner: pos})
		}
	}
	for _, loc := range m.find.FindAllStringSubmatchIndex(s, -1) {
		text(loc[0])
		last = loc[1]
		for g := 2; g < len(loc); g += 2 {
			if loc[g] < 0 {
				continue
			}
			n, _ := strconv.Atoi(s[loc[g]:loc[g+1]])
			if n < len(m.tokens) {
				out = append(out, m.tokens[n]...)
				if len(m.tokens[n]) > 0 {
					pos = m.tokens[n][0].Pos
				}
			}
		}
	}
	text(len(s))
	return out
}

// html writes tokens as HTML in which each piece of Liquid is a mark: a
// comment among content, where no element refuses it, else a word.
func (m *marks) html(tokens []liquid.Token) string {
	sites := liquid.Sites(tokens)
	var b strings.Builder
	for i, t := range tokens {
		switch {
		case t.Kind == liquid.Text:
			b.WriteString(t.Markup)
		case sites[i] == liquid.SiteText:
			b.WriteString("<!--" + m.put(t) + "-->")
		case sites[i] == liquid.SiteTag:
			b.WriteString(" " + m.put(t) + " ")
		default:
			b.WriteString(m.put(t))
		}
	}
	return b.String()
}

// source writes tokens as they were written.
func sourceOf(tokens []liquid.Token) string {
	var b strings.Builder
	for _, t := range tokens {
		if t.Kind == liquid.Text {
			b.WriteString(t.Markup)
		} else {
			b.WriteString(t.Source)
		}
	}
	return b.String()
}
