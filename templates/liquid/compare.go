package liquid

import (
	"fmt"
	"strings"
	"time"
)

// equal compares by type: numbers by value, text by its characters, lists and
// maps element by element; a number never equals a text.
func equal(a, b any) bool { return equalAt(a, b, 0) }

func equalAt(a, b any, depth int) bool {
	if depth > 50 {
		return false
	}
	if w, ok := b.(special); ok {
		a, b = w, a
	}
	if w, ok := a.(special); ok {
		if w == emptyWord {
			return b != blankWord && isEmpty(b)
		}
		return b != emptyWord && isBlank(b)
	}
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	if s, ok := asText(a); ok {
		t, ok := asText(b)
		return ok && s == t
	}
	if i, ok := asInt(a); ok {
		if j, ok := asInt(b); ok {
			return i == j
		}
	}
	if f, ok := asFloat(a); ok {
		g, ok := asFloat(b)
		return ok && f == g
	}
	switch x := a.(type) {
	case bool:
		y, ok := b.(bool)
		return ok && x == y
	case time.Time:
		y, ok := b.(time.Time)
		return ok && x.Equal(y)
	case span:
		y, ok := b.(span)
		return ok && x == y
	}
	if x, ok := asList(a); ok {
		y, ok := asList(b)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !equalAt(x[i], y[i], depth+1) {
				return false
			}
		}
		return true
	}
	x, ok := asKeyed(a)
	y, ok2 := asKeyed(b)
	if !ok || !ok2 {
		return false
	}
	keys := x.Keys()
	if len(keys) != len(y.Keys()) {
		return false
	}
	for _, k := range keys {
		v, _ := x.Get(k)
		w, has := y.Get(k)
		if !has || !equalAt(v, w, depth+1) {
			return false
		}
	}
	return true
}

// order compares two values: -1, 0 or 1. ok is false where the two have no
// order (nil, lists, true); err where text meets a number.
func order(a, b any) (cmp int, ok bool, err error) {
	if f, isNum := asFloat(a); isNum {
		if g, isNum := asFloat(b); isNum {
			return compare(f, g), f == f && g == g, nil
		}
		if _, isText := asText(b); isText {
			return 0, false, fmt.Errorf("a number and a text have no order")
		}
		return 0, false, nil
	}
	if s, isText := asText(a); isText {
		if t, isText := asText(b); isText {
			return strings.Compare(s, t), true, nil
		}
		if _, isNum := asFloat(b); isNum {
			return 0, false, fmt.Errorf("a text and a number have no order")
		}
		if t, isTime := b.(time.Time); isTime {
			if u, ok := parseDate(s, t, t.Location()); ok {
				return u.Compare(t), true, nil
			}
		}
		return 0, false, nil
	}
	if t, isTime := a.(time.Time); isTime {
		if u, isTime := b.(time.Time); isTime {
			return t.Compare(u), true, nil
		}
		if s, isText := asText(b); isText {
			if u, ok := parseDate(s, t, t.Location()); ok {
				return t.Compare(u), true, nil
			}
		}
	}
	return 0, false, nil
}

func compare(f, g float64) int {
	switch {
	case f < g:
		return -1
	case f > g:
		return 1
	}
	return 0
}

// contains: a text has the text, a list the element, a map the key.
func contains(a, b any) bool {
	if !truthy(a) || !truthy(b) {
		return false
	}
	if s, ok := asText(a); ok {
		return strings.Contains(s, toText(b))
	}
	if list, ok := asList(a); ok {
		for _, x := range list {
			if equal(x, b) {
				return true
			}
		}
		return false
	}
	if r, ok := a.(span); ok {
		i, ok := asInt(b)
		return ok && i >= r.from && i <= r.to
	}
	_, has := field(a, toText(b))
	return has
}
