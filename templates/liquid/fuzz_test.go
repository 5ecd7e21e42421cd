package liquid

import (
	"io"
	"testing"
	"time"
)

var seeds = []string{
	"", "{{", "{%", "{{ a }}", "{% if a == b and c or d contains 'x' %}{{ a }}{% elsif x %}{% else %}{% endif %}",
	"{% for i in (1..3) reversed limit: 2 offset: continue %}{{ forloop.index }}{% else %}{% endfor %}",
	"{% case a %}{% when 1, 2 %}x{% else %}y{% endcase %}", "{% assign a = b | split: ',' | map: 'x' | join %}{{ a }}",
	"{% raw %}{{ x }}{% endraw %}{% comment %}{% if %}{% endcomment %}", "{% liquid\nassign a = 1\necho a\n%}",
	"{% tablerow x in l cols: 2 %}{{ x }}{% endtablerow %}", "{% cycle 'a': 1, 2 %}{% increment x %}{% decrement x %}",
	"{{ a['b'][0].c | default: 'x', allow_false: true | replace: 'a', 'b' | truncate: 3 | date: '%Y' }}",
	"<a href=\"{{ a }}\" {% if b %}class='x'{% endif %}>{{ c | raw }}</a><style>{{ d }}</style><!-- {{ e }} -->",
	"{% capture x %}{{ y }}{% endcapture %}{% ifchanged %}{{ x }}{% endifchanged %}{% render 'p', a: 1 %}{% include 'p' for l %}",
	"{{ l | sort | uniq | where: 'a', 1 | sum | times: 2 | divided_by: 0 }}", "{{- a -}} {%- if a -%} {%- endif -%}",
}

// Parsing never panics, and gives a template or errors with positions.
func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		for _, mode := range []Mode{Plain, Line, HTMLMode} {
			tmpl, errs := ParseMode("t", source, 1, mode)
			if (tmpl == nil) != (len(errs) > 0) {
				t.Fatalf("%q: a template comes back exactly when there is no error", source)
			}
			for _, e := range errs {
				if e.Name != "t" || e.Line < 1 || e.Column < 1 || e.Message == "" {
					t.Errorf("%q: %+v", source, e)
				}
			}
			if tmpl != nil {
				tmpl.Variables()
				tmpl.Origins()
			}
		}
	})
}

// Rendering never panics and ends within its bounds.
func FuzzRender(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, "a,b <c>")
	}
	partial, _ := Parse("p", "{{ a }}{{ p }}", 1)
	f.Fuzz(func(t *testing.T, source, value string) {
		vars := Map{
			"a": value, "b": int64(3), "c": 1.5, "d": true, "e": nil, "x": []any{value, int64(1), nil, map[string]any{"x": value}},
			"l": []any{int64(3), int64(1)}, "y": time.Unix(0, 0).UTC(),
		}
		opt := Options{
			Limits:  Limits{Steps: 20_000, Iterations: 2_000, Memory: 1 << 20, Output: 1 << 18},
			Partial: func(name string) (*Template, bool) { return partial, name == "p" },
		}
		for _, mode := range []Mode{Plain, Line, HTMLMode} {
			if tmpl, errs := ParseMode("t", source, 1, mode); len(errs) == 0 {
				_ = tmpl.Render(io.Discard, vars, opt)
			}
		}
	})
}
