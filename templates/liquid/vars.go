package liquid

import (
	"sort"
	"strconv"
	"strings"
)

// String writes the variable as a template does.
func (v *variable) String() string {
	var b strings.Builder
	b.WriteString(v.root)
	if v.start != nil {
		b.WriteString("[…]")
	}
	for _, s := range v.steps {
		switch {
		case s.index != nil:
			if l, ok := s.index.(literal); ok {
				b.WriteString("[" + toText(l.value) + "]")
			} else {
				b.WriteString("[…]")
			}
		case isPlainName(s.key):
			b.WriteString("." + s.key)
		default:
			b.WriteString("[" + strconv.Quote(s.key) + "]")
		}
	}
	return b.String()
}

func isPlainName(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isWord(s[i]) && s[i] != '-' && s[i] != '?' {
			return false
		}
	}
	return s != ""
}

// Var is one use of a variable that comes from outside of the template.
type Var struct {
	Path       []string // contact, first_name; what is worked out when rendering is "*"
	Name       string   // the source it stands in
	Line       int
	Column     int
	HasDefault bool // the filter default gives a value when it has none
	Output     bool // it is printed, so that in strict rendering it must have a value
}

// PartialUse is one render or include tag whose partial was not put in place.
type PartialUse struct {
	Partial string // "" when the name is only known when rendering
	Name    string // the source it stands in
	Line    int
	Column  int
}

// Variables lists the uses of variables that are not set by the template
// itself, in the order of the source.
func (t *Template) Variables() []Var {
	a := newAnalysis()
	a.nodes(t.nodes)
	return a.vars
}

// Partials lists the partials that are loaded when rendering.
func (t *Template) Partials() []PartialUse {
	a := newAnalysis()
	a.nodes(t.nodes)
	return a.partials
}

// Origins tells for each name that the template sets (by assign, capture, for
// or as an argument of a partial) which outer variables' roots its value may
// come from. Names are taken together wherever they are set.
func (t *Template) Origins() map[string][]string {
	a := newAnalysis()
	a.nodes(t.nodes)
	out := map[string][]string{}
	for name := range a.origins {
		seen := map[string]bool{}
		a.trace(name, seen)
		var roots []string
		for r := range seen {
			if _, local := a.origins[r]; !local || a.outer[r] {
				roots = append(roots, r)
			}
		}
		sort.Strings(roots)
		out[name] = roots
	}
	return out
}

func (a *analysis) trace(name string, seen map[string]bool) {
	for root := range a.origins[name] {
		if !seen[root] {
			seen[root] = true
			a.trace(root, seen)
		}
	}
}

// analysis walks a template and knows at each point which names are local.
type analysis struct {
	vars     []Var
	partials []PartialUse
	local    []string // innermost last
	base     int      // a rendered partial sees nothing below
	origins  map[string]map[string]bool
	outer    map[string]bool
	into     []map[string]bool // the origins of what is being set
}

func newAnalysis() *analysis {
	return &analysis{origins: map[string]map[string]bool{}, outer: map[string]bool{}}
}

func (a *analysis) isLocal(name string) bool {
	for _, l := range a.local[a.base:] {
		if l == name {
			return true
		}
	}
	return false
}

// sets notes that a name gets its value from what read uses.
func (a *analysis) sets(name string, read func()) {
	m := a.origins[name]
	if m == nil {
		m = map[string]bool{}
		a.origins[name] = m
	}
	a.into = append(a.into, m)
	read()
	a.into = a.into[:len(a.into)-1]
}

func (a *analysis) variable(v *variable, hasDefault, output bool) {
	if v.start != nil {
		a.expr(v.start)
		return
	}
	for _, m := range a.into {
		m[v.root] = true
	}
	for _, s := range v.steps {
		if s.index != nil {
			a.expr(s.index)
		}
	}
	if a.isLocal(v.root) {
		return
	}
	a.outer[v.root] = true
	path := []string{v.root}
	for _, s := range v.steps {
		key := s.key
		if s.index != nil {
			key = "*"
		}
		path = append(path, key)
	}
	a.vars = append(a.vars, Var{path, v.pos.Name, v.pos.Line, v.pos.Column, hasDefault, output})
}

func (a *analysis) expr(e expr) {
	switch e := e.(type) {
	case *variable:
		a.variable(e, false, false)
	case rangeExpr:
		a.expr(e.from)
		a.expr(e.to)
	}
}

func (a *analysis) filtered(f *filtered, output bool) {
	if v, ok := f.base.(*variable); ok {
		a.variable(v, f.hasDefault, output)
	} else {
		a.expr(f.base)
	}
	for _, c := range f.filters {
		for _, arg := range c.args {
			a.expr(arg)
		}
		for _, arg := range c.named {
			a.expr(arg.value)
		}
	}
}

func (a *analysis) condition(c condition) {
	switch c := c.(type) {
	case truth:
		a.expr(c.value)
	case *comparison:
		a.expr(c.left)
		a.expr(c.right)
	case *logic:
		a.condition(c.left)
		a.condition(c.right)
	}
}

func (a *analysis) bounds(b *bounds) {
	for _, e := range []expr{b.limit, b.offset} {
		if e != nil {
			a.expr(e)
		}
	}
}

func (a *analysis) nodes(nodes []node) {
	for _, n := range nodes {
		a.node(n)
	}
}

func (a *analysis) node(n node) {
	switch n := n.(type) {
	case *outputNode:
		a.filtered(n.value, true)
	case *assignNode:
		a.sets(n.name, func() { a.filtered(n.value, false) })
		a.local = append(a.local, n.name)
	case *captureNode:
		a.sets(n.name, func() { a.nodes(n.body) })
		a.local = append(a.local, n.name)
	case *ifNode:
		for _, b := range n.branches {
			a.condition(b.cond)
			a.nodes(b.body)
		}
	case *caseNode:
		a.expr(n.subject)
		for _, b := range n.branches {
			for _, v := range b.values {
				a.expr(v)
			}
			a.nodes(b.body)
		}
	case *forNode:
		a.loop(n.variable, "forloop", n.source, &n.bounds, n.body)
		a.nodes(n.otherwise)
	case *tableRowNode:
		if n.cols != nil {
			a.expr(n.cols)
		}
		a.loop(n.variable, "tablerowloop", n.source, &n.bounds, n.body)
	case *cycleNode:
		if v, ok := n.group.(*variable); !ok || len(v.steps) > 0 {
			a.expr(n.group) // a bare name is only a name
		}
		for _, e := range n.items {
			a.expr(e)
		}
	case *counterNode:
		a.local = append(a.local, n.name)
	case *ifChangedNode:
		a.nodes(n.body)
	case *groupNode:
		a.nodes(n.nodes)
	case *hookNode:
		a.nodes(n.body)
	case *partialNode:
		a.partial(n)
	}
}

// loop: its variables are known inside; what the body assigns also behind it.
func (a *analysis) loop(variable, object string, source expr, b *bounds, body []node) {
	a.sets(variable, func() { a.expr(source) })
	a.bounds(b)
	mark := len(a.local)
	a.local = append(a.local, variable, object)
	a.nodes(body)
	a.local = append(a.local[:mark], a.local[mark+2:]...)
}

func (a *analysis) partial(n *partialNode) {
	if n.dynamic != nil {
		a.expr(n.dynamic)
	}
	if !n.inPlace {
		a.partials = append(a.partials, PartialUse{n.name, n.pos.Name, n.pos.Line, n.pos.Column})
	}
	key := n.alias
	if key == "" {
		key = BoundName(n.name)
	}
	names := []string{}
	for _, arg := range n.args {
		a.sets(arg.name, func() { a.expr(arg.value) })
		names = append(names, arg.name)
	}
	if n.bound != nil {
		a.sets(key, func() { a.expr(n.bound) })
		names = append(names, key)
		if n.each {
			names = append(names, "forloop")
		}
	}
	base, mark := a.base, len(a.local)
	if n.isolated {
		a.base = mark
	}
	a.local = append(a.local, names...)
	a.nodes(n.body)
	a.base = base
	if n.isolated {
		a.local = a.local[:mark]
	} else {
		a.local = append(a.local[:mark], a.local[mark+len(names):]...)
	}
}
