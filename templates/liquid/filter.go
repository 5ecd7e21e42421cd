package liquid

import (
	"errors"
	"sort"
	"strings"
)

// filterDef is one filter: its name and how many arguments it takes.
type filterDef struct {
	name     string
	min, max int
	named    []string
	run      func(c *call) (any, error)
}

func (d *filterDef) takes(name string) bool {
	for _, n := range d.named {
		if n == name {
			return true
		}
	}
	return false
}

// call is one use of a filter.
type call struct {
	st    *state
	in    any
	args  []any
	named []namedArg
}

func (c *call) text() string { return toText(c.in) }

// arg gives the text of argument i, "" where it is missing or nil.
func (c *call) arg(i int) string {
	if i < len(c.args) {
		return toText(c.args[i])
	}
	return ""
}

func (c *call) value(i int) any {
	if i < len(c.args) {
		return c.args[i]
	}
	return nil
}

func (c *call) option(name string) any {
	for _, n := range c.named {
		if n.name == name {
			return n.value.eval(c.st)
		}
	}
	return nil
}

// room makes sure that a result of so many bytes may be made.
func (c *call) room(bytes int) error {
	if bytes < 0 || c.st.memory+bytes > c.st.lim.Memory {
		return errors.New("the template's values take more than " + group(c.st.lim.Memory) + " bytes")
	}
	return nil
}

// list is the input as a filter of lists sees it: lists in lists are one list,
// a single value is a list of one, nil is empty.
func (c *call) list() ([]any, error) {
	if s, ok := c.in.(span); ok {
		return c.spanList(s)
	}
	if c.in == nil {
		return nil, nil
	}
	list, ok := asList(c.in)
	if !ok {
		return []any{c.in}, nil
	}
	for _, x := range list {
		if _, nested := asList(x); nested {
			return flatten(nil, list, 0), nil
		}
	}
	return list, nil
}

func (c *call) spanList(s span) ([]any, error) {
	n := s.len()
	if n > 1<<40 {
		return nil, c.room(-1)
	}
	if err := c.room(int(n) * 24); err != nil {
		return nil, err
	}
	list := make([]any, 0, n)
	for i := s.from; i <= s.to; i++ {
		list = append(list, i)
	}
	return list, nil
}

func flatten(dst, list []any, depth int) []any {
	for _, x := range list {
		if inner, ok := asList(x); ok && depth < maxNesting {
			dst = flatten(dst, inner, depth+1)
		} else {
			dst = append(dst, x)
		}
	}
	return dst
}

// keepSafe gives a result of the input's own kind: HTML stays HTML where a
// filter cannot make it unsafe.
func (c *call) keepSafe(s string) any {
	if _, ok := c.in.(HTML); ok {
		return HTML(s)
	}
	return s
}

var filters = map[string]*filterDef{}

func register(defs ...*filterDef) {
	for _, d := range defs {
		filters[d.name] = d
	}
}

func filterNames() []string {
	names := make([]string, 0, len(filters))
	for name := range filters {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// didYouMean gives a hint when one of the names is close to the one written.
func didYouMean(written string, names []string) string {
	if best := Closest(written, names); best != "" {
		return "did you mean " + best + "?"
	}
	return ""
}

// Closest gives the name that is most like the one written, or "" when none is
// near enough to be meant.
func Closest(written string, names []string) string {
	best, bestAt := "", len(written)/3+2
	for _, name := range names {
		if d := distance(strings.ToLower(written), strings.ToLower(name)); d < bestAt {
			best, bestAt = name, d
		}
	}
	if bestAt >= len(written) {
		return ""
	}
	return best
}

// distance counts the letters to add, drop, change or swap.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	prev2, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}
