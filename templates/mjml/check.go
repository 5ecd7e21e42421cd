package mjml

import (
	"maps"
	"slices"
	"strings"

	"rapport/templates/liquid"
)

// check compares the tree with the table of tags. waits tells of a value that
// parts of it are filled in later.
func check(m *mistakes, n *node, waits func(string) bool) {
	t := vocab().tags[n.tag]
	if n.tag != "" {
		checkAttributes(m, n, t, waits)
	}
	for _, child := range n.children {
		ct := vocab().tags[child.tag]
		switch {
		case ct == nil:
			m.add(child.at, didYouMean(child.tag, vocab().names), "there is no tag <%s>", child.tag)
		case isRaw(child) && !child.written && !slices.Contains(ct.parents, n.tag):
			// A comment, which is left out there.
			if waits(child.content) {
				m.add(child.at, "the layout is worked out before the mail is for anybody", "nothing can be filled in later in %s", n.name())
			}
		case n.tag == "mj-attributes":
			if len(child.children) > 0 && child.tag != "mj-class" {
				m.add(child.children[0].at, "mj-attributes holds tags with attributes and nothing in them", "nothing can stand in %s here", child.name())
			}
		case n.tag == "mj-class":
		case !slices.Contains(ct.parents, n.tag) && t != nil:
			m.add(child.at, "it stands in "+strings.Join(ct.parents, ", "), "%s cannot stand in %s", child.name(), n.name())
		}
		check(m, child, waits)
	}
}

func didYouMean(written string, known []string) string {
	if near := liquid.Closest(written, known); near != "" {
		return "did you mean " + near + "?"
	}
	return ""
}

// checkAttributes looks at the attributes of one tag.
func checkAttributes(m *mistakes, n *node, t *tag, waits func(string) bool) {
	if t == nil {
		return
	}
	for _, a := range n.attrs {
		if a.name == "css-class" || a.name == "mj-class" && (waits == nil || !waits(a.value)) {
			continue
		}
		k, ok := t.kinds[a.name]
		if !ok && (n.tag == "mj-all" || n.tag == "mj-class") {
			if !slices.Contains(vocab().attributes, a.name) {
				m.add(a.at, didYouMean(a.name, vocab().attributes), "no tag has an attribute %s", a.name)
			}
			continue
		}
		switch {
		case a.name == "mj-class":
			m.add(a.at, "write the classes out, or choose between two tags", "mj-class of %s cannot be filled in later", n.name())
		case !ok:
			m.add(a.at, attributeHint(a.name, t), "<%s> has no attribute %s", n.tag, a.name)
		case waits != nil && waits(a.value):
			if !k.mayWait() {
				m.add(a.at, "the layout is worked out before the mail is for anybody: write the value out, or choose between two tags",
					"%s of <%s> cannot be filled in later", a.name, n.tag)
			}
		default:
			if message, hint := k.mistake(a.value); message != "" {
				m.add(a.at, hint, "%s of <%s>: %q %s", a.name, n.tag, a.value, message)
			}
		}
	}
}

func attributeHint(name string, t *tag) string {
	var known []string
	for k := range t.kinds {
		if i := strings.LastIndexByte(k, '-'); i < 0 || t.kinds[k[:i]].form == "" || !slices.Contains(sideNames, k[i+1:]) {
			known = append(known, k)
		}
	}
	slices.Sort(known)
	if hint := didYouMean(name, known); hint != "" {
		return hint
	}
	if len(known) == 0 {
		return "it has none"
	}
	return "known are " + strings.Join(known, ", ")
}

// checkClasses finds classes that the head does not define.
func checkClasses(m *mistakes, n *node, known map[string]map[string]string) {
	for _, a := range n.attrs {
		if a.name != "mj-class" {
			continue
		}
		for name := range strings.FieldsSeq(a.value) {
			if known[name] != nil {
				continue
			}
			hint := didYouMean(name, slices.Sorted(maps.Keys(known)))
			if hint == "" {
				hint = `write <mj-class name="` + name + `" … /> into mj-attributes`
			}
			m.add(a.at, hint, "there is no mj-class %s", name)
		}
	}
	for _, child := range n.children {
		checkClasses(m, child, known)
	}
}
