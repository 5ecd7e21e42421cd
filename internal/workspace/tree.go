package workspace

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"rapport/campaigns"
	"rapport/internal/strict"
)

// tree is a file as its values are compared: YAML without its spelling.
type tree struct {
	scalar string // of a single value: as YAML writes it
	keys   []string
	values map[string]*tree // of a map
	items  []*tree          // of a list
	// ids are what tells the items of a list apart, where that is not their place.
	ids    []string
	list   bool
	hidden bool // a secret that stands in the file: compared, and not shown
}

// tree reads a file for comparing. What cannot be read is one text.
func (w *Workspace) tree(file string, data []byte) *tree {
	if path.Ext(file) != ".yaml" {
		return content(data)
	}
	t := parseTree(data)
	if dir, base := path.Split(file); dir == campaignsDir+"/" {
		if d := w.Campaigns[strings.TrimSuffix(base, ".yaml")]; d != nil {
			t.values["steps"].identify(d.Steps)
		}
	}
	return t
}

func parseTree(data []byte) *tree {
	var ignored strict.Findings
	n, ok := strict.Parse("", data, &ignored)
	if !ok {
		return &tree{scalar: string(data)}
	}
	return newTree(n.Raw())
}

// content is a template: its front matter, and the lines of its text.
func content(data []byte) *tree {
	t := &tree{values: map[string]*tree{}}
	text := bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	if rest, ok := bytes.CutPrefix(text, []byte("---\n")); ok {
		if front, body, ok := bytes.Cut(rest, []byte("\n---\n")); ok {
			if head := parseTree(front); head.values != nil {
				t = head
			}
			text = body
		}
	}
	lines := &tree{list: true}
	for line := range strings.Lines(string(text)) {
		lines.items = append(lines.items, &tree{scalar: line})
	}
	t.keys, t.values[textKey] = append(t.keys, textKey), lines
	return t
}

// textKey is what the text of a template is called among its fields. No key of
// front matter has brackets.
const textKey = "(text)"

func newTree(n *yaml.Node) *tree {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch {
	case n == nil:
		return &tree{}
	case n.Kind == yaml.MappingNode:
		t := &tree{values: map[string]*tree{}}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i].Value
			value := newTree(n.Content[i+1])
			value.hide(key)
			t.keys, t.values[key] = append(t.keys, key), value
		}
		return t
	case n.Kind == yaml.SequenceNode:
		t := &tree{list: true}
		for _, item := range n.Content {
			t.items = append(t.items, newTree(item))
		}
		t.named()
		return t
	}
	return &tree{scalar: written(n)}
}

// written is a value as YAML writes it, in quotes where it would be something
// else without.
func written(n *yaml.Node) string {
	var plain any
	quoted := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0
	err := yaml.Unmarshal([]byte(n.Value), &plain)
	_, text := plain.(string)
	if quoted && (err != nil || !text) || strings.ContainsAny(n.Value, "\n\"") {
		return strconv.Quote(n.Value)
	}
	return n.Value
}

// hide marks what must not be shown: a value that is no ${NAME} where a secret
// belongs, and an address with a password in it.
func (t *tree) hide(key string) {
	secret := slices.Contains([]string{"password", "secret", "secrets", "key"}, key)
	address := key == "database" || key == "redis" || key == "url"
	for _, item := range append(t.items, t) {
		variable := strings.HasPrefix(item.scalar, "${") && strings.HasSuffix(item.scalar, "}")
		item.hidden = item.scalar != "" && !variable && (secret || address && strings.Contains(item.scalar, "@"))
	}
}

// named gives the items of a list their names, where all have one: the rungs of
// the ladder, states of health, tiers and arms.
func (t *tree) named() {
	for _, key := range []string{"stage", "health", "tier", "arm"} {
		var ids []string
		for _, item := range t.items {
			name := item.values[key]
			if name == nil || name.scalar == "" || slices.Contains(ids, name.scalar) || item.keys[0] != key {
				break
			}
			ids = append(ids, name.scalar)
		}
		if len(ids) == len(t.items) && len(ids) > 0 {
			t.ids = ids
			return
		}
	}
}

// identify gives the lists of steps the identities of the campaign.
func (t *tree) identify(steps []campaigns.Step) {
	if t == nil || len(t.items) != len(steps) {
		return
	}
	t.ids = make([]string, len(steps))
	for i, s := range steps {
		t.ids[i] = s.ID
		item := t.items[i]
		switch {
		case s.WaitFor != nil:
			item.values["then"].identify(s.WaitFor.Then)
			item.values["else"].identify(s.WaitFor.Else)
		case s.If != nil:
			item.values["then"].identify(s.If.Then)
			item.values["else"].identify(s.If.Else)
		case s.Branch != nil:
			for n, c := range s.Branch {
				for _, key := range []string{"then", "else"} {
					item.at("branch", n).at(key, -1).identify(c.Steps)
				}
			}
		case s.Split != nil:
			for n, arm := range s.Split.Arms {
				item.at("split", -1).at("arms", n).at("steps", -1).identify(arm.Steps)
			}
		}
	}
}

// at is what stands under a key, and there the item n, from 0; -1 for the whole.
// It is nil where there is nothing.
func (t *tree) at(key string, n int) *tree {
	if t == nil {
		return nil
	}
	t = t.values[key]
	switch {
	case n < 0 || t == nil:
		return t
	case n >= len(t.items):
		return nil
	}
	return t.items[n]
}

// text is the tree as YAML in one line; raw: with its secrets, to compare.
func (t *tree) text(raw bool) string {
	switch {
	case t == nil:
		return ""
	case t.hidden && !raw:
		return "(hidden)"
	case t.list:
		parts := make([]string, len(t.items))
		for i, item := range t.items {
			parts[i] = item.text(raw)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case t.values != nil:
		parts := make([]string, len(t.keys))
		for i, key := range t.keys {
			parts[i] = key + ": " + t.values[key].text(raw)
		}
		return "{ " + strings.Join(parts, ", ") + " }"
	}
	return t.scalar
}

// differ collects the fields that differ.
type differ struct{ out []Field }

func (d *differ) add(path, what string, from, to *tree) {
	d.out = append(d.out, Field{Path: path, What: what, From: from.text(false), To: to.text(false)})
}

func (d *differ) compare(at string, a, b *tree) {
	switch {
	case at == textKey:
		d.lines(a, b)
	case a.values != nil && b.values != nil:
		d.maps(at, a, b)
	case a.list && b.list && a.ids != nil && b.ids != nil:
		d.named(at, a, b)
	case a.list && b.list && (holdsMaps(a) || holdsMaps(b)):
		d.places(at, a, b)
	case a.text(true) != b.text(true):
		d.add(at, Changed, a, b)
	}
}

// holdsMaps says whether a list holds maps: conditions, limits.
func holdsMaps(t *tree) bool {
	return slices.ContainsFunc(t.items, func(item *tree) bool { return item.values != nil })
}

func under(at, key string) string {
	if at == "" {
		return key
	}
	return at + "." + key
}

func item(at string, i int) string { return fmt.Sprintf("%s[%d]", at, i+1) }

func (d *differ) maps(at string, a, b *tree) {
	for _, key := range a.keys {
		if b.values[key] == nil {
			d.add(under(at, key), Removed, a.values[key], nil)
		}
	}
	for _, key := range b.keys {
		if a.values[key] == nil {
			d.add(under(at, key), Added, nil, b.values[key])
			continue
		}
		d.compare(under(at, key), a.values[key], b.values[key])
	}
}

// named compares lists whose items have names. What was taken away stands at
// its old place.
func (d *differ) named(at string, a, b *tree) {
	var stayed, order []string
	for i, id := range a.ids {
		if !slices.Contains(b.ids, id) {
			d.add(item(at, i), Removed, a.items[i], nil)
			continue
		}
		stayed = append(stayed, id)
	}
	for i, id := range b.ids {
		was := slices.Index(a.ids, id)
		if was < 0 {
			d.add(item(at, i), Added, nil, b.items[i])
			continue
		}
		order = append(order, id)
		d.compare(item(at, i), a.items[was], b.items[i])
	}
	if !slices.Equal(stayed, order) {
		d.out = append(d.out, Field{Path: at + " (order)", What: Changed, From: strings.Join(stayed, ", "), To: strings.Join(order, ", ")})
	}
}

// places compares lists whose items only their content tells apart: equal ones
// are the same, and of the others those of one kind are compared in their order.
func (d *differ) places(at string, a, b *tree) {
	taken := make([]bool, len(a.items))
	match := make([]int, len(b.items))
	find := func(same func(x, y *tree) bool) {
		for j, y := range b.items {
			for i, x := range a.items {
				if match[j] == 0 && !taken[i] && same(x, y) {
					match[j], taken[i] = i+1, true
				}
			}
		}
	}
	find(func(x, y *tree) bool { return x.text(true) == y.text(true) })
	find(func(x, y *tree) bool {
		return x.values != nil && y.values != nil && len(x.keys) > 0 && len(y.keys) > 0 && x.keys[0] == y.keys[0]
	})
	for i, x := range a.items {
		if !taken[i] {
			d.add(item(at, i), Removed, x, nil)
		}
	}
	for j, y := range b.items {
		if match[j] == 0 {
			d.add(item(at, j), Added, nil, y)
			continue
		}
		d.compare(item(at, j), a.items[match[j]-1], y)
	}
}

// lines counts the lines of a text that came and went.
func (d *differ) lines(a, b *tree) {
	left := map[string]int{}
	for _, line := range a.items {
		left[line.scalar]++
	}
	came, went := 0, 0
	for _, line := range b.items {
		if left[line.scalar]--; left[line.scalar] < 0 {
			came++
		}
	}
	for _, n := range left {
		went += max(n, 0)
	}
	if a.text(true) != b.text(true) {
		d.out = append(d.out, Field{Path: "text", What: Changed, From: fmt.Sprintf("%d lines", len(a.items)), To: fmt.Sprintf("%d lines, %d new, %d gone", len(b.items), came, went)})
	}
}
