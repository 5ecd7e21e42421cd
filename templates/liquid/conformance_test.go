package liquid

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// ordered is a JSON object that keeps the order of its keys, as the suite expects.
type ordered struct {
	keys   []string
	values map[string]any
}

func (o *ordered) Get(key string) (any, bool) { v, ok := o.values[key]; return v, ok }
func (o *ordered) Keys() []string             { return o.keys }

func decodeOrdered(t *testing.T, raw json.RawMessage) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return decodeValue(t, d)
}

func decodeValue(t *testing.T, d *json.Decoder) any {
	t.Helper()
	tok, err := d.Token()
	if err != nil {
		t.Fatal(err)
	}
	switch v := tok.(type) {
	case json.Delim:
		if v == '[' {
			list := []any{}
			for d.More() {
				list = append(list, decodeValue(t, d))
			}
			_, _ = d.Token()
			return list
		}
		o := &ordered{values: map[string]any{}}
		for d.More() {
			k, _ := d.Token()
			o.keys = append(o.keys, k.(string))
			o.values[k.(string)] = decodeValue(t, d)
		}
		_, _ = d.Token()
		return o
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i
		}
		f, _ := v.Float64()
		return f
	}
	return tok
}

type goldenCase struct {
	Name      string            `json:"name"`
	Template  string            `json:"template"`
	Data      json.RawMessage   `json:"data"`
	Templates map[string]string `json:"templates"`
	Result    string            `json:"result"`
	Results   []string          `json:"results"`
	Invalid   bool              `json:"invalid"`
}

// TestGoldenLiquid runs the golden Liquid suite. Cases that are left out stand
// with their reason in testdata/left_out.txt; a case there that passes is a
// fault of the list.
func TestGoldenLiquid(t *testing.T) {
	suite := goldenSuite(t)
	leftOut := readLeftOut(t)
	passed := 0
	for _, c := range suite {
		problem := runGolden(t, c)
		reason, out := leftOut[c.Name]
		delete(leftOut, c.Name)
		switch {
		case problem == "" && out:
			t.Errorf("%s: passes, so take it out of left_out.txt (%s)", c.Name, reason)
		case problem != "" && !out:
			t.Errorf("%s: %s\n  template %q\n  data %s", c.Name, problem, c.Template, c.Data)
		}
		if problem == "" {
			passed++
		}
	}
	for name := range leftOut {
		t.Errorf("left_out.txt names %q, which is no case of the suite", name)
	}
	t.Logf("%d of %d cases pass", passed, len(suite))
}

func readLeftOut(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open("testdata/left_out.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	list := map[string]string{}
	for s := bufio.NewScanner(f); s.Scan(); {
		line := strings.TrimSpace(s.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, ok := strings.Cut(line, "\t")
		if !ok || strings.TrimSpace(reason) == "" {
			t.Fatalf("left_out.txt: %q has no reason: write the name, a tab, the reason", line)
		}
		list[name] = reason
	}
	return list
}

// runGolden gives "" when a case passes, else what went wrong.
func runGolden(t *testing.T, c goldenCase) string {
	t.Helper()
	var vars Drop
	if len(c.Data) > 0 {
		if d, ok := decodeOrdered(t, c.Data).(Drop); ok {
			vars = d
		}
	}
	var out strings.Builder
	tmpl, errs := Parse("golden", c.Template, 1)
	var err error
	if len(errs) > 0 {
		err = &errs[0]
	} else {
		err = tmpl.Render(&out, vars, Options{
			Now: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC),
			Partial: func(name string) (*Template, bool) {
				src, ok := c.Templates[name]
				if !ok {
					return nil, false
				}
				p, errs := Parse(name, src, 1)
				return p, len(errs) == 0
			},
		})
	}
	if c.Invalid {
		if err == nil {
			return "no error, but " + quote(out.String())
		}
		return ""
	}
	if err != nil {
		return err.Error()
	}
	wants := c.Results
	if len(wants) == 0 {
		wants = []string{c.Result}
	}
	for _, want := range wants {
		if out.String() == want {
			return ""
		}
	}
	return "got " + quote(out.String()) + ", want " + quote(wants[0])
}

func quote(s string) string { b, _ := json.Marshal(s); return string(b) }

// goldenSuite are the cases of the golden Liquid suite, where that is there.
func goldenSuite(t *testing.T) []goldenCase {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "data", "golden-liquid.json"))
	if err != nil {
		t.Skipf("the golden Liquid suite is not here: %s", err)
	}
	var suite struct {
		Tests []goldenCase `json:"tests"`
	}
	if err := json.Unmarshal(raw, &suite); err != nil {
		t.Fatal(err)
	}
	return suite.Tests
}
