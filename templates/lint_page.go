package templates

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"rapport/templates/css"
)

// page looks at the HTML.
func (l *linter) page(text string) {
	doc, err := html.ParseWithOptions(strings.NewReader(text), html.ParseOptionEnableScripting(false))
	if err != nil {
		return // reading from a string does not fail
	}
	seen := map[string]bool{}
	once := func(key string) bool {
		first := !seen[key]
		seen[key] = true
		return first
	}
	visit(doc, func(n *html.Node) {
		switch n.DataAtom {
		case atom.Img:
			l.picture(n)
		case atom.A, atom.Area:
			href := strings.TrimSpace(attr(n, "href"))
			if what := brokenLink(n, href); what != "" {
				l.add(l.inSource(n, href), LintLink, what, "")
			}
			l.pictureLink(n, href, once)
		}
	})
	l.contrast(doc, look{text: [3]uint8{}, back: [3]uint8{255, 255, 255}, known: true, size: 16}, once)
}

// picture wants words for each picture that is shown.
func (l *linter) picture(n *html.Node) {
	if hasAttr(n, "alt") || isHiddenPart(n) {
		return
	}
	src := attr(n, "src")
	if pos, isNew := l.places.next(l.inSource(n, src), withoutAlt); isNew {
		l.c.addAt(pos, LintAlt, "the picture "+src+" has no alt", `say what it shows, or write alt="" when it only decorates`)
	}
}

func hasAttr(n *html.Node, key string) bool {
	for _, a := range n.Attr {
		if a.Key == key {
			return true
		}
	}
	return false
}

// isHiddenPart: the element or one round it is not shown.
func isHiddenPart(n *html.Node) bool {
	for ; n != nil; n = n.Parent {
		if n.Type == html.ElementNode && isHidden(n) {
			return true
		}
	}
	return false
}

// pictureLink: a link of a picture without words is nothing for whoever does
// not see it.
func (l *linter) pictureLink(n *html.Node, href string, once func(string) bool) {
	if href == "" || strings.HasPrefix(href, "#") || isHiddenPart(n) || content(n) != "" {
		return
	}
	hasPicture := false
	visit(n, func(c *html.Node) { hasPicture = hasPicture || c.DataAtom == atom.Img })
	if hasPicture && once("words "+href) {
		l.add(l.inSource(n, href), LintAlt, "the link to "+href+" has no words: its picture has an empty alt", "say in alt where it leads")
	}
}

// brokenLink tells what is wrong with the form of an address, "" for nothing.
func brokenLink(n *html.Node, href string) string {
	if !hasAttr(n, "href") {
		return ""
	}
	if href == "" || href == "#" {
		return fmt.Sprintf("the link %q leads nowhere", content(n))
	}
	if strings.HasPrefix(href, "#") {
		return ""
	}
	u, err := url.Parse(href)
	switch {
	case err != nil || strings.ContainsAny(href, " \t\n"):
		return "the address " + href + " is none"
	case u.Scheme == "mailto":
		if address, _, _ := strings.Cut(u.Opaque, "?"); !strings.Contains(address, "@") {
			return "the address " + href + " has no @"
		}
	case u.Scheme == "tel" || u.Scheme == "sms":
		if strings.Trim(u.Opaque, "+0123456789-.()") != "" || u.Opaque == "" {
			return "the number " + href + " is none"
		}
	case u.Scheme == "":
		return "the address " + href + " has no https:// before it: a mail stands on no site"
	case u.Scheme != "http" && u.Scheme != "https":
		return "the address " + href + " begins with " + u.Scheme + ":, which mail programs do not open"
	case !strings.Contains(strings.Trim(u.Hostname(), "."), ".") && !strings.Contains(u.Hostname(), ":"):
		return "the address " + href + " has no host that a reader could reach"
	}
	return ""
}

// look is how text looks at one point of the page.
type look struct {
	text, back [3]uint8
	known      bool // both colours are known: there is no picture behind
	size       float64
	bold       bool
}

// contrast goes through the page with the colours of the elements above.
func (l *linter) contrast(n *html.Node, at look, once func(string) bool) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		switch c.Type {
		case html.TextNode:
			l.contrastOf(c.Data, at, once)
		case html.ElementNode:
			if !isHidden(c) {
				l.contrast(c, at.in(c), once)
			}
		}
	}
}

// in is how text looks inside of an element.
func (at look) in(n *html.Node) look {
	if n.DataAtom == atom.A && hasAttr(n, "href") {
		at.text = [3]uint8{0, 0, 238} // of links that have no style
	}
	switch n.DataAtom {
	case atom.B, atom.Strong, atom.Th, atom.H1, atom.H2, atom.H3:
		at.bold = true
	}
	at.behind(attr(n, "bgcolor"))
	if attr(n, "background") != "" {
		at.known = false
	}
	for property, value := range css.Declarations(attr(n, "style")) {
		switch property {
		case "color":
			if rgb, ok := css.RGB(value); ok {
				at.text = rgb
			} else if !strings.EqualFold(value, "inherit") {
				at.known = false
			}
		case "background", "background-color", "background-image":
			at.behind(value)
		case "opacity":
			at.known = at.known && value == "1"
		case "font-size":
			if px, ok := strings.CutSuffix(value, "px"); ok {
				if v, err := strconv.ParseFloat(px, 64); err == nil {
					at.size = v
				}
			}
		case "font-weight":
			at.bold = value == "bold" || value == "bolder" || len(value) == 3 && value >= "600"
		}
	}
	return at
}

// behind sets the background that a value of CSS or HTML says.
func (at *look) behind(value string) {
	if strings.Contains(value, "url(") || strings.Contains(value, "gradient(") {
		at.known = false
		return
	}
	for word := range strings.FieldsSeq(value) {
		if rgb, ok := css.RGB(word); ok {
			at.back, at.known = rgb, true
		} else if strings.Contains(word, "(") && css.IsColor(value) {
			at.known = false
		}
	}
}

// The least contrast of WCAG 2.2, level AA, for text, and for large text: from
// 24 px on, in bold from 18.66 px.
const (
	leastContrast      = 4.5
	leastContrastLarge = 3.0
)

func (l *linter) contrastOf(text string, at look, once func(string) bool) {
	words := strings.Join(strings.Fields(strings.Map(visible, text)), " ")
	least := leastContrast
	if at.size >= 24 || at.bold && at.size >= 18.66 {
		least = leastContrastLarge
	}
	ratio := contrast(at.text, at.back)
	key := fmt.Sprint("contrast ", at.text, at.back)
	if words == "" || !at.known || at.size < 2 || ratio >= least || !once(key) {
		return
	}
	shown := words
	if r := []rune(words); len(r) > 40 {
		shown = string(r[:40]) + "…"
	}
	first, _, _ := strings.Cut(text, "\n")
	l.add(strings.TrimSpace(first), LintContrast, fmt.Sprintf("%q is hard to read: #%02x%02x%02x on #%02x%02x%02x has a contrast of %.1f",
		shown, at.text[0], at.text[1], at.text[2], at.back[0], at.back[1], at.back[2], math.Floor(ratio*10)/10),
		fmt.Sprintf("it takes %.1f", least))
}

// visible takes out what has no look: blanks of a fixed width, joiners.
func visible(r rune) rune {
	switch r {
	case 0x00a0, 0x034f, 0x2007, 0x200a, 0x200b, 0x200c, 0x200d, 0xfeff:
		return -1
	}
	return r
}

// contrast is the ratio of WCAG 2.2: 1 for the same colour, 21 for black on white.
func contrast(a, b [3]uint8) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(c [3]uint8) float64 {
	linear := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}
