package contacts

import (
	"slices"
	"strings"
)

// Fields lists the built-in fields of a contact.
func Fields() []string {
	return []string{"email", "first_name", "last_name", "language", "timezone", "created_at", "stage", "health"}
}

// foldedFields are the built-in fields that Folded holds.
var foldedFields = []string{"email", "first_name", "last_name", "language", "timezone"}

// Builtin tells whether name is a built-in field.
func Builtin(name string) bool {
	switch name {
	case "email", "first_name", "last_name", "language", "timezone", "created_at", "stage", "health":
		return true
	}
	return false
}

// Field gives a built-in field or an attribute by its dotted path. What is
// missing, null or empty is not there. created_at is a time.Time, stage and
// health are text.
func (c *Contact) Field(path string) (any, bool) {
	if Builtin(path) {
		return c.builtin(path)
	}
	return Lookup(c.Attributes, path)
}

func (c *Contact) builtin(name string) (any, bool) {
	var text string
	switch name {
	case "email":
		text = c.Email
	case "first_name":
		text = c.FirstName
	case "last_name":
		text = c.LastName
	case "language":
		text = c.Language
	case "timezone":
		text = c.Timezone
	case "stage":
		text = c.Stage
	case "health":
		text = c.Health
	case "created_at":
		return c.CreatedAt, !c.CreatedAt.IsZero()
	}
	return text, present(text)
}

// maxDepth bounds how deep a path goes into nested maps.
const maxDepth = 8

// Lookup finds a value by its dotted path. A key that is written with its dots
// comes before nested maps, and a longer key before a shorter one.
func Lookup(m map[string]any, path string) (any, bool) { return lookup(m, path, maxDepth) }

func lookup(m map[string]any, path string, depth int) (any, bool) {
	if v, ok := m[path]; ok && present(v) {
		return v, true
	}
	if depth == 0 {
		return nil, false
	}
	for dot := strings.LastIndexByte(path, '.'); dot > 0; dot = strings.LastIndexByte(path[:dot], '.') {
		if below, ok := m[path[:dot]].(map[string]any); ok {
			if v, ok := lookup(below, path[dot+1:], depth-1); ok {
				return v, true
			}
		}
	}
	return nil, false
}

// paths lists every dotted path of a map, sorted, without repeats.
func paths(m map[string]any) []string {
	var found []string
	var walk func(prefix string, m map[string]any, depth int)
	walk = func(prefix string, m map[string]any, depth int) {
		for key, v := range m {
			found = append(found, prefix+key)
			if below, ok := v.(map[string]any); ok && depth > 0 {
				walk(prefix+key+".", below, depth-1)
			}
		}
	}
	walk("", m, maxDepth)
	slices.Sort(found)
	return slices.Compact(found)
}
