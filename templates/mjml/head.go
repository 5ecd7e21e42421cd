package mjml

import "strings"

// settings is what the head says about the page.
type settings struct {
	title, preview string
	breakpoint     string
	fonts          []font
	styles         []string
	inline         []string // sheets for style attributes
	raws           []string
	all            map[string]string            // of mj-all
	tags           map[string]map[string]string // of each tag in mj-attributes
	classes        map[string]map[string]string
	classTags      map[string]map[string]map[string]string // by class and tag
	selectors      []selector
}

type font struct{ name, href string }

// selector is an mj-selector: attributes for what it finds in the page.
type selector struct {
	path  string
	at    place
	attrs []attribute
}

// webFonts are loaded when the page names them, without an mj-font.
var webFonts = []string{"Open Sans", "Droid Sans", "Lato", "Roboto", "Ubuntu"}

func newSettings() *settings {
	s := &settings{
		breakpoint: "480px", all: map[string]string{}, tags: map[string]map[string]string{},
		classes: map[string]map[string]string{}, classTags: map[string]map[string]map[string]string{},
	}
	for _, name := range webFonts {
		s.fonts = append(s.fonts, font{name, "https://fonts.googleapis.com/css?family=" + strings.ReplaceAll(name, " ", "+") + ":300,400,500,700"})
	}
	return s
}

// read takes one tag of the head.
func (s *settings) read(n *node) {
	switch n.tag {
	case "mj-title":
		s.title = n.content
	case "mj-preview":
		s.preview = n.content
	case "mj-breakpoint":
		s.breakpoint = n.attr("width")
	case "mj-font":
		s.font(font{n.attr("name"), n.attr("href")})
	case "mj-style":
		if n.attr("inline") == "inline" {
			s.inline = append(s.inline, n.content)
		} else {
			s.styles = append(s.styles, n.content)
		}
	case "mj-raw":
		s.raws = append(s.raws, n.content)
	case "mj-attributes":
		for _, child := range n.children {
			s.defaults(child)
		}
	case "mj-html-attributes":
		for _, child := range n.children {
			if child.tag == "mj-selector" {
				s.selectors = append(s.selectors, readSelector(child))
			}
		}
	}
}

// font takes the place of one with the same name.
func (s *settings) font(f font) {
	for i := range s.fonts {
		if s.fonts[i].name == f.name {
			s.fonts[i] = f
			return
		}
	}
	s.fonts = append(s.fonts, f)
}

func (s *settings) defaults(n *node) {
	switch n.tag {
	case "mj-raw": // a comment
	case "mj-all":
		merge(s.all, n)
	case "mj-class":
		name := n.attr("name")
		merge(inner(s.classes, name), n)
		delete(s.classes[name], "name")
		for _, child := range n.children {
			if s.classTags[name] == nil {
				s.classTags[name] = map[string]map[string]string{}
			}
			merge(inner(s.classTags[name], child.tag), child)
		}
	default:
		merge(inner(s.tags, n.tag), n)
	}
}

// inner gives the map under a key, a new one at first.
func inner(m map[string]map[string]string, key string) map[string]string {
	if m[key] == nil {
		m[key] = map[string]string{}
	}
	return m[key]
}

func merge(m map[string]string, n *node) {
	for _, a := range n.attrs {
		m[a.name] = a.value
	}
}

func readSelector(n *node) selector {
	s := selector{path: n.attr("path"), at: n.at}
	for _, child := range n.children {
		if name := child.attr("name"); name != "" {
			s.attrs = append(s.attrs, attribute{name, child.content, child.at})
		}
	}
	return s
}
