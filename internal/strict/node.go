package strict

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Node is a value in a file. The zero Node is absent: every reader answers
// false for it and reports nothing.
type Node struct {
	y    *yaml.Node
	doc  *document
	name string // the key that it stands under, for messages
	path string // kept only while Findings.Keys listens
}

// Present says whether there is anything, be it null.
func (n Node) Present() bool { return n.y != nil }

// IsMap says whether the node holds keys and values.
func (n Node) IsMap() bool { return n.sound() && n.y.Kind == yaml.MappingNode }

// IsList says whether the node holds items.
func (n Node) IsList() bool { return n.sound() && n.y.Kind == yaml.SequenceNode }

// IsScalar says whether the node is one value: text, a number, a date, true or
// false, or null.
func (n Node) IsScalar() bool { return n.sound() && n.y.Kind == yaml.ScalarNode }

// IsNull says whether a key stands there without a value.
func (n Node) IsNull() bool { return n.IsScalar() && scalarOf(n.y) == nil }

// Broken says whether a fault of the node itself is reported already, so that
// nothing more should be said about it.
func (n Node) Broken() bool { return n.y != nil && n.doc.bad[n.y] }

// Break marks the node as one whose fault is reported: readers say nothing
// more about it.
func (n Node) Break() {
	if n.y != nil {
		n.doc.bad[n.y] = true
	}
}

// sound is what may be read.
func (n Node) sound() bool { return n.y != nil && !n.doc.bad[n.y] }

// Line is the line in the file, from 1; 0 for an absent node.
func (n Node) Line() int {
	if n.y == nil {
		return 0
	}
	return max(n.y.Line, 1) + n.doc.firstLine - 1
}

// Column is the column, from 1, in characters; 0 for an absent node.
func (n Node) Column() int {
	if n.y == nil {
		return 0
	}
	return max(n.y.Column, 1)
}

// File is the file that the node stands in.
func (n Node) File() string {
	if n.doc == nil {
		return ""
	}
	return n.doc.file
}

// Label is the key that the node stands under, quoted for a message, or "this".
func (n Node) Label() string {
	if n.name == "" {
		return "this"
	}
	return quote(n.name)
}

// Raw is the node of the YAML library, nil when absent. Aliases are followed.
func (n Node) Raw() *yaml.Node { return n.y }

// Errorf reports an error at the node.
func (n Node) Errorf(code, format string, a ...any) {
	n.report(Finding{Code: code}, format, a...)
}

// Hintf reports an error at the node and says what to do.
func (n Node) Hintf(code, hint, format string, a ...any) {
	n.report(Finding{Code: code, Hint: hint}, format, a...)
}

// Warnf reports something worth knowing that is no error.
func (n Node) Warnf(code, hint, format string, a ...any) {
	n.report(Finding{Code: code, Hint: hint, Warning: true}, format, a...)
}

// Refusef reports an error with which the file still says what to do, and is read
// to the end. A check that comes after versions without it were applied is of
// this kind: an upgrade must not stop what they have begun (Finding.Runs).
func (n Node) Refusef(code, hint, format string, a ...any) {
	n.report(Finding{Code: code, Hint: hint, Runs: true}, format, a...)
}

func (n Node) report(f Finding, format string, a ...any) {
	if n.y == nil {
		return
	}
	f.Message = fmt.Sprintf(format, a...)
	n.doc.report(n.y.Line, n.y.Column, f)
}

// Unknownf reports a name that refers to nothing: what it should be ("segment"),
// and the names that exist, for a suggestion, or to be listed where they are few.
func (n Node) Unknownf(code, name string, known []string, format string, a ...any) {
	hint := ""
	switch near := Suggest(name, known); {
	case near != "":
		hint = didYouMean(near)
	case len(known) > 0 && len(known) <= mostNamed:
		hint = "known here: " + joined(known)
	}
	n.Hintf(code, hint, format, a...)
}

func didYouMean(word string) string { return "did you mean " + quote(word) + "?" }

// List gives the items of a list; anything else is a finding. A list without
// items gives none.
func (n Node) List() []Node {
	if !n.sound() {
		return nil
	}
	if n.y.Kind != yaml.SequenceNode {
		n.mustBeList()
		return nil
	}
	items := make([]Node, 0, len(n.y.Content))
	for _, item := range n.y.Content {
		if !n.doc.unset[resolve(item)] {
			items = append(items, n.child(item, n.name, true))
		}
	}
	return items
}

// child is a node below this one: the value of a key, or an item of a list.
func (n Node) child(y *yaml.Node, name string, item bool) Node {
	c := Node{y: resolve(y), doc: n.doc, name: name}
	switch {
	case n.doc.findings.Keys == nil:
	case item:
		c.path = n.path + "[]"
	default:
		// A dot inside a key must not look like a step.
		c.path = n.path + "." + strings.ReplaceAll(name, ".", "/")
	}
	return c
}

// mustBeList reports what is no list, and how it becomes one.
func (n Node) mustBeList() {
	is := kindOf(n.y)
	defer n.Break()
	switch {
	case is == "text" && !n.filled():
		n.Hintf(CodeWrongType, "write [ "+n.shown()+" ]", "%s must be a list, but %s is %s", n.Label(), n.shown(), is)
	case n.y.Kind == yaml.MappingNode:
		n.Hintf(CodeWrongType, "begin each item with a dash, or put it into [ ]", "%s must be a list, but is %s", n.Label(), is)
	default:
		n.mustBe("a list")
	}
}

// mustBeMap reports what is no map, and which keys it would have.
func (n Node) mustBeMap(keys []string) {
	const want = "a map (key: value)"
	is := kindOf(n.y)
	defer n.Break()
	switch {
	case n.y.Kind == yaml.SequenceNode:
		n.Hintf(CodeWrongType, "leave out the dashes or brackets, and write name: value", "%s must be %s, but is %s", n.Label(), want, is)
	case len(keys) > 0 && len(keys) <= mostNamed && is != "empty":
		n.Hintf(CodeWrongType, "its keys are: "+joined(keys), "%s must be %s, but %s is %s", n.Label(), want, n.shown(), is)
	default:
		n.mustBe(want)
	}
}

// mustBe reports that the node is not of the kind that was asked for.
func (n Node) mustBe(what string) {
	is := kindOf(n.y)
	switch {
	case is == "empty":
		n.Errorf(CodeWrongType, "%s is empty; it must be %s", n.Label(), what)
	case n.y.Kind == yaml.ScalarNode:
		n.Errorf(CodeWrongType, "%s must be %s, but %s is %s", n.Label(), what, n.shown(), is)
	default:
		n.Errorf(CodeWrongType, "%s must be %s, but is %s", n.Label(), what, is)
	}
}

// shown is the value as the file has it: never the value of a variable.
func (n Node) shown() string {
	if written, ok := n.doc.written[n.y]; ok {
		return quote(written)
	}
	if n.y.Style == 0 {
		return shorten(n.y.Value)
	}
	return quote(n.y.Value)
}
