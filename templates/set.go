package templates

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
)

// Source is one file of the templates folder.
type Source struct {
	Path string // relative to the folder, with slashes: welcome.md, layouts/letter.html
	Data []byte
}

// CompileOptions says what is known outside of the templates.
type CompileOptions struct {
	// Topics are the names a template's topic may have; nil: any.
	Topics []string
	// Attributes are the contact's declared attributes by name (the value is
	// the type); nil: none are declared and any name passes.
	Attributes map[string]string
	// LayoutDefault is the layout of a Markdown template that names none; "": letter.
	LayoutDefault string
}

// Finding is one mistake in the sources.
type Finding struct {
	File    string // as in Source.Path
	Line    int    // from 1
	Column  int    // in characters, from 1
	Code    string
	Message string // lower case
	Hint    string // what to do; may be empty
}

// String gives "file:line:column: message", and the hint in brackets.
func (f Finding) String() string {
	s := fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Message)
	if f.Hint != "" {
		s += " (" + f.Hint + ")"
	}
	return s
}

// The codes of findings.
const (
	CodeFile           = "template-file"     // a file that cannot be read or has no business here
	CodeFrontMatter    = "front-matter"      // the part between the --- lines
	CodeSyntax         = "template-syntax"   // Liquid
	CodePlace          = "template-place"    // Liquid where the HTML allows none
	CodeVariable       = "unknown-variable"  // a variable that cannot exist
	CodePartial        = "unknown-partial"   // a partial that is not there
	CodeLayout         = "unknown-layout"    // a layout that is not there
	CodeTopic          = "unknown-topic"     // a topic that is not in rapport.yaml
	CodeFooter         = "missing-footer"    // no unsubscribe, no preferences or no postal address
	CodeLink           = "contact-in-host"   // contact data in the scheme or host of a link
	CodeMJML           = "mjml"              // the tags and attributes of MJML
	CodeLayoutContents = "layout-no-content" // a layout that does not show the content
)

// Set is a compiled folder of templates. It does not change.
type Set struct {
	templates map[string]*Template
	names     []string
}

// Template gives the template of a name, nil where there is none. A template
// with findings is there too, so that references to it hold, but does not
// render.
func (s *Set) Template(name string) *Template { return s.templates[name] }

// Names lists the templates, sorted.
func (s *Set) Names() []string { return slices.Clone(s.names) }

// Compile reads all sources. The findings of all files are returned together,
// ordered by file and position; the set is never nil.
func Compile(sources []Source, opts CompileOptions) (*Set, []Finding) {
	c := newCompiler(opts)
	c.load(sources)
	set := &Set{templates: map[string]*Template{}}
	for _, f := range c.mains() {
		set.templates[f.name] = c.template(f)
		set.names = append(set.names, f.name)
	}
	sort.Strings(set.names)
	c.checkOrphans()
	return set, c.sorted()
}

// sorted gives the findings in order, each once: a partial may be compiled
// into several templates.
func (c *compiler) sorted() []Finding {
	slices.SortStableFunc(c.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(c.findings)
}
