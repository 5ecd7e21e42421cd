package mjml

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// includeTag puts another file in the place of <mj-include>.
func (s *scan) includeTag(n *node) {
	file := n.attr("path")
	if file == "" {
		s.add(n.at, `write <mj-include path="footer.mjml" />`, "<mj-include> names no file")
		return
	}
	at := n.at
	for _, a := range n.attrs {
		if a.name == "path" {
			at = a.at
		}
	}
	if s.Include == nil {
		s.add(at, "", "nothing can be included here")
		return
	}
	if !s.mayInclude(at) {
		return
	}
	line, column := at.source.position(at.offset)
	src, ok := s.Include(file, Error{Path: at.source.Path, Line: line, Column: column})
	if !ok {
		return
	}
	switch includedAs(n.attr("type"), src.Path) {
	case "css":
		sheet := &node{tag: "mj-style", at: s.at(n.at.offset), content: strings.TrimSpace(src.Text)}
		if n.attr("css-inline") == "inline" {
			sheet.attrs = []attribute{{"inline", "inline", n.at}}
		}
		s.sheets = append(s.sheets, sheet)
	case "html":
		s.top().children = append(s.top().children, raw(strings.TrimSpace(src.Text), n.at))
	default:
		s.splice(&src, at)
	}
	checkAttributes(s.mistakes, n, vocab().tags[n.tag], nil)
}

// mayInclude counts the files.
func (r *reader) mayInclude(at place) bool {
	if r.included++; r.included > maxIncludes {
		r.stop(at, fmt.Sprintf("more than %d files are included", maxIncludes))
	}
	return !r.stopped
}

// includedAs is what a file is read as: what the tag says, else what its name does.
func includedAs(kind, file string) string {
	switch ext := path.Ext(file); {
	case kind != "":
		return kind
	case ext == ".css":
		return "css"
	case ext == ".html" || ext == ".md":
		return "html"
	}
	return "mjml"
}

// splice reads a file of MJML. What it has in its body, or without one, goes
// into this place; what it has in its head goes into the head of the page.
func (s *scan) splice(src *Source, at place) {
	if slices.Contains(s.files, src.Path) {
		s.add(at, "", "%s includes itself", src.Path)
		return
	}
	root := &node{}
	s.reader.scan(src, root, append(slices.Clone(s.files), src.Path))
	top := s.top()
	for _, n := range root.children {
		if n.tag != "mjml" {
			top.children = append(top.children, n)
			continue
		}
		for _, part := range n.children {
			switch {
			case part.tag == "mj-head" && top.tag != "mj-head":
				s.heads = append(s.heads, part.children...)
			case part.tag == "mj-head" || part.tag == "mj-body":
				top.children = append(top.children, part.children...)
			default:
				top.children = append(top.children, part)
			}
		}
	}
}
