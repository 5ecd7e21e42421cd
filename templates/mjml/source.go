package mjml

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Source is one file of MJML.
type Source struct {
	Path string // for errors
	Text string
	// Position gives line and column of an offset in Text; nil counts them.
	Position func(offset int) (line, column int)
}

// position counts from 1, columns in characters.
func (s *Source) position(offset int) (line, column int) {
	if s.Position != nil {
		return s.Position(offset)
	}
	before := s.Text[:offset]
	start := strings.LastIndexByte(before, '\n') + 1
	return 1 + strings.Count(before, "\n"), 1 + utf8.RuneCountInString(before[start:])
}

// Error is one mistake in a source.
type Error struct {
	Path    string
	Line    int // from 1
	Column  int // in characters, from 1
	Message string
	Hint    string // what to do; may be empty
}

// Error gives "path:line:column: message", and the hint in brackets.
func (e Error) Error() string {
	s := fmt.Sprintf("%s:%d:%d: %s", e.Path, e.Line, e.Column, e.Message)
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// place is an offset in a source.
type place struct {
	source *Source
	offset int
}

// mistakes are the errors found so far.
type mistakes []Error

func (m *mistakes) add(at place, hint, format string, args ...any) {
	line, column := at.source.position(at.offset)
	*m = append(*m, Error{at.source.Path, line, column, fmt.Sprintf(format, args...), hint})
}

// node is one tag with what is in it.
type node struct {
	tag      string
	at       place
	attrs    []attribute
	children []*node
	content  string // of tags that hold no tags
	written  bool   // as a tag, and not by the reader
}

type attribute struct {
	name, value string
	at          place
}

func (n *node) attr(name string) string {
	for _, a := range n.attrs {
		if a.name == name {
			return a.value
		}
	}
	return ""
}

// raw is a part that goes into the page as it is.
func raw(content string, at place) *node { return &node{tag: "mj-raw", at: at, content: content} }
