package liquid

import (
	"slices"
	"strings"
	"testing"
)

func TestSyntaxErrors(t *testing.T) {
	for _, c := range []struct {
		name, source string
		want         []string
	}{
		{"open output", "Hi {{ name", []string{"t:1:4: this {{ is not closed (close it with }})"}},
		{"output before tag", "Hi {{ name\n{% if a %}x{% endif %}{{ b }}", []string{"t:1:4: this {{ is not closed before the next tag (close it with }})"}},
		{"open tag", "Hi\n  {% if a", []string{"t:2:3: this {% is not closed (close it with %})"}},
		{"open if", "a\n{% if a %}b", []string{"t:2:1: this {% if %} is not closed (close it with {% endif %})"}},
		{"crossed blocks", "{% if a %}{% for x in y %}{% endif %}", []string{"t:1:11: this {% for %} is not closed (close it with {% endfor %})"}},
		{"stray end", "a{% endif %}", []string{"t:1:2: {% endif %} closes a if that was not opened"}},
		{"stray else", "a{% else %}", []string{"t:1:2: {% else %} stands outside of its block"}},
		{"unknown tag", "{% fi a %}", []string{`t:1:1: there is no tag "fi" (did you mean if?)`}},
		{"unknown filter", "{{ a | upcas }}", []string{`t:1:8: there is no filter "upcas" (did you mean upcase?)`}},
		{"too many arguments", "{{ a | upcase: 1 }}", []string{"t:1:8: the filter upcase takes no arguments, not 1"}},
		{"too few arguments", "{{ a | append }}", []string{"t:1:8: the filter append takes 1 argument, not 0"}},
		{"named argument", "{{ a | default: 1, allow: 2 }}", []string{`t:1:25: the filter default has no argument "allow"`}},
		{"single equals", "{% if a = 1 %}{% endif %}", []string{"t:1:9: unexpected = (compare with ==)"}},
		{"typographic quotes", "{{ “a” }}", []string{"t:1:4: unexpected character '“' (write straight quotes: \" or ')"}},
		{"ampersands", "{% if a && b %}x{% endif %}", []string{"t:1:9: unexpected character '&' (write and, or, !=)"}},
		{"arithmetic", "{{ a + 1 }}", []string{"t:1:6: unexpected character '+' (use the filters plus, minus, times, divided_by, modulo)"}},
		{"open quote", "{{ 'a }}", []string{"t:1:4: this text is not closed (close it with ')"}},
		{"not", "{% if not a %}{% endif %}", []string{"t:1:7: liquid has no not (use unless, or compare with false)"}},
		{"filter in condition", "{% if a | size > 1 %}{% endif %}", []string{"t:1:9: a condition takes no filters (assign the filtered value to a variable first)"}},
		{"loop without in", "{% for x of y %}{% endfor %}", []string{"t:1:10: unexpected of, wanted in"}},
		{"missing condition", "{% if %}{% endif %}", []string{"t:1:7: a value is missing"}},
		{"columns are characters", "äöü {{ | }}", []string{"t:1:8: unexpected |, wanted a value"}},
		{"lines of a liquid tag", "{% liquid\n  assign a = 1\n  ecko a\n%}", []string{`t:3:3: there is no tag "ecko" (did you mean echo?)`}},
		{"all at once", "{{ a | x }}\n{% if %}{{ b c }}{% endif %}\n{% nope %}", []string{
			`t:1:8: there is no filter "x"`, "t:2:7: a value is missing", "t:2:14: unexpected c, wanted | and a filter, or the end", `t:3:1: there is no tag "nope"`}},
		{"partial without quotes", "{% render footer %}", []string{"t:1:11: unexpected footer, wanted the partial's name in quotes"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			tmpl, errs := Parse("t", c.source, 1)
			var got []string
			for _, e := range errs {
				got = append(got, e.Error())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(c.want, "\n     "))
			}
			if (tmpl == nil) != (len(errs) > 0) {
				t.Error("a template comes back exactly when there is no error")
			}
		})
	}
}

func TestNestingIsBounded(t *testing.T) {
	for _, open := range []string{"{% if a %}", "{% for x in y %}", "{% liquid liquid ", "{% capture x %}"} {
		_, errs := Parse("t", strings.Repeat(open, 5000), 1)
		if len(errs) == 0 {
			t.Errorf("%s: no error", open)
		}
	}
	_, errs := Parse("t", "{{ a"+strings.Repeat("[a", 100000)+" }}", 1)
	if len(errs) != 1 || !strings.HasSuffix(errs[0].Message, "brackets stand more than 100 deep in each other") {
		t.Errorf("brackets: %v", errs)
	}
}
