package house

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"rapport/internal/workspace"
	"rapport/segments"
)

// pages are the pages of the language by the kind of file that each is about.
// A condition is a kind of its own.
var pages = map[string]string{
	"rapport":      "docs/language/rapport-yaml.md",
	"relationship": "docs/language/relationship.md",
	"segment":      "docs/language/segments.md",
	"campaign":     "docs/language/campaigns.md",
	"template":     "docs/language/templates.md",
	"tests":        "docs/language/scenarios.md",
	condition:      "docs/language/conditions.md",
}

const condition = "condition"

// A page of the language is complete: each key of its schema has a row in a
// table, with all its words and whether it is needed, and stands in an example
// of the page. Another test validates the examples.
func TestEveryKeyOfTheLanguageIsExplainedAndShown(t *testing.T) {
	for kind, path := range pages {
		t.Run(kind, func(t *testing.T) {
			pages := all(t, func(s source) bool { return s.path == path })
			schema := keysOf(t, kind)
			explained := rows(pages[0].text)
			shown := map[string]bool{}
			for _, b := range blocksOf(pages[0]) {
				for name := range keysIn(t, b, kind) {
					shown[name] = true
				}
			}
			for _, name := range slices.Sorted(maps.Keys(schema)) {
				row, ok := explained[name]
				switch {
				case !ok:
					t.Errorf("%s: no table has a row for `%s`", path, name)
				case schema[name].required != strings.HasPrefix(row, " needed |"):
					t.Errorf("%s: `%s`: the schema says required: %v, and the row: %s", path, name, schema[name].required, row)
				}
				if ok && schema[name].silent {
					t.Errorf("%s: the row of `%s` does not say what it means, and so no editor does", path, name)
				}
				for _, w := range schema[name].words {
					if ok && !strings.Contains(row, "`"+w+"`") {
						t.Errorf("%s: `%s` may be `%s`, and its row does not say so", path, name, w)
					}
				}
				if !shown[name] {
					t.Errorf("%s: no example uses `%s`", path, name)
				}
			}
			for name := range explained {
				if _, ok := schema[name]; !ok {
					t.Errorf("%s: there is no key `%s`", path, name)
				}
			}
		})
	}
}

var keyTable = regexp.MustCompile(`(?m)^\| key \|.*\n\|[-| ]+\|\n((?:\|.*\n)+)`)

// rows are the rows of the tables of keys of a page, by key.
func rows(text string) map[string]string {
	found := map[string]string{}
	for _, table := range keyTable.FindAllStringSubmatch(text, -1) {
		for row := range strings.Lines(table[1]) {
			first, rest, _ := strings.Cut(strings.TrimPrefix(row, "|"), "|")
			for _, m := range inBackticks.FindAllStringSubmatch(first, -1) {
				found[m[1]] = rest
			}
		}
	}
	return found
}

// oneKey is what a schema says of a key.
type oneKey struct {
	required bool
	words    []string // that it may be, where there is a list of them
	silent   bool     // an editor shows nothing beside it
}

// keysOf lists the keys of a kind: "limits.per_contact.max". NAME stands for
// what the writer names.
func keysOf(t *testing.T, kind string) map[string]oneKey {
	found := map[string]oneKey{}
	w := &walker{visit: func(name, in string, k oneKey) {
		if in == kind {
			old, known := found[name]
			found[name] = oneKey{k.required && (!known || old.required), append(old.words, k.words...), old.silent || k.silent}
		}
	}}
	file := kind
	if kind == condition {
		file = "segment" // which is one with a name
	}
	w.read(t, file)
	w.walk(w.whole, "", file, nil)
	return found
}

// keysIn are the keys of a kind that a block uses.
func keysIn(t *testing.T, b block, kind string) map[string]bool {
	found := map[string]bool{}
	if fileOf(b) == "" {
		return found
	}
	file := kindOf(fileOf(b))
	if fails(b) || file == "" || file != kind && kind != condition {
		return found
	}
	text := contentOf(b)
	if file == "template" {
		text, _, _ = strings.Cut(strings.TrimPrefix(text, "---\n"), "\n---\n")
	}
	var value any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%s:%d: %v", b.page, b.line, err)
	}
	w := &walker{visit: func(name, in string, _ oneKey) {
		if in == kind {
			found[name] = true
		}
	}}
	w.read(t, file)
	w.walk(w.whole, "", file, value)
	return found
}

// kindOf is the kind of a file of a workspace, or "".
func kindOf(file string) string {
	folder, _, _ := strings.Cut(file, "/")
	switch {
	case folder == "templates" && strings.HasSuffix(file, ".md"):
		return "template"
	case file == "rapport.yaml" || file == "relationship.yaml":
		return strings.TrimSuffix(file, ".yaml")
	}
	return map[string]string{"segments": "segment", "campaigns": "campaign", "tests": "tests"}[folder]
}

// walker goes through a schema, and tells of each key that it meets. With a
// value it goes only where the value goes.
type walker struct {
	whole, defs map[string]any
	visit       func(name, kind string, k oneKey)
}

func (w *walker) read(t *testing.T, kind string) {
	t.Helper()
	data, err := workspace.Schema(kind)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &w.whole); err != nil {
		t.Fatal(err)
	}
	w.defs = w.whole["$defs"].(map[string]any)
}

// apart are the parts of the language that are explained once, wherever they
// stand, with the name that their keys begin with.
var apart = map[string]string{"step": "steps.", "count": "count.", "sum": "sum.", "expectation": "expect."}

// walk visits the keys below a place of the schema. before is the name so far,
// with its dot.
func (w *walker) walk(place map[string]any, before, kind string, value any) {
	if ref, ok := place["$ref"].(string); ok {
		name := strings.TrimPrefix(ref, "#/$defs/")
		if name == "step" && value == nil && strings.Count(before, ".") > 1 || name == "tests" || name == condition && value == nil && kind == condition {
			return // seen where it stands first; an event's properties take the operators of attributes
		}
		if name == condition {
			kind, before = condition, ""
		}
		if start, ok := apart[name]; ok {
			before = start
		}
		w.walk(w.defs[name].(map[string]any), before, kind, value)
		return
	}
	if place["$comment"] == condition {
		w.conditions(place, before, kind, value)
		return
	}
	for _, o := range listAt(place, "anyOf") {
		w.walk(o.(map[string]any), before, kind, value)
	}
	if items, ok := place["items"].(map[string]any); ok {
		if list, is := value.([]any); is {
			for _, item := range list {
				w.walk(items, before, kind, item)
			}
		} else if value == nil {
			w.walk(items, before, kind, nil)
		}
	}
	m, isMap := value.(map[string]any)
	if value != nil && !isMap {
		return
	}
	properties := mapAt(place, "properties")
	for name := range properties {
		if _, used := m[name]; used || value == nil {
			w.key(place, name, before+name, kind, m[name])
		}
	}
	if below, ok := place["additionalProperties"].(map[string]any); ok {
		if value == nil {
			w.walk(below, before+"NAME.", kind, nil)
		}
		for name, v := range m {
			if _, known := properties[name]; !known {
				w.walk(below, before+"NAME.", kind, v)
			}
		}
	}
}

// key visits one key and what is below it.
func (w *walker) key(place map[string]any, name, called, kind string, value any) {
	below := mapAt(place, "properties")[name].(map[string]any)
	w.visit(called, kind, oneKey{slices.Contains(listAt(place, "required"), any(name)), w.words(below), below["description"] == nil})
	w.walk(below, called+".", kind, value)
}

// conditions visits the keys of a condition. Those that stand beside it, as
// up_to beside wait_for, are keys of the place.
func (w *walker) conditions(place map[string]any, before, kind string, value any) {
	m, isMap := value.(map[string]any)
	heads := append([]string{"all", "any", "not"}, segments.Heads()...)
	asked := slices.IndexFunc(heads, func(h string) bool { _, ok := m[h]; return ok })
	for _, o := range listAt(place, "anyOf") {
		option := o.(map[string]any)
		if option["items"] != nil {
			if list, ok := value.([]any); ok {
				for _, item := range list {
					w.conditions(place, before, kind, item)
				}
			}
			continue
		}
		head := slices.IndexFunc(heads, func(h string) bool { return slices.Contains(listAt(option, "required"), any(h)) })
		if value != nil && (!isMap || head != asked) {
			continue
		}
		for name := range mapAt(option, "properties") {
			if _, used := m[name]; !used && value != nil {
				continue
			}
			switch {
			case name == heads[head]:
				w.key(option, name, name, condition, m[name])
			case slices.Contains(segments.Operators(heads[head]), name):
				w.key(option, name, heads[head]+"."+name, condition, m[name])
			default:
				w.key(option, name, before+name, kind, m[name])
			}
		}
	}
}

// words are the values that a key may have, where the schema lists them.
func (w *walker) words(place map[string]any) []string {
	if ref, ok := place["$ref"].(string); ok {
		return w.words(w.defs[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any))
	}
	var list []string
	for _, word := range listAt(place, "enum") {
		list = append(list, word.(string))
	}
	for _, o := range listAt(place, "anyOf") {
		if place["$comment"] == nil {
			list = append(list, w.words(o.(map[string]any))...)
		}
	}
	if below, ok := place["additionalProperties"].(map[string]any); ok {
		list = append(list, w.words(below)...)
	}
	return list
}

func listAt(m map[string]any, name string) []any {
	list, _ := m[name].([]any)
	return list
}

func mapAt(m map[string]any, name string) map[string]any {
	below, _ := m[name].(map[string]any)
	return below
}
