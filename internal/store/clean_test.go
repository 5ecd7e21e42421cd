package store

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A map that the databases can hold stays the same one; any other is made anew, and
// the one that was given stays as it was.
func TestCleanMap(t *testing.T) {
	for name, x := range map[string]struct{ in, want map[string]any }{
		"none":            {nil, map[string]any{}},
		"a number":        {map[string]any{"a": math.NaN(), "b": 1.5}, map[string]any{"a": nil, "b": 1.5}},
		"an integer":      {map[string]any{"a": 7}, map[string]any{"a": 7.0}},
		"a text":          {map[string]any{"a": "x\x00"}, map[string]any{"a": "x"}},
		"a name":          {map[string]any{"a\xff": true}, map[string]any{"a\uFFFD": true}},
		"deep in a list":  {map[string]any{"a": []any{1.0, []any{"\x00"}}}, map[string]any{"a": []any{1.0, []any{""}}}},
		"deep in a map":   {map[string]any{"a": map[string]any{"b": math.Inf(1)}}, map[string]any{"a": map[string]any{"b": nil}}},
		"a map that is 0": {map[string]any{"a": map[string]any(nil)}, map[string]any{"a": map[string]any{}}},
	} {
		if got := cleanMap(x.in); cmp.Diff(x.want, got) != "" {
			t.Errorf("%s: %#v becomes %#v", name, x.in, got)
		}
	}
	clean := map[string]any{"a": []any{1.0, nil, true, "ß"}, "b": map[string]any{"c": map[string]any{}}}
	got := cleanMap(clean)
	got["same"] = true
	if clean["same"] != true {
		t.Error("a clean map is copied")
	}
}
