package templates

import (
	"slices"

	"rapport/templates/liquid"
)

// Reads reports whether the template, in any language, looks at one of these
// fields of a variable, such as points of contact, or at the variable as a whole.
func (t *Template) Reads(variable string, fields ...string) bool {
	for _, v := range t.variants {
		if v.reads(variable, fields) {
			return true
		}
	}
	return t.base.reads(variable, fields)
}

func (v *variant) reads(variable string, fields []string) bool {
	if v == nil {
		return false
	}
	for _, part := range []*liquid.Template{v.subject, v.preheader, v.html, v.text} {
		if part == nil {
			continue
		}
		for _, u := range part.Variables() {
			if u.Path[0] == variable && (len(u.Path) == 1 || u.Path[1] == "*" || slices.Contains(fields, u.Path[1])) {
				return true
			}
		}
	}
	return false
}
