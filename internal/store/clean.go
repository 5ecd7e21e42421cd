package store

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// cleanText makes a text that both databases can store: PostgreSQL refuses NUL
// and broken UTF-8, and SQLite would cut the text off in some places.
func cleanText(text string) string {
	if isCleanText(text) {
		return text
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
}

// cleanValue makes of a value what comes back when it is stored as JSON and
// read again, so that what is written and what is read compare equal. A number
// that JSON does not have becomes nil.
func cleanValue(v any) any {
	switch v := v.(type) {
	case nil, bool:
		return v
	case string:
		return cleanText(v)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		return v
	case int:
		return float64(v)
	case int64:
		return float64(v)
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			return nil
		}
		return f
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case map[string]any:
		return cleanMap(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = cleanValue(v[i])
		}
		return out
	case []string:
		out := make([]any, len(v))
		for i := range v {
			out[i] = cleanText(v[i])
		}
		return out
	}
	return cleanText(fmt.Sprint(v)) // a date, and whatever else has a text
}

func isCleanText(text string) bool {
	return utf8.ValidString(text) && strings.IndexByte(text, 0) < 0
}

// cleanMap returns the map itself where nothing in it has to change, as nearly always.
func cleanMap(m map[string]any) map[string]any {
	if m != nil && isCleanValue(m) {
		return m
	}
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[cleanText(k)] = cleanValue(v)
	}
	return out
}

// isCleanValue reports whether cleanValue changes nothing.
func isCleanValue(v any) bool {
	switch v := v.(type) {
	case nil, bool:
		return true
	case string:
		return isCleanText(v)
	case float64:
		return !math.IsNaN(v) && !math.IsInf(v, 0)
	case []any:
		return !slices.ContainsFunc(v, func(x any) bool { return !isCleanValue(x) })
	case map[string]any:
		for k, x := range v {
			if !isCleanText(k) || !isCleanValue(x) {
				return false
			}
		}
		return v != nil
	}
	return false
}
