package liquid

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Drop is a value whose fields are looked up when a template asks for them.
// Get reports false for a field that does not exist. A text may be given as a
// *string, which unlike a string takes no memory of its own; it must stay as it
// is until the rendering ends.
type Drop interface {
	Get(key string) (any, bool)
}

// Keyed is a Drop that a loop can walk: Keys lists the fields in their order.
type Keyed interface {
	Drop
	Keys() []string
}

// Map makes a Drop of a Go map.
type Map map[string]any

// Get returns the value under key.
func (m Map) Get(key string) (any, bool) { v, ok := m[key]; return v, ok }

// HTML is text that is HTML already: the result of capture and of the filters
// raw, escape and newline_to_br in HTML mode. It is not escaped again.
type HTML string

// urlText is text that url_encode has made fit for an address.
type urlText string

// special is one of the words empty and blank.
type special uint8

const (
	emptyWord special = iota + 1
	blankWord
)

// span is a range (from..to), kept as two numbers until somebody needs a list.
type span struct{ from, to int64 }

func (s span) len() int64 {
	if s.to < s.from {
		return 0
	}
	if n := s.to - s.from; n >= 0 && n < math.MaxInt64 {
		return n + 1
	}
	return math.MaxInt64
}

// truthy: everything is true but nil and false.
func truthy(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	}
	return true
}

func asInt(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case int:
		return int64(v), true
	case int32:
		return int64(v), true
	case uint32:
		return int64(v), true
	}
	return 0, false
}

func asFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case float32:
		return float64(v), true
	}
	i, ok := asInt(v)
	return float64(i), ok
}

func isFloat(v any) bool {
	switch v.(type) {
	case float64, float32:
		return true
	}
	return false
}

// asText gives the text of the text-like types.
func asText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case *string:
		return *v, true
	case HTML:
		return string(v), true
	case urlText:
		return string(v), true
	}
	return "", false
}

// toText writes any value as a template prints it.
func toText(v any) string {
	switch v := v.(type) {
	case nil, special:
		return ""
	case string:
		return v
	case *string:
		return *v
	case HTML:
		return string(v)
	case urlText:
		return string(v)
	case bool:
		return strconv.FormatBool(v)
	case time.Time:
		return v.Format("2006-01-02 15:04:05 -0700")
	case span:
		return strconv.FormatInt(v.from, 10) + ".." + strconv.FormatInt(v.to, 10)
	case fmt.Stringer:
		return v.String()
	}
	if i, ok := asInt(v); ok {
		return strconv.FormatInt(i, 10)
	}
	if f, ok := asFloat(v); ok {
		return floatText(f)
	}
	if list, ok := asList(v); ok {
		var b strings.Builder
		for _, x := range list {
			b.WriteString(toText(x))
		}
		return b.String()
	}
	if m, ok := asKeyed(v); ok {
		var b strings.Builder
		inspect(&b, m, 0)
		return b.String()
	}
	return ""
}

// floatText prints a float as Ruby does: always with a point, in powers of ten
// from 1e16 on.
func floatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	if a := math.Abs(f); a != 0 && (a >= 1e16 || a < 1e-4) {
		s := strconv.FormatFloat(f, 'e', -1, 64)
		if i := strings.IndexByte(s, 'e'); !strings.Contains(s[:i], ".") {
			s = s[:i] + ".0" + s[i:]
		}
		return s
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// inspect writes a map or list as Ruby shows it: {"a"=>1}.
func inspect(b *strings.Builder, v any, depth int) {
	if depth > 20 {
		b.WriteString("…")
		return
	}
	if s, ok := asText(v); ok {
		b.WriteString(strconv.Quote(s))
		return
	}
	if v == nil {
		b.WriteString("nil")
		return
	}
	if list, ok := asList(v); ok {
		b.WriteByte('[')
		for i, x := range list {
			if i > 0 {
				b.WriteString(", ")
			}
			inspect(b, x, depth+1)
		}
		b.WriteByte(']')
		return
	}
	m, ok := asKeyed(v)
	if !ok {
		b.WriteString(toText(v))
		return
	}
	b.WriteByte('{')
	for i, k := range m.Keys() {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(k))
		b.WriteString("=>")
		x, _ := m.Get(k)
		inspect(b, x, depth+1)
	}
	b.WriteByte('}')
}

// asList gives the elements of the list types; ranges are not among them.
func asList(v any) ([]any, bool) {
	switch v := v.(type) {
	case []any:
		return v, true
	case []string:
		list := make([]any, len(v))
		for i, s := range v {
			list[i] = s
		}
		return list, true
	case []map[string]any:
		list := make([]any, len(v))
		for i, m := range v {
			list[i] = m
		}
		return list, true
	}
	return nil, false
}

// sortedMap walks a Go map in the order of its keys, so that a template gives
// the same output every time.
type sortedMap map[string]any

func (m sortedMap) Get(key string) (any, bool) { v, ok := m[key]; return v, ok }

func (m sortedMap) Keys() []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func asKeyed(v any) (Keyed, bool) {
	switch v := v.(type) {
	case map[string]any:
		return sortedMap(v), true
	case Map:
		return sortedMap(v), true
	case Keyed:
		return v, true
	}
	return nil, false
}

// isObject: something with named fields.
func isObject(v any) bool {
	switch v.(type) {
	case map[string]any, Drop:
		return true
	}
	return false
}

// field looks up a named field of an object.
func field(v any, key string) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		x, ok := v[key]
		return x, ok
	case Drop:
		return v.Get(key)
	}
	return nil, false
}

// size is the number of characters, elements or fields.
func size(v any) (int64, bool) {
	if s, ok := asText(v); ok {
		return int64(utf8.RuneCountInString(s)), true
	}
	switch v := v.(type) {
	case span:
		return v.len(), true
	case []any:
		return int64(len(v)), true
	case []string:
		return int64(len(v)), true
	case []map[string]any:
		return int64(len(v)), true
	}
	if m, ok := asKeyed(v); ok {
		return int64(len(m.Keys())), true
	}
	return 0, false
}

func isEmpty(v any) bool {
	if v == emptyWord {
		return true
	}
	n, ok := size(v)
	return ok && n == 0
}

func isBlank(v any) bool {
	if v == nil || v == false || v == blankWord {
		return true
	}
	if s, ok := asText(v); ok {
		return strings.TrimSpace(s) == ""
	}
	n, ok := size(v)
	return ok && n == 0
}
