package templates

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"rapport/templates/liquid"
)

// The variables that hold addresses of our own: signed already, never tracked.
var ownAddresses = []string{"unsubscribe_url", "preferences_url", "view_url", "referral_url", "survey_url", "confirm_url"}

// linkTable numbers the links of a page.
type linkTable struct {
	page    *page
	t       *Template
	numbers map[string]int // of each address as written, the first one
	origins map[string][]string
	written map[*html.Node]string // what stood in href before
}

// links numbers every http link of the document and puts a hook in its place.
func (p *page) links(t *Template, doc *html.Node, m *marks) *linkTable {
	lt := &linkTable{page: p, t: t, numbers: map[string]int{}, origins: p.origins(doc, m)}
	visit(doc, func(n *html.Node) {
		if n.DataAtom != atom.A && n.DataAtom != atom.Area {
			return
		}
		track := true
		n.Attr = slices.DeleteFunc(n.Attr, func(a html.Attribute) bool {
			if a.Key == "data-track" {
				track = track && a.Val != "off"
				return true
			}
			return false
		})
		for i := range n.Attr {
			if n.Attr[i].Key == "href" {
				lt.href(n, &n.Attr[i].Val, m, track)
			}
		}
	})
	return lt
}

// origins knows where the values that the page itself sets come from.
func (p *page) origins(doc *html.Node, m *marks) map[string][]string {
	var b strings.Builder
	if html.Render(&b, doc) != nil {
		return nil
	}
	t, errs := liquid.ParseTokens(p.file.path, m.restore(b.String(), liquid.Pos{}), liquid.Plain)
	if len(errs) > 0 {
		return nil
	}
	return t.Origins()
}

func (lt *linkTable) href(n *html.Node, val *string, m *marks, track bool) {
	address := strings.TrimSpace(*val)
	tokens := m.restore(address, liquid.Pos{Name: lt.page.file.path, Line: lt.page.file.bodyLine, Column: 1})
	if !isWeb(tokens) {
		return
	}
	l := lt.add(tokens, m.plain(content(n)), track)
	hooked := lt.hook(l.N, tokens)
	*val = m.put(hooked...)
}

// add gives an address its number.
func (lt *linkTable) add(tokens []liquid.Token, label string, track bool) Link {
	l := Link{N: len(lt.t.links) + 1, URL: sourceOf(tokens), Track: track, Label: label}
	target, errs := liquid.ParseTokens(lt.page.file.path, lt.hook(l.N, tokens), liquid.Line)
	if len(errs) == 0 {
		l.Personal = lt.isPersonal(target)
		lt.checkHost(tokens)
	}
	lt.t.links = append(lt.t.links, l)
	lt.t.targets = append(lt.t.targets, target)
	if _, ok := lt.numbers[l.URL]; !ok {
		lt.numbers[l.URL] = l.N
	}
	return l
}

func (lt *linkTable) hook(n int, tokens []liquid.Token) []liquid.Token {
	pos := liquid.Pos{Name: lt.page.file.path, Line: lt.page.file.bodyLine, Column: 1}
	if len(tokens) > 0 {
		pos = tokens[0].Pos
	}
	open := liquid.Token{Kind: liquid.OpenHook, N: n, Pos: pos, Inner: pos}
	end := liquid.Token{Kind: liquid.CloseHook, Pos: pos, Inner: pos}
	return slices.Concat([]liquid.Token{open}, tokens, []liquid.Token{end})
}

// isPersonal: the address depends on more than the company and the campaign,
// which are the same for everybody.
func (lt *linkTable) isPersonal(target *liquid.Template) bool {
	for _, v := range target.Variables() {
		for _, root := range lt.roots(v.Path[0]) {
			if root != "company" && root != "campaign" {
				return true
			}
		}
	}
	return false
}

// roots are the outer variables that a name may have its value from.
func (lt *linkTable) roots(name string) []string {
	if from, ok := lt.origins[name]; ok {
		return append(slices.Clone(from), name)
	}
	return []string{name}
}

// checkHost refuses contact data in the scheme or host of a link: it could
// lead to any place.
func (lt *linkTable) checkHost(tokens []liquid.Token) {
	written, closed := "", false
	for _, t := range tokens {
		if t.Kind == liquid.Text {
			written += t.Markup
			closed = closed || hostIsClosed(written)
			continue
		}
		if t.Kind != liquid.Output || closed {
			continue
		}
		written += "x"
		use, errs := liquid.ParseTokens("", []liquid.Token{t}, liquid.Plain)
		if len(errs) > 0 {
			continue
		}
		for _, v := range use.Variables() {
			if slices.Contains(lt.roots(v.Path[0]), "contact") {
				lt.page.fail(liquid.Pos{Name: v.Name, Line: v.Line, Column: v.Column}, CodeLink,
					strings.Join(v.Path, ".")+" stands in the scheme or host of a link", "write the host out: contact data may stand in the path and the query only")
				break
			}
		}
	}
}

// hostIsClosed: what follows no longer belongs to the scheme or host.
func hostIsClosed(address string) bool {
	if i := strings.Index(address, "://"); i >= 0 {
		return strings.ContainsAny(address[i+3:], "/?#")
	}
	return strings.ContainsAny(strings.TrimPrefix(address, "//"), "/?#")
}

// isWeb: an address of the web that is not one of our own.
func isWeb(tokens []liquid.Token) bool {
	if len(tokens) == 0 {
		return false
	}
	for _, t := range tokens {
		if t.Kind != liquid.Output {
			continue
		}
		if name, _, _ := strings.Cut(strings.TrimSpace(t.Markup), " "); slices.Contains(ownAddresses, strings.TrimRight(name, "|")) {
			return false
		}
	}
	for _, t := range tokens {
		switch t.Kind {
		case liquid.Text:
			l := strings.ToLower(strings.TrimSpace(t.Markup))
			if l == "" {
				continue
			}
			return strings.HasPrefix(l, "http://") || strings.HasPrefix(l, "https://")
		case liquid.Output:
			return true
		}
	}
	return false
}

// content is the text inside an element; of a picture its alternative text.
func content(n *html.Node) string {
	var b strings.Builder
	allNodes(n, func(n *html.Node) {
		switch {
		case n.Type == html.TextNode, n.Type == html.CommentNode:
			b.WriteString(n.Data)
		case n.DataAtom == atom.Img:
			b.WriteString(attr(n, "alt"))
		}
	})
	return strings.Join(strings.Fields(b.String()), " ")
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// plain writes a text with marks as it was written.
func (m *marks) plain(s string) string {
	var kept []liquid.Token
	for _, t := range m.restore(s, liquid.Pos{}) {
		if t.Kind != liquid.Tag {
			kept = append(kept, t)
		}
	}
	return sourceOf(kept)
}

var webAddress = regexp.MustCompile(`https?://[^\s<>"]*`)

// inText puts hooks around the addresses in a text file. An address that the
// HTML has too keeps its number.
func (lt *linkTable) inText(tokens []liquid.Token) []liquid.Token {
	var out []liquid.Token
	for len(tokens) > 0 {
		t := tokens[0]
		var link []liquid.Token
		switch {
		case t.Kind == liquid.Output && isWebsite(t.Markup):
			link, tokens = collect([]liquid.Token{t}, tokens[1:])
		case t.Kind == liquid.Text && webAddress.MatchString(t.Markup):
			loc := webAddress.FindStringIndex(t.Markup)
			if loc[0] > 0 {
				out = append(out, part(t, t.Markup[:loc[0]]))
			}
			link, tokens = collect(nil, slices.Concat([]liquid.Token{part(t, t.Markup[loc[0]:])}, tokens[1:]))
		default:
			out, tokens = append(out, t), tokens[1:]
			continue
		}
		out = append(out, lt.numbered(link)...)
	}
	return out
}

func part(t liquid.Token, text string) liquid.Token {
	t.Markup = text
	return t
}

// isWebsite: an output that is an address by itself.
func isWebsite(markup string) bool {
	name, _, _ := strings.Cut(strings.TrimSpace(markup), "|")
	return strings.TrimSpace(name) == "company.website"
}

// collect reads an address up to a blank, over outputs and text, and gives it
// and the tokens behind it. A stop or bracket at its end is none of it.
func collect(link, tokens []liquid.Token) (address, rest []liquid.Token) {
	for len(tokens) > 0 {
		t := tokens[0]
		if t.Kind == liquid.Output {
			link, tokens = append(link, t), tokens[1:]
			continue
		}
		if t.Kind != liquid.Text {
			break
		}
		end := strings.IndexAny(t.Markup, " \t\n<>\"")
		goesOn := end < 0 && len(tokens) > 1 && tokens[1].Kind == liquid.Output
		if end < 0 {
			end = len(t.Markup)
		}
		text := t.Markup[:end]
		if !goesOn {
			text = strings.TrimRight(text, ".,;:!?)]'")
		}
		if text != "" {
			link = append(link, part(t, text))
		}
		if len(text) < len(t.Markup) {
			return link, slices.Concat([]liquid.Token{part(t, t.Markup[len(text):])}, tokens[1:])
		}
		tokens = tokens[1:]
	}
	return link, tokens
}

func (lt *linkTable) numbered(tokens []liquid.Token) []liquid.Token {
	if !isWeb(tokens) {
		return tokens
	}
	n, ok := lt.numbers[sourceOf(tokens)]
	if !ok {
		n = lt.add(tokens, "", true).N
	}
	return lt.hook(n, tokens)
}

// addPixel puts the picture that notes an open before the end of the body.
func addPixel(doc *html.Node, m *marks) {
	var body *html.Node
	visit(doc, func(n *html.Node) {
		if n.DataAtom == atom.Body && body == nil {
			body = n
		}
	})
	if body == nil {
		return
	}
	tag := func(kind liquid.Kind, markup string) string {
		return m.put(liquid.Token{Kind: kind, Markup: markup})
	}
	body.AppendChild(&html.Node{Type: html.CommentNode, Data: tag(liquid.Tag, "if "+pixelVariable)})
	body.AppendChild(&html.Node{Type: html.ElementNode, Data: "img", DataAtom: atom.Img, Attr: []html.Attribute{
		{Key: "src", Val: tag(liquid.Output, pixelVariable)}, {Key: "alt", Val: ""},
		{Key: "width", Val: "1"}, {Key: "height", Val: "1"}, {Key: "style", Val: "display:block;border:0"},
	}})
	body.AppendChild(&html.Node{Type: html.CommentNode, Data: tag(liquid.Tag, "endif")})
}
