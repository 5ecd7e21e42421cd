package mjml

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

//go:embed tags.txt
var tagTable string

// tag is one tag of the table.
type tag struct {
	name    string
	parents []string
	holds   string // "html" or "text": what is in it is no MJML; "": tags
	kinds   map[string]kind
	values  map[string]string // defaults
}

// vocabulary is the whole table.
type vocabulary struct {
	tags       map[string]*tag
	names      []string
	attributes []string // of all tags, for mj-all and mj-class
}

// vocab reads the table, once.
var vocab = sync.OnceValue(func() *vocabulary {
	v := &vocabulary{tags: map[string]*tag{}}
	groups := map[string][]string{}
	var group string
	type use struct {
		t    *tag
		line string
	}
	var uses []use
	var at *tag
	for line := range strings.SplitSeq(tagTable, "\n") {
		switch {
		case strings.TrimSpace(line) == "" || line[0] == '#':
		case line[0] == '@':
			group, at = line, nil
		case line[0] != ' ':
			at = readTag(line)
			v.tags[at.name] = at
			v.names = append(v.names, at.name)
		case at == nil:
			groups[group] = append(groups[group], line)
		default:
			uses = append(uses, use{at, strings.TrimSpace(line)})
		}
	}
	for _, u := range uses {
		name, value, _ := strings.Cut(u.line, " = ")
		if lines, ok := groups[name]; ok {
			for _, line := range lines {
				u.t.attribute(strings.Replace(line, "$", value, 1))
			}
			continue
		}
		u.t.attribute(u.line)
	}
	for _, t := range v.tags {
		for name := range t.kinds {
			v.attributes = append(v.attributes, name)
		}
	}
	slices.Sort(v.attributes)
	v.attributes = slices.Compact(v.attributes)
	return v
})

// The sides that a name with * stands for.
var sideNames = []string{"top", "right", "bottom", "left"}

// readTag reads "mj-text in mj-column mj-hero holds html".
func readTag(line string) *tag {
	line, holds, _ := strings.Cut(line, " holds ")
	name, parents, _ := strings.Cut(line, " in")
	return &tag{name: name, parents: strings.Fields(parents), holds: holds, kinds: map[string]kind{}, values: map[string]string{}}
}

// attribute reads "width size(px,%) = 100%". A line below takes precedence.
func (t *tag) attribute(line string) {
	head, value, _ := strings.Cut(strings.TrimSpace(line), " =")
	name, spec, _ := strings.Cut(head, " ")
	k := readKind(spec)
	value = strings.TrimSpace(value)
	name, four := strings.CutSuffix(name, "*")
	t.kinds[name] = k
	delete(t.values, name)
	if value != "" {
		t.values[name] = value
	}
	if !four {
		return
	}
	if k.form == "sides" {
		k.form = "size"
	}
	for _, side := range sideNames {
		t.kinds[name+"-"+side] = k
	}
}

// holdsMarkup: what is in the tag is not read as MJML.
func (t *tag) holdsMarkup() bool { return t != nil && t.holds != "" }
