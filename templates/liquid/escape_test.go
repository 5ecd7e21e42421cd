package liquid

import (
	"strings"
	"testing"
)

func TestEscapingByPlace(t *testing.T) {
	vars := Map{
		"script": "<script>alert(1)</script>",
		"attr":   `" onmouseover="alert(1)`,
		"single": `' onmouseover='alert(1)`,
		"js":     "javascript:alert(1)",
		"split":  "java\tscript:alert(1)",
		"data":   "DATA:text/html,x",
		"url":    "https://x.example/a b?c=d&e=f",
		"query":  "a&b=c d/ü",
		"path":   "../../x?y#z",
		"css":    "red;background:url(//evil)",
		"color":  "#ff0000",
		"end":    "--><script>",
		"nul":    "a\x00b",
		"lines":  "a\r\nBcc: x@y.example\u2028c",
	}
	for _, c := range []struct{ name, source, want string }{
		{"text", "<p>{{ script }}</p>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"},
		{"text with raw", "<p>{{ script | raw }}</p>", "<p><script>alert(1)</script></p>"},
		{"nul", "{{ nul }}", "a\uFFFDb"},
		{"title", "<title>{{ script }}</title>", "<title>&lt;script&gt;alert(1)&lt;/script&gt;</title>"},
		{"attribute", `<img alt="{{ attr }}">`, `<img alt="&#34; onmouseover=&#34;alert(1)">`},
		{"attribute in single quotes", `<img alt='{{ single }}'>`, `<img alt='&#39; onmouseover=&#39;alert(1)'>`},
		{"attribute without quotes", `<img alt={{ attr }}>`, `<img alt=&#34;&#32;onmouseover&#61;&#34;alert(1)>`},
		{"address", `<a href="{{ url }}">`, `<a href="https://x.example/a%20b?c=d&amp;e=f">`},
		{"script as address", `<a href="{{ js }}">`, `error: t:1:10: this address begins with "javascript:" (an address begins with https:, http:, mailto: or tel:)`},
		{"script with a tab", `<a href=" {{ split }}">`, `error: t:1:11: this address begins with "javascript:" (an address begins with https:, http:, mailto: or tel:)`},
		{"data address", `<img src={{ data }}>`, `error: t:1:10: this address begins with "data:" (an address begins with https:, http:, mailto: or tel:)`},
		{"captured script", `{% capture a %}{{ js }}{% endcapture %}<a href="{{ a }}">`, `error: t:1:49: this address begins with "javascript:" (an address begins with https:, http:, mailto: or tel:)`},
		{"path", `<a href="https://x.example/{{ path }}">`, `<a href="https://x.example/../../x%3Fy%23z">`},
		{"query", `<a href="https://x.example/?q={{ query }}">`, `<a href="https://x.example/?q=a%26b%3Dc%20d%2F%C3%BC">`},
		{"query that is encoded", `<a href="https://x.example/?q={{ query | url_encode }}">`, `<a href="https://x.example/?q=a%26b%3Dc+d%2F%C3%BC">`},
		{"host", `<a href="https://{{ path }}/">`, `<a href="https://..%2F..%2Fx%3Fy%23z/">`},
		{"behind a value", `<a href="{{ url }}&q={{ query }}">`, `<a href="https://x.example/a%20b?c=d&amp;e=f&q=a%26b%3Dc%20d%2F%C3%BC">`},
		{"style attribute", `<p style="color: {{ color }}">`, `<p style="color: #ff0000">`},
		{"wrong style", `<p style="color: {{ css }}">`, `<p style="color: ">`},
		{"style element", `<style>p { color: {{ color }} }</style>{{ script }}`, `<style>p { color: #ff0000 }</style>&lt;script&gt;alert(1)&lt;/script&gt;`},
		{"comment", `<!-- {{ end }} -->{{ script }}`, `<!-- - - &gt;&lt;script&gt; -->&lt;script&gt;alert(1)&lt;/script&gt;`},
		{"behind a comment of Outlook", `<!--[if mso]><i><![endif]--><b>{{ script }}`, `<!--[if mso]><i><![endif]--><b>&lt;script&gt;alert(1)&lt;/script&gt;`},
		{"doctype", `<!DOCTYPE html><p>{{ script }}`, `<!DOCTYPE html><p>&lt;script&gt;alert(1)&lt;/script&gt;`},
		{"captured text", "{% capture x %}<b>{{ script }}</b>{% endcapture %}{{ x }}", "<b>&lt;script&gt;alert(1)&lt;/script&gt;</b>"},
		{"captured text in an attribute", `{% capture x %}"<b>{{ attr }}{% endcapture %}<i title="{{ x }}">`, `<i title="&#34;&lt;b&gt;&#34; onmouseover=&#34;alert(1)">`},
		{"captured and changed", "{% capture x %}<b>{% endcapture %}{{ x | upcase }}", "&lt;B&gt;"},
		{"captured and appended", "{% capture x %}<b>{% endcapture %}{{ x | append: script }}", "<b>&lt;script&gt;alert(1)&lt;/script&gt;"},
		{"escape is not doubled", "{{ script | escape }}", "&lt;script&gt;alert(1)&lt;/script&gt;"},
		{"newlines", "{{ '<' | newline_to_br }}{{ lines | newline_to_br }}", "&lt;a<br />\nBcc: x@y.example\u2028c"},
		{"branches in an attribute", `<a href="{% if js %}https://a.example/?x={% else %}https://b.example/?y={% endif %}{{ query }}">`,
			`<a href="https://a.example/?x=a%26b%3Dc%20d%2F%C3%BC">`},
		{"cycle", "{% cycle script, 'b' %}", "&lt;script&gt;alert(1)&lt;/script&gt;"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := render(t, c.source, vars, HTMLMode, Options{}); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestLineModeRemovesLineBreaks(t *testing.T) {
	vars := Map{"lines": "a\r\nBcc: x@y.example\u2028c\u0085d", "html": "<b>x</b> &amp; y"}
	for _, c := range []struct{ source, want string }{
		{"{{ lines }}", "aBcc: x@y.examplecd"},
		{"a\n{{ html }}", "a\n<b>x</b> &amp; y"},
		{"{{ html | raw }}", "x & y"},
		{"{{ html | escape }}", "<b>x</b> &amp; y"},
		{"{% capture x %}{{ lines }}{% endcapture %}{{ x }}", "aBcc: x@y.examplecd"},
	} {
		if got := render(t, c.source, vars, Line, Options{}); got != c.want {
			t.Errorf("%s\n got %q\nwant %q", c.source, got, c.want)
		}
	}
}

func TestPlacesThatTakeNoValue(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{"<script>var a = {{ a }}</script>", "t:1:17: a value cannot stand in a script (mail programs run no scripts: take it out)"},
		{`<a onclick="{{ a }}">`, "t:1:13: a value cannot stand in a script (mail programs run no scripts: take it out)"},
		{"<p {{ a }}>", `t:1:4: a value cannot stand inside a tag outside of quotes (put it into quotes, as in alt="{{ … }}")`},
		{`{% if a %}<p class="{% else %}<p>{% endif %}`, "t:1:1: the branches of this if end in different places of the HTML (begin and end each tag and each quoted value inside one branch)"},
	} {
		_, errs := ParseMode("t", c.source, 1, HTMLMode)
		if len(errs) != 1 || errs[0].Error() != c.want {
			t.Errorf("%s\n got %v\nwant %s", c.source, errs, c.want)
		}
	}
}

// Whatever the values are, the HTML keeps its tags: none is added, none ends early.
func FuzzEscaping(f *testing.F) {
	for _, s := range []string{"<script>", `"'>`, "javascript:x", "-->", "</style>", "a b", "\x00", "&lt;"} {
		f.Add(s)
	}
	tmpl, errs := ParseMode("t", `<p title="{{ v }}" class='{{ v }}' style="color:{{ v }}"><a href="https://x.example/{{ v }}?q={{ v }}">{{ v }}</a><!-- {{ v }} --></p>`, 1, HTMLMode)
	if len(errs) > 0 {
		f.Fatal(errs)
	}
	f.Fuzz(func(t *testing.T, v string) {
		var b strings.Builder
		if err := tmpl.Render(&b, Map{"v": v}, Options{}); err != nil {
			return // over a limit
		}
		out := b.String()
		for part, want := range map[string]int{"<": 5, ">": 5, `"`: 6, "'": 2, "-->": 1} {
			if got := strings.Count(out, part); got != want {
				t.Errorf("%q: %d times %s, want %d: %s", v, got, part, want, out)
			}
		}
	})
}

// JSON has one kind of number: in mail a whole one has no point.
func TestNumbersOfData(t *testing.T) {
	vars := Map{"total": 89.0, "price": 9.5, "list": []any{1.0, 2.5}, "big": 1e300}
	for _, c := range []struct {
		mode Mode
		want string
	}{
		{HTMLMode, "89 89 € 9.5 1;2.5; true 5.0"}, {Line, "89 89 € 9.5 1;2.5; true 5.0"}, {Plain, "89.0 89.0 € 9.5 1.0;2.5; true 5.0"},
	} {
		got := render(t, "{{ total }} {{ total | append: ' €' }} {{ price }} {% for x in list %}{{ x }};{% endfor %} {% if total == 89 %}true{% endif %} {{ 10 | divided_by: 2.0 }}", vars, c.mode, Options{})
		if got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
