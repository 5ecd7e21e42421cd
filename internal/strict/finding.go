package strict

import (
	"cmp"
	"slices"
)

// Finding is one thing that is wrong in a file, or worth knowing.
type Finding struct {
	File   string `json:"file"`   // path inside the workspace, with forward slashes
	Line   int    `json:"line"`   // from 1; 0 when it is about the whole file
	Column int    `json:"column"` // from 1, in characters
	// Code names the kind of finding for programs, as in "unknown-key".
	Code string `json:"code"`
	// Message says what is wrong, in lower case and without a full stop.
	Message string `json:"message"`
	// Hint says what to do, where that is known.
	Hint string `json:"hint"`
	// Source is the line of the file, for the caret.
	Source string `json:"-"`
	// Warning is a finding that does not make the workspace wrong.
	Warning bool `json:"warning"`
	// Runs is a finding with which nothing is applied, and which leaves the file
	// with its meaning: a version that was applied before anybody looked for it
	// runs on.
	Runs bool `json:"-"`
}

// Codes of the findings that this package makes.
const (
	CodeSyntax       = "syntax"        // not YAML, or YAML that the language leaves out
	CodeEncoding     = "encoding"      // not UTF-8
	CodeTooLarge     = "too-large"     // size, depth or aliases
	CodeUnknownKey   = "unknown-key"   // a key that nobody reads
	CodeDuplicateKey = "duplicate-key" // a key that stands twice
	CodeMissingKey   = "missing-key"   // a key that must be there
	CodeWrongType    = "wrong-type"    // text where a list is wanted, and the like
	CodeBadValue     = "bad-value"     // the right type, but no such value
	CodeNotRunYet    = "not-run-yet"   // read and checked, but nothing acts on it yet
)

// Findings collects. The zero value is ready; it is not for use by several
// goroutines at once.
type Findings struct {
	list []Finding
	seen map[Finding]bool
	// Keys, when set, is told each set of keys that a map was asked for, with
	// the path of the map (".limits.per_contact[]"; a dot inside a key is
	// written as a slash). Tests compare it with the
	// published schemas.
	Keys func(file, path string, keys []string)
}

// Add keeps a finding; one that is there already is dropped.
func (f *Findings) Add(found Finding) {
	if f.seen == nil {
		f.seen = map[Finding]bool{}
	}
	if f.seen[found] {
		return
	}
	f.seen[found] = true
	f.list = append(f.list, found)
}

// All gives the findings in the order of file, line and column.
func (f *Findings) All() []Finding {
	all := slices.Clone(f.list)
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
		)
	})
	return all
}

// Errors is the number of findings that are not warnings.
func (f *Findings) Errors() int {
	n := 0
	for _, found := range f.list {
		if !found.Warning {
			n++
		}
	}
	return n
}
