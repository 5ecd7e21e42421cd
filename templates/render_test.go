package templates

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// bare is a layout with nothing of its own but what the law wants, for tests
// that look at the content.
const bare = "<html><body>{{ content }}<i hidden>" + goodFoot + "</i></body></html>"

// renderBody renders a body in the bare layout and gives what stands in <body>.
func renderBody(t *testing.T, ext, body string, in Input) (html, text string, err error) {
	t.Helper()
	set := mustCompile(t, "a"+ext, "---\nsubject: Hi\nlayout: bare\n---\n"+body, "layouts/bare.html", bare, "partials/row.html", "<b>{{ row.name }}</b>")
	if in.Contact == nil {
		in.Contact = ana()
	}
	if in.Company == nil {
		in.Company = northwind()
	}
	out, err := set.Template("a").Render(in)
	_, html, _ = strings.Cut(out.HTML, "<body>")
	html, _, _ = strings.Cut(html, `<i hidden="">`)
	return strings.TrimSpace(html), out.Text, err
}

func TestMarkdownAndLiquid(t *testing.T) {
	in := Input{
		Contact: map[string]any{
			"email": "a@b.example", "first_name": "**Ana** <script>x</script> [x](https://evil.example)", "stage": "lead",
			"attributes": map[string]any{"likes": []any{"rain", "hills"}, "empty": []any{}},
		},
	}
	name := `**Ana** &lt;script&gt;x&lt;/script&gt; [x](https://evil.example)`
	for _, c := range []struct{ title, body, html, text string }{
		{"rule 24: values are never Markdown", "Hi *{{ contact.first_name }}*!\n", "<p>Hi <em>" + name + "</em>!</p>", "Hi **Ana** <script>x</script> [x](https://evil.example)!\n"},
		{"a paragraph that may be missing", "{% if contact.stage == 'x' %}One *two*{% endif %}\n\nThree\n", "<p>Three</p>", "Three\n"},
		{"a block of its own", "{% if contact.stage == 'lead' %}\n\n## A\n\nb\n{% else %}\nc\n{% endif %}\n\nd\n", "<h2>A</h2>\n<p>b</p>\n\n<p>d</p>", "A\n\nb\n\nd\n"},
		{"branches in a line", "Hi {% if contact.stage == 'lead' %}you{% else %}all{% endif %} there\n", "<p>Hi you there</p>", "Hi you there\n"},
		{"a list from a loop", "{% for l in contact.attributes.likes %}\n- likes {{ l }}\n{% endfor %}\n\nend\n", "<ul>\n<li>likes rain</li>\n\n<li>likes hills</li>\n</ul>\n\n<p>end</p>", "- likes rain\n- likes hills\n\nend\n"},
		{"a loop in a line", "{% for l in contact.attributes.likes %}{{ l }}{% unless forloop.last %}, {% endunless %}{% endfor %}.\n", "<p>rain, hills.</p>", "rain, hills.\n"},
		{"table and strike", "| a | b |\n|---|---|\n| {{ contact.stage | append: '|' }} | ~~x~~ |\n", "<table>\n<thead>\n<tr>\n<th>a</th>\n<th>b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>lead|</td>\n<td><del>x</del></td>\n</tr>\n</tbody>\n</table>", "a | b\nlead| | x\n"},
		{"code", "`{{ contact.stage }}`\n\n```\n{% if contact.stage == 'lead' %}\nx  y\n{% endif %}\n```\n", "<p><code>lead</code></p>\n<pre><code>\nx  y\n\n</code></pre>", ""},
		{"HTML in Markdown", "<div class=\"{% if contact.stage == 'lead' %}a{% endif %}\">{{ contact.stage }}</div>\n", `<div class="a">lead</div>`, "lead\n"},
		{"attribute or not", "<div {% if contact.stage == 'lead' %}class=\"a\"{% endif %}>x</div>\n", `<div class="a">x</div>`, "x\n"},
		{"a partial with data", "{% assign rows = contact.attributes.likes %}{% for l in rows %}{% render 'row', row: contact %}{% endfor %}\n", "", "error: template a: partials/row.html:1:7: row.name has no value (give it a default: {{ row.name | default: \"…\" }})"},
	} {
		t.Run(c.title, func(t *testing.T) {
			html, text, err := renderBody(t, ".md", c.body, in)
			if err != nil {
				text = "error: " + err.Error()
			}
			compact := strings.Join(strings.Fields(html), " ")
			if want := strings.Join(strings.Fields(c.html), " "); strings.ReplaceAll(compact, " class=\"a\" ", " class=\"a\"") != want {
				t.Errorf("html\n got %s\nwant %s", compact, want)
			}
			if c.text != "" && text != c.text {
				t.Errorf("text\n got %q\nwant %q", text, c.text)
			}
		})
	}
}

func TestTextOfHTML(t *testing.T) {
	for _, c := range []struct{ title, body, want string }{
		{"links", `<p><a href="https://a.example/x">See</a>, <a href="https://a.example/">a.example</a>, <a href="mailto:x@y.example">x@y.example</a>, <a href="#top">top</a>, <a href="tel:+49401">call</a></p>`,
			"See <https://a.example/x>, https://a.example/, x@y.example, top, call\n"},
		{"a picture as link", `<a href="https://a.example/"><img src="https://a.example/i.png" alt="Sale"></a>`, "Sale <https://a.example/>\n"},
		{"pictures", `<p>a <img src="x.png" alt="Two bikes"> b <img src="y.png" alt=""></p>`, "a [Two bikes] b\n"},
		{"lists in lists", "<ul><li>a<ul><li>b</li><li>c</li></ul></li><li>d</li></ul><ol><li>e</li><li><p>f</p></li></ol>", "- a\n  - b\n  - c\n- d\n\n1. e\n2. f\n"},
		{"layout table", `<table role="presentation"><tr><td>a</td><td>b</td></tr></table>c`, "a\nb\n\nc\n"},
		{"table of data", `<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>`, "a | b\n1 | 2\n"},
		{"breaks", "<p>a<br>b<br><br>c</p><hr><div>d</div><div>e</div>", "a\nb\n\nc\n\n---\n\nd\ne\n"},
		{"quote", "<blockquote><p>a</p><p>b<br>c</p></blockquote><p>d</p>", "> a\n>\n> b\n> c\n\nd\n"},
		{"hidden", `<p style="display: none">x</p><p aria-hidden="true">y</p><p>z</p><style>p { color: red }</style>`, "z\n"},
		{"blanks", "<p>  a \n <b> b</b> c </p>\n\n\n<p>d</p>", "a b c\n\nd\n"},
		{"entities", "<p>a &amp; b &lt;c&gt; &nbsp;d</p>", "a & b <c> \u00a0d\n"},
		{"a loop over rows", `<table role="presentation">{% for l in event.l %}<tr><td>{{ l }}</td></tr>{% endfor %}</table><p>end</p>`, "1\n2\n\nend\n"},
		{"a loop in a loop over rows", `<table role="presentation">{% for l in event.l %}{% assign x = l %}{% for m in event.l %}<tr><td>{{ x }}{{ m }}</td></tr>{% endfor %}{% endfor %}</table>`, "11\n12\n21\n22\n"},
		{"a loop over bodies", `<table role="presentation">{% for l in event.l %}<tbody><tr><td>{{ l }}</td></tr></tbody>{% endfor %}</table>`, "1\n2\n"},
		{"a loop that is empty", `<p>a</p>{% for l in event.none %}<p>{{ l }}</p>{% endfor %}<p>end</p>`, "a\n\nend\n"},
		{"nothing shown between", `<p>a</p>{% if event.none %}<p>b</p>{% endif %}<p>c</p>`, "a\n\nc\n"},
		{"a variable set where nothing is seen", `<div style="display:none">{% assign x = "y" %}no</div><p>{{ x }}</p>`, "y\n"},
		{"raw HTML of a value", "<p>{{ event.html | raw }}</p>", "a & b\n"},
	} {
		t.Run(c.title, func(t *testing.T) {
			_, text, err := renderBody(t, ".html", c.body, Input{Event: map[string]any{"l": []any{1, 2}, "html": "<b>a</b> &amp; b"}})
			if err != nil {
				t.Fatal(err)
			}
			if text != c.want {
				t.Errorf("got  %q\nwant %q", text, c.want)
			}
		})
	}
}

func TestRenderErrors(t *testing.T) {
	for _, c := range []struct {
		title, body string
		in          Input
		want        string
	}{
		{"a variable without a value", "Hi\n\n{{ contact.last_name }}\n", Input{}, `template a: a.md:7:4: contact.last_name has no value (give it a default: {{ contact.last_name | default: "…" }})`},
		{"a loop without end", "{% for i in (1..1000000000) %}{% for j in (1..1000000000) %}x{% endfor %}{% endfor %}\n", Input{}, "template a: a.md:5:31: the template's loops run more than 100,000 times in all (shorten the list or add limit:)"},
		{"limits", "{% for i in (1..50) %}x{% endfor %}\n", Input{Limits: Limits{Iterations: 40}}, "template a: a.md:5:1: the template's loops run more than 40 times in all (shorten the list or add limit:)"},
		{"a script as address", "[x]({{ event.url }})\n", Input{Event: map[string]any{"url": "javascript:alert(1)"}}, `template a: a.md:5:5: this address begins with "javascript:" (an address begins with https:, http:, mailto: or tel:)`},
		{"a filter", "{{ 1 | divided_by: 0 }}\n", Input{}, "template a: a.md:5:8: divided_by: divided by 0"},
	} {
		t.Run(c.title, func(t *testing.T) {
			_, _, err := renderBody(t, ".md", c.body, c.in)
			var re *RenderError
			if !errors.As(err, &re) || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
	set := mustCompile(t, "a.md", "---\nsubject: \"Hi {{ contact.last_name }}\"\n---\nx\n")
	_, err := set.Template("a").Render(Input{Contact: ana(), Company: northwind()})
	if want := `template a: a.md:2:17: contact.last_name has no value (give it a default: {{ contact.last_name | default: "…" }})`; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestRule24EscapingByPlace(t *testing.T) {
	in := Input{Contact: map[string]any{"email": "a@b.example", "first_name": "<script>alert(1)</script>", "last_name": `" onmouseover="x`, "city": "a&b?c#d"}}
	html, text, err := renderBody(t, ".html", `<p title="{{ contact.last_name }}">{{ contact.first_name }}</p><a href="https://x.example/{{ contact.city }}?c={{ contact.city }}&amp;d=1">x</a>`, in)
	if err != nil {
		t.Fatal(err)
	}
	if want := `<p title="&#34; onmouseover=&#34;x">&lt;script&gt;alert(1)&lt;/script&gt;</p><a href="https://x.example/a&amp;b%3Fc%23d?c=a%26b%3Fc%23d&amp;d=1">x</a>`; html != want {
		t.Errorf("got  %s\nwant %s", html, want)
	}
	if want := "<script>alert(1)</script>\n\nx <https://x.example/a&b%3Fc%23d?c=a%26b%3Fc%23d&d=1>\n"; text != want {
		t.Errorf("got  %q\nwant %q", text, want)
	}
	set := mustCompile(t, "a.md", "---\nsubject: \"Hi {{ contact.first_name }}\"\npreheader: \"<{{ contact.first_name }}>\"\n---\nx\n")
	out, err := set.Template("a").Render(Input{Contact: map[string]any{"email": "a@b.example", "first_name": "A\r\nBcc: x@y.example"}, Company: northwind()})
	if err != nil || out.Subject != "Hi ABcc: x@y.example" || out.Preheader != "<ABcc: x@y.example>" {
		t.Errorf("%+v %v", out, err)
	}
	if !strings.Contains(out.HTML, "<title>Hi ABcc: x@y.example</title>") || !strings.Contains(out.HTML, "&lt;ABcc: x@y.example&gt;") {
		t.Error("the layout does not show subject and preheader")
	}
}

func TestLinksAndPixel(t *testing.T) {
	body := `<p><a href="https://a.example/1" class="x">one</a> <a data-track="off" href="https://a.example/2">two</a>
<a href="mailto:{{ contact.email }}">mail</a> <a href="{{ view_url }}">view</a> <a href="{{ unsubscribe_url }}">stop</a>
{% for l in event.l %}<a href="https://a.example/{{ l }}">{{ l }}</a>{% endfor %}
<a href="{% if contact.stage == 'lead' %}https://a.example/l{% else %}https://a.example/p{% endif %}">by stage</a></p>`
	html, text, err := renderBody(t, ".html", body, Input{Links: tracked{}, Event: map[string]any{"l": []any{"x y", "z"}}})
	if err != nil {
		t.Fatal(err)
	}
	const c = "https://go.northwind.example/c/t"
	want := `<p><a class="x" href="` + c + `1">one</a> <a href="https://a.example/2">two</a>
<a href="mailto:ana@example.com">mail</a> <a href="https://go.northwind.example/v/t">view</a> <a href="https://go.northwind.example/u/t">stop</a>
<a href="` + c + `3?to=https://a.example/x%20y">x y</a><a href="` + c + `3?to=https://a.example/z">z</a>
<a href="` + c + `4?to=https://a.example/p">by stage</a></p>`
	if html != want {
		t.Errorf("got  %s\nwant %s", html, want)
	}
	if want := "one <" + c + "1> two <https://a.example/2> mail <mailto:ana@example.com> view <https://go.northwind.example/v/t> stop <https://go.northwind.example/u/t> x y <" + c + "3?to=https://a.example/x%20y>z <" + c + "3?to=https://a.example/z> by stage <" + c + "4?to=https://a.example/p>\n"; text != want {
		t.Errorf("got  %q\nwant %q", text, want)
	}

	set := mustCompile(t, "a.md", "---\nsubject: Hi\n---\nx\n")
	out, _ := set.Template("a").Render(Input{Contact: ana(), Company: northwind(), Links: tracked{}})
	if want := `<img src="https://go.northwind.example/o/t" alt="" width="1" height="1" style="display:block;border:0"/></body></html>`; !strings.HasSuffix(out.HTML, want) {
		t.Errorf("no pixel: …%s", out.HTML[len(out.HTML)-200:])
	}
	out, _ = set.Template("a").Render(Input{Contact: ana(), Company: northwind()})
	if strings.Contains(out.HTML, "<img") {
		t.Error("a pixel without an address")
	}
}

func TestTextBeside(t *testing.T) {
	set := mustCompile(t, "a.md", "---\nsubject: Hi\n---\n[guide]({{ company.website }}/guide)\n",
		"a.txt", "Hi {{ contact.first_name }},\nread {{ company.website }}/guide. Or https://b.example/?c={{ contact.email }}, or https://b.example/x\n{% render 'sig' %}{{ unsubscribe_url }}\n",
		"partials/sig.txt", "-- {{ company.name }}\n", "partials/sig.html", "<b>no</b>")
	out, err := set.Template("a").Render(Input{Contact: ana(), Company: northwind(), Links: tracked{}})
	if err != nil {
		t.Fatal(err)
	}
	const c = "https://go.northwind.example/c/t"
	want := "Hi Ana,\nread " + c + "2. Or " + c + "3?to=https://b.example/?c=ana%40example.com, or " + c + "4\n-- Northwind Bikes\nhttps://go.northwind.example/u/t\n"
	if out.Text != want {
		t.Errorf("got  %q\nwant %q", out.Text, want)
	}
}

func TestDatesStandInTheZone(t *testing.T) {
	zone := time.FixedZone("x", 2*3600)
	html, _, err := renderBody(t, ".md", "{{ contact.created_at | date: '%H:%M' }} {{ 'now' | date: '%d.%m.' }}\n", Input{
		Now: time.Date(2026, 3, 2, 23, 0, 0, 0, time.UTC), Zone: zone,
		Contact: map[string]any{"email": "a@b.example", "created_at": time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)},
	})
	if err != nil || html != "<p>10:00 03.03.</p>" {
		t.Error(html, err)
	}
}

// A company without a website, however the caller says so, gets no empty link.
func TestLetterWithoutWebsite(t *testing.T) {
	set := mustCompile(t, "a.md", "---\nsubject: Hi\n---\nx\n")
	for _, website := range []any{nil, ""} {
		company := northwind()
		company["website"] = website
		out, err := set.Template("a").Render(Input{Contact: ana(), Company: company})
		if err != nil || strings.Contains(out.HTML, `href=""`) || !strings.HasPrefix(out.Text, "Northwind Bikes\n") {
			t.Errorf("%q: %v\n%s", website, err, out.Text)
		}
	}
}
