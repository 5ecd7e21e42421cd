package strict

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Variable is a place where a file names an environment variable.
type Variable struct {
	Name string
	Path string // keys from the root with dots between, "providers.main.smtp.password"
	Node Node
}

var variable = regexp.MustCompile(`\$\{([^{}]*)\}`)
var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Variables gives every ${NAME} below the node, in the order of the file.
func (n Node) Variables() []Variable {
	var all []Variable
	n.scalars("", map[*yaml.Node]bool{}, func(path string, at Node) {
		for _, m := range variable.FindAllStringSubmatch(at.y.Value, -1) {
			all = append(all, Variable{m[1], path, at})
		}
	})
	return all
}

// Expand puts the values of environment variables in place of ${NAME}, in every
// value below the node. A value with a variable that is not set counts as
// absent from then on; those variables are the answer. A variable without a
// proper name is a finding.
func (n Node) Expand(lookup func(string) (string, bool)) []Variable {
	var unset []Variable
	for _, v := range n.Variables() {
		y, d := v.Node.y, v.Node.doc
		if _, done := d.written[y]; done {
			continue
		}
		missing := false
		value := variable.ReplaceAllStringFunc(y.Value, func(mark string) string {
			name := strings.TrimSuffix(strings.TrimPrefix(mark, "${"), "}")
			if !variableName.MatchString(name) {
				v.Node.Hintf(CodeBadValue, "write ${NAME}, with letters, digits and _", "%s is not the name of an environment variable", quote(name))
				missing = true
				return ""
			}
			text, ok := lookup(name)
			if !ok || text == "" {
				missing = true
				unset = append(unset, Variable{name, v.Path, v.Node})
			}
			return text
		})
		d.written[y] = y.Value
		if missing {
			d.unset[y] = true
			continue
		}
		y.Value = value
	}
	return unset
}

// FromVariable says whether the value came, in whole or in part, from an
// environment variable.
func (n Node) FromVariable() bool { return n.y != nil && n.filled() }

// filled says whether the value came, in whole or in part, from a variable.
func (n Node) filled() bool {
	_, ok := n.doc.written[n.y]
	return ok
}

// scalars calls do for every value below the node, once each.
func (n Node) scalars(path string, seen map[*yaml.Node]bool, do func(string, Node)) {
	if n.y == nil || seen[n.y] {
		return
	}
	seen[n.y] = true
	switch n.y.Kind {
	case yaml.ScalarNode:
		do(path, n)
	case yaml.SequenceNode:
		for _, item := range n.y.Content {
			n.child(item, n.name, true).scalars(path, seen, do)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.y.Content); i += 2 {
			key := resolve(n.y.Content[i])
			n.child(n.y.Content[i+1], key.Value, false).scalars(strings.TrimPrefix(path+"."+key.Value, "."), seen, do)
		}
	}
}
