package templates

import (
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"rapport/templates/liquid"
)

// Address is an address of the web that a mail leads to or shows.
type Address struct {
	URL          string
	File         string // where it stands first, as in Source.Path
	Line, Column int
}

// Addresses lists the web addresses of a template, which compiles, as somebody of
// whom everything is known gets it, in every language, each once: what links lead
// to, and pictures. Addresses of our own are not among them, nor such as Lint finds
// fault with.
func (t *Template) Addresses(in LintInput) (list []Address) {
	if t.broken != "" {
		return nil
	}
	seen := map[string]bool{}
	for _, language := range append([]string{""}, t.Languages()...) {
		l := t.linter(&compiler{}, in, language)
		out, ok := l.fill(l.in.Known, false)
		if !ok {
			continue
		}
		doc, err := html.ParseWithOptions(strings.NewReader(out.HTML), html.ParseOptionEnableScripting(false))
		if err != nil {
			continue // reading from a string does not fail
		}
		visit(doc, func(n *html.Node) {
			address := strings.TrimSpace(attr(n, "href"))
			switch {
			case n.DataAtom == atom.Img:
				address = strings.TrimSpace(attr(n, "src"))
			case n.DataAtom != atom.A && n.DataAtom != atom.Area || brokenLink(n, address) != "":
				return
			}
			u, err := url.Parse(address)
			if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || slices.Contains(ownHosts, u.Host) || seen[address] {
				return
			}
			seen[address] = true
			pos := liquid.Pos{Name: l.v.file, Line: 1, Column: 1}
			if all := l.places.all(l.inSource(n, address), nil); len(all) > 0 {
				pos = all[0]
			}
			list = append(list, Address{URL: address, File: pos.Name, Line: pos.Line, Column: pos.Column})
		})
	}
	return list
}

// ownHosts are the hosts of lintLinks.
var ownHosts = []string{"unsubscribe.example", "preferences.example", "view.example", "referral.example", "survey.example", "confirm.example"}
