package strict

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// inspect walks the whole tree once, as readers will see it, and reports what
// no file of the language may hold. It answers false when the tree must not be
// read at all.
func (d *document) inspect(root *yaml.Node) bool {
	v := inspector{document: d, open: map[*yaml.Node]bool{}, done: map[*yaml.Node]bool{}}
	return v.visit(root)
}

type inspector struct {
	*document
	count int
	outer *yaml.Node          // the alias that is being followed, the first of several
	open  map[*yaml.Node]bool // the way from the root to here
	done  map[*yaml.Node]bool // reported on already, met again through an alias
}

func (v *inspector) visit(n *yaml.Node) bool {
	if n.Kind == yaml.AliasNode {
		if v.open[n.Alias] {
			v.add(n.Line, n.Column, CodeTooLarge, "", "*%s contains itself", n.Value)
			return false
		}
		if v.outer == nil {
			v.outer = n
			defer func() { v.outer = nil }()
		}
		return v.visit(n.Alias)
	}
	if v.count++; v.count > maxNodes {
		if v.outer != nil {
			n = v.outer
		}
		v.add(n.Line, n.Column, CodeTooLarge, "write the values out, or split the file",
			"with its aliases the file grows to more than %d values", maxNodes)
		return false
	}
	if !v.done[n] {
		v.done[n] = true
		v.check(n)
	}
	v.open[n] = true
	defer delete(v.open, n)
	for _, child := range n.Content {
		if !v.visit(child) {
			return false
		}
	}
	return true
}

// check reports the faults of one node.
func (v *inspector) check(n *yaml.Node) {
	if n.Style&yaml.TaggedStyle != 0 {
		v.bad[n] = true
		v.add(n.Line, n.Column, CodeSyntax, "leave it out", "YAML tags such as %s are not part of the language", quote(n.Tag))
		return
	}
	if n.Kind != yaml.MappingNode {
		return
	}
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := resolve(n.Content[i])
		switch {
		case key.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle != 0:
			v.bad[n] = true
			v.bracesWithoutQuotes(n)
		case key.Kind != yaml.ScalarNode:
			v.bad[n] = true
			v.add(key.Line, key.Column, CodeSyntax, "", "a key must be a word, not %s", kindOf(key))
		case key.Value == "<<" && key.Style == 0:
			v.add(key.Line, key.Column, CodeSyntax, "write the keys out", `merge keys ("<<") are not part of the language`)
		case seen[key.Value] != nil:
			first := seen[key.Value]
			v.add(key.Line, key.Column, CodeDuplicateKey, "",
				"%s is already given on line %d", quote(key.Value), first.Line+v.firstLine-1)
		default:
			seen[key.Value] = key
		}
	}
}

// bracesWithoutQuotes is about "subject: {{ name }}", which YAML reads as a map
// inside a map.
func (v *inspector) bracesWithoutQuotes(n *yaml.Node) {
	v.bad[resolve(n.Content[0])] = true
	hint := `put the whole value in quotes, as in "{{ contact.first_name }}"`
	line := []rune(v.line(n.Line))
	if rest := string(line[min(n.Column-1, len(line)):]); strings.HasPrefix(rest, "{{") {
		if written, _, closed := strings.Cut(rest, "}}"); closed && !strings.Contains(written, `"`) {
			hint = `write "` + shorten(written) + `}}"`
		}
	}
	v.add(n.Line, n.Column, CodeSyntax, hint, "a value with {{ }} must stand in quotes, or YAML reads it as a map")
}

// resolve follows an alias to what it stands for.
func resolve(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}
