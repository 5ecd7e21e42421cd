package templates

import (
	"cmp"
	"net/url"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"

	"rapport/templates/liquid"
)

// places finds where something that was seen in a mail stands in the sources: in
// the template's own file, else in its layout and partials. What is seen again is
// looked for behind the place where it was found before.
type places struct {
	files []string
	text  func(file string) string
	taken map[string]int // how many places of a text have been given away
}

// next is the next place of a text among those that fit; isNew is false when the
// last one is given a second time, as for what a loop shows twice. Without any
// place it is the top of the first file.
func (p *places) next(near string, fits func(before, after string) bool) (pos liquid.Pos, isNew bool) {
	all := p.all(near, fits)
	n := p.taken[near]
	p.taken[near]++
	switch {
	case len(all) == 0:
		return liquid.Pos{Name: p.files[0], Line: 1, Column: 1}, n == 0
	case n >= len(all):
		return all[len(all)-1], false
	}
	return all[n], true
}

// all lists the places of a text by file: as a whole in quotes or brackets rather
// than as a part of something longer.
func (p *places) all(near string, fits func(before, after string) bool) (list []liquid.Pos) {
	if near == "" {
		return nil
	}
	for _, forms := range [][][2]string{{{`"`, `"`}, {`'`, `'`}, {"(", ")"}, {"(", " "}, {"<", ">"}}, {{"", ""}}} {
		for _, file := range p.files {
			src := p.text(file)
			for from := 0; ; {
				i := strings.Index(src[from:], near)
				if i < 0 {
					break
				}
				i += from
				before, after := src[:i], src[i+len(near):]
				from = i + len(near)
				for _, f := range forms {
					if strings.HasSuffix(before, f[0]) && strings.HasPrefix(after, f[1]) && (fits == nil || fits(before, after)) {
						start := strings.LastIndexByte(before, '\n') + 1
						list = append(list, liquid.Pos{Name: file, Line: 1 + strings.Count(before, "\n"), Column: 1 + utf8.RuneCountInString(src[start:i])})
						break
					}
				}
			}
		}
		if len(list) > 0 {
			return list
		}
	}
	return nil
}

// withoutAlt: the tag round a place says nothing in words.
func withoutAlt(before, after string) bool {
	open := strings.LastIndexByte(before, '<')
	if open < 0 || strings.Contains(before[open:], ">") {
		return true // Markdown, or a value that stands elsewhere
	}
	end, _, _ := strings.Cut(after, ">")
	return !strings.Contains(before[open:]+end, "alt=")
}

// inSource is what stands in the sources of a link: its address, what is behind a
// host that was filled in, or its words.
func (l *linter) inSource(n *html.Node, address string) string {
	forms := []string{strings.Trim(address, "#")}
	if u, err := url.Parse(address); err == nil && len(u.Path) > 1 {
		forms = append(forms, u.Path)
	}
	forms = append(forms, content(n))
	for _, form := range forms {
		if form != "" && len(l.places.all(form, nil)) > 0 {
			return form
		}
	}
	return cmp.Or(forms...)
}
