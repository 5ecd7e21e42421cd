package mjml

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// normal writes a page so that two pages that mean the same are the same text:
// attributes, classes and declarations in order, blanks gone where they mean
// nothing, the parts for Outlook read as HTML too.
func normal(t testing.TB, page string) string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	writeNormal(&b, doc)
	return b.String()
}

var (
	blanks      = regexp.MustCompile(`\s+`)
	cssBlanks   = regexp.MustCompile(`\s*([{};:,>+~*])\s*`)
	lastOfBlock = regexp.MustCompile(`;}`)
	betweenTags = regexp.MustCompile(`>\s+<`)
	madeUp      = regexp.MustCompile(`[0-9a-f]{16}`) // ids are made up by npm, and counted here
)

func writeNormal(b *strings.Builder, n *html.Node) {
	switch n.Type {
	case html.TextNode:
		text := n.Data
		if n.Parent != nil && n.Parent.Data == "style" {
			text = madeUp.ReplaceAllString(lastOfBlock.ReplaceAllString(cssBlanks.ReplaceAllString(text, "$1"), "}"), "id")
		}
		if text = strings.TrimSpace(blanks.ReplaceAllString(text, " ")); text != "" {
			b.WriteString(text + "\n")
		}
		return
	case html.CommentNode:
		b.WriteString("<!--\n")
		writeTokens(b, n.Data)
		b.WriteString("-->\n")
		return
	case html.ElementNode:
		b.WriteString("<" + n.Data + normalAttributes(n.Attr) + ">\n")
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		writeNormal(b, c)
	}
	if n.Type == html.ElementNode {
		b.WriteString("</" + n.Data + ">\n")
	}
}

// writeTokens writes the content of a comment: tags, most of them half a pair.
func writeTokens(b *strings.Builder, data string) {
	z := html.NewTokenizer(strings.NewReader(data))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return
		case html.StartTagToken, html.SelfClosingTagToken:
			tok := z.Token()
			b.WriteString("<" + tok.Data + normalAttributes(tok.Attr) + ">\n")
		case html.EndTagToken:
			b.WriteString("</" + z.Token().Data + ">\n")
		case html.TextToken:
			if text := strings.TrimSpace(blanks.ReplaceAllString(strings.ReplaceAll(betweenTags.ReplaceAllString(z.Token().Data, "><"), "\u00a0", "&nbsp;"), " ")); text != "" {
				b.WriteString(text + "\n")
			}
		}
	}
}

func normalAttributes(list []html.Attribute) string {
	var out []string
	for _, a := range list {
		switch a.Key {
		case "style":
			var parts []string
			for d := range strings.SplitSeq(a.Val, ";") {
				name, value, _ := strings.Cut(d, ":")
				if value = strings.Join(strings.Fields(value), " "); value != "" {
					parts = append(parts, strings.TrimSpace(name)+":"+value)
				}
			}
			slices.Sort(parts)
			a.Val = strings.Join(parts, ";")
		case "class":
			a.Val = strings.Join(strings.Fields(a.Val), " ")
		}
		if a.Val == "" && (a.Key == "style" || a.Key == "class" || a.Key == "title") {
			continue
		}
		out = append(out, " "+a.Key+`="`+madeUp.ReplaceAllString(a.Val, "id")+`"`)
	}
	slices.Sort(out)
	return strings.Join(out, "")
}

// firstDifference shows where two texts of lines part.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		if i >= len(g) || i >= len(w) || g[i] != w[i] {
			part := func(lines []string) string {
				return strings.Join(lines[min(max(0, i-4), len(lines)):min(i+3, len(lines))], "\n\t")
			}
			return "got\n\t" + part(g) + "\nwant\n\t" + part(w)
		}
	}
	return ""
}
