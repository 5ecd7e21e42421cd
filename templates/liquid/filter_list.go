package liquid

import (
	"errors"
	"math/big"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

func init() {
	register(
		&filterDef{name: "default", max: 1, named: []string{"allow_false"}, run: defaultFilter},
		&filterDef{name: "size", run: sizeFilter},
		&filterDef{name: "first", run: func(c *call) (any, error) { return first(c.in), nil }},
		&filterDef{name: "last", run: func(c *call) (any, error) { return last(c.in), nil }},
		&filterDef{name: "join", max: 1, run: joinFilter},
		&filterDef{name: "concat", min: 1, max: 1, run: concat},
		&filterDef{name: "reverse", run: reverse},
		&filterDef{name: "compact", max: 1, run: compact},
		&filterDef{name: "uniq", max: 1, run: uniq},
		&filterDef{name: "map", min: 1, max: 1, run: mapFilter},
		&filterDef{name: "sum", max: 1, run: sum},
		&filterDef{name: "slice", min: 1, max: 2, run: slice},
		&filterDef{name: "sort", max: 1, run: sortFilter},
		&filterDef{name: "sort_natural", max: 1, run: sortNatural},
		&filterDef{name: "where", min: 1, max: 2, run: choose(true)},
		&filterDef{name: "reject", min: 1, max: 2, run: choose(false)},
		&filterDef{name: "find", min: 1, max: 2, run: find},
		&filterDef{name: "find_index", min: 1, max: 2, run: findIndex},
		&filterDef{name: "has", min: 1, max: 2, run: has},
		&filterDef{name: "date", min: 1, max: 1, run: dateFilter},
	)
}

func defaultFilter(c *call) (any, error) {
	falsy := c.in == nil
	if c.in == false {
		falsy = !truthy(c.option("allow_false"))
	}
	if falsy || isEmpty(c.in) {
		if len(c.args) == 0 {
			return "", nil
		}
		return c.args[0], nil
	}
	return c.in, nil
}

func sizeFilter(c *call) (any, error) {
	n, _ := size(c.in)
	return n, nil
}

func joinFilter(c *call) (any, error) {
	list, err := c.list()
	if err != nil {
		return nil, err
	}
	glue := " "
	if len(c.args) > 0 {
		glue = c.arg(0)
	}
	texts, total := make([]string, len(list)), 0
	for i, x := range list {
		texts[i] = toText(x)
		total += len(texts[i]) + len(glue)
	}
	if err := c.room(total); err != nil {
		return nil, err
	}
	return strings.Join(texts, glue), nil
}

func concat(c *call) (any, error) {
	list, err := c.list()
	if err != nil {
		return nil, err
	}
	more, ok := asList(c.args[0])
	if s, isSpan := c.args[0].(span); isSpan {
		if more, err = c.spanList(s); err != nil {
			return nil, err
		}
	} else if !ok {
		return nil, errors.New("the argument is not a list")
	}
	if err := c.room(16 * (len(list) + len(more))); err != nil {
		return nil, err
	}
	return slices.Concat(list, more), nil
}

func reverse(c *call) (any, error) {
	list, err := c.list()
	list = slices.Clone(list)
	slices.Reverse(list)
	return list, err
}

func compact(c *call) (any, error) {
	list, err := c.list()
	if err != nil {
		return nil, err
	}
	out := make([]any, 0, len(list))
	for _, x := range list {
		v := x
		if len(c.args) > 0 {
			v, _, _ = property(x, c.args[0])
		}
		if v != nil {
			out = append(out, x)
		}
	}
	return out, nil
}

// uniqueKey tells values apart as equal does, for the types that can be keys.
func uniqueKey(v any) (any, bool) {
	if s, ok := asText(v); ok {
		return s, true
	}
	if i, ok := asInt(v); ok {
		return i, true
	}
	switch v := v.(type) {
	case nil, bool, float64:
		return v, true
	case time.Time:
		return v.UnixNano(), true
	}
	return nil, false
}

func uniq(c *call) (any, error) {
	list, err := c.list()
	if err != nil {
		return nil, err
	}
	seen := map[any]bool{}
	var odd []any // values that cannot be keys are compared one by one
	out := make([]any, 0, len(list))
	for _, x := range list {
		v := x
		if len(c.args) > 0 {
			if v, _, err = property(x, c.args[0]); err != nil {
				return nil, err
			}
		}
		if k, ok := uniqueKey(v); ok {
			if seen[k] {
				continue
			}
			seen[k] = true
		} else {
			c.st.steps += len(odd)
			if c.st.steps > c.st.lim.Steps {
				return nil, errors.New("the template takes more than " + group(c.st.lim.Steps) + " steps")
			}
			if slices.ContainsFunc(odd, func(o any) bool { return equal(o, v) }) {
				continue
			}
			odd = append(odd, v)
		}
		out = append(out, x)
	}
	return out, nil
}

func sum(c *call) (any, error) {
	list, err := c.list()
	if err != nil {
		return nil, err
	}
	total, float := new(big.Rat), false
	for _, x := range list {
		if len(c.args) > 0 && c.args[0] != nil {
			var ok bool
			if x, ok, err = property(x, c.args[0]); err != nil {
				return nil, err
			} else if !ok {
				return nil, wrongKey(c.args[0])
			}
		}
		n := toNumber(x)
		r := rat(n)
		if r == nil {
			return nil, errors.New("the number is too large")
		}
		float = float || isFloat(n)
		total.Add(total, r)
	}
	if !float && total.IsInt() && total.Num().IsInt64() {
		return total.Num().Int64(), nil
	}
	f, _ := total.Float64()
	return f, nil
}

func slice(c *call) (any, error) {
	from, ok := toInteger(c.args[0])
	if !ok {
		return nil, errors.New("the start is not a whole number")
	}
	n := int64(1)
	if v := c.value(1); v != nil {
		if n, ok = toInteger(v); !ok {
			return nil, errors.New("the length is not a whole number")
		}
	}
	cut := func(size int64) (int64, int64) {
		if from < 0 {
			from += size
		}
		if from < 0 || from > size || n < 0 {
			return 0, 0
		}
		return from, from + min(n, size-from)
	}
	if list, ok := asList(c.in); ok {
		a, b := cut(int64(len(list)))
		return list[a:b:b], nil
	}
	s := c.text()
	if utf8.RuneCountInString(s) < len(s) {
		r := []rune(s)
		a, b := cut(int64(len(r)))
		return c.st.text(string(r[a:b])), nil
	}
	a, b := cut(int64(len(s)))
	return c.st.text(s[a:b]), nil
}

// sorted sorts a copy by what key gives for each element; nil goes last.
func (c *call) sorted(less func(a, b any) (int, error)) (any, error) {
	list, err := c.list()
	if err != nil || c.in == nil {
		return list, err
	}
	type pair struct{ item, key any }
	pairs := make([]pair, len(list))
	for i, x := range list {
		pairs[i] = pair{x, x}
		if len(c.args) > 0 && c.args[0] != nil {
			v, ok, err := property(x, c.args[0])
			if err != nil {
				return nil, err
			}
			if !ok {
				return nil, wrongKey(c.args[0])
			}
			pairs[i].key = v
		}
	}
	var failed error
	slices.SortStableFunc(pairs, func(a, b pair) int {
		switch {
		case a.key == nil && b.key == nil:
			return 0
		case a.key == nil:
			return 1
		case b.key == nil:
			return -1
		}
		n, err := less(a.key, b.key)
		if err != nil {
			failed = err
		}
		return n
	})
	out := make([]any, len(pairs))
	for i, p := range pairs {
		out[i] = p.item
	}
	return out, failed
}

func sortFilter(c *call) (any, error) {
	return c.sorted(func(a, b any) (int, error) {
		n, ok, err := order(a, b)
		if err == nil && !ok && !equal(a, b) {
			err = errors.New("these values have no order")
		}
		return n, err
	})
}

func sortNatural(c *call) (any, error) {
	return c.sorted(func(a, b any) (int, error) {
		return strings.Compare(strings.ToLower(toText(a)), strings.ToLower(toText(b))), nil
	})
}
