package templates

import (
	"strings"
	"testing"
)

func TestInlineStyles(t *testing.T) {
	for _, c := range []struct{ title, css, html, want, kept string }{
		{"element, class, id", "p { color: red } .a { margin: 0 } #b { padding: 1px }", `<p class="a" id="b">x</p>`, `<p class="a" id="b" style="color:red;margin:0;padding:1px">x</p>`, ""},
		{"specificity", "#b { color: blue } .a { color: green } p { color: red }", `<p class="a" id="b">x</p>`, `<p class="a" id="b" style="color:blue">x</p>`, ""},
		{"order", ".a { color: green } .b { color: red }", `<p class="b a">x</p>`, `<p class="b a" style="color:red">x</p>`, ""},
		{"the attribute wins", "#b { color: blue; margin: 0 }", `<p id="b" style="color:red">x</p>`, `<p id="b" style="margin:0;color:red">x</p>`, ""},
		{"important wins over the attribute", "p { color: blue !important }", `<p style="color:red;margin:0">x</p>`, `<p style="margin:0;color:blue">x</p>`, ""},
		{"important in the attribute", "p { color: blue !important }", `<p style="color:red !important">x</p>`, `<p style="color:red">x</p>`, ""},
		{"important among rules", "#b { color: red } p { color: blue ! important }", `<p id="b">x</p>`, `<p id="b" style="color:blue">x</p>`, ""},
		{"shorthands keep their order", "p { margin: 0 } .a { margin-top: 5px } #b { margin: 1px }", `<p class="a" id="b">x</p>`, `<p class="a" id="b" style="margin-top:5px;margin:1px">x</p>`, ""},
		{"combinators", "div > p { color: red } div p + b { color: blue } p:first-child { margin: 0 } a[href^=https] { top: 0 }", `<div><p>x</p><b>y</b></div>`, `<div><p style="color:red;margin:0">x</p><b style="color:blue">y</b></div>`, ""},
		{"lists of selectors", "h1, h2.a , p{color:red;;}", `<h1>x</h1><h2>y</h2>`, `<h1 style="color:red">x</h1><h2>y</h2>`, ""},
		{"media queries stay", "@media (max-width: 5px) { p { color: red !important } } p { color: blue }", `<p>x</p>`, `<p style="color:blue">x</p>`, "@media (max-width: 5px) { p { color: red !important } }"},
		{"states stay", "a { color: red } a:hover, b::before, p { color: blue }", `<p>x</p>`, `<p style="color:blue">x</p>`, "a:hover, b::before { color: blue }"},
		{"other rules stay", "@import url('x;y.css'); @font-face { font-family: x } p { a: b }", `<p>x</p>`, `<p style="a:b">x</p>`, "@import url('x;y.css');\n@font-face { font-family: x }"},
		{"texts and comments", `/* } */ p { content: "a;b}c"; background: url(data:image/png;base64,x) } /* x`, `<p>x</p>`, `<p style="content:&#39;a;b}c&#39;;background:url(data:image/png;base64,x)">x</p>`, ""},
		{"liquid in values", "p { color: {{ event.color }} }", `<p style="margin:{{ event.m }}px">x</p>`, `<p style="color:#ff0000;margin:3px">x</p>`, ""},
		{"liquid that decides", "p { color: red }", `<p style="{% if event.m == 3 %}margin:0{% endif %}">x</p>`, `<p style="color:red;margin:0">x</p>`, ""},
		{"a sheet that decides", "{% if event.m == 3 %}p { color: red }{% endif %}", `<p>x</p>`, `<p>x</p>`, "p { color: red }"},
		{"unclosed", "p { color: red", `<p>x</p>`, `<p style="color:red">x</p>`, ""},
	} {
		t.Run(c.title, func(t *testing.T) {
			set := mustCompile(t, "a.html", "---\nsubject: Hi\nlayout: none\n---\n<html><head><style>"+c.css+"</style></head><body>"+c.html+"<i>"+goodFoot+"</i></body></html>")
			out, err := set.Template("a").Render(Input{Contact: ana(), Company: northwind(), Event: map[string]any{"color": "#ff0000", "m": 3}})
			if err != nil {
				t.Fatal(err)
			}
			_, body, _ := strings.Cut(out.HTML, "<body>")
			body, _, _ = strings.Cut(body, "<i>")
			if body != c.want {
				t.Errorf("got  %s\nwant %s", body, c.want)
			}
			kept := ""
			if _, rest, ok := strings.Cut(out.HTML, "<style>"); ok {
				kept, _, _ = strings.Cut(rest, "</style>")
			}
			if strings.TrimSpace(kept) != c.kept {
				t.Errorf("kept %q, want %q", kept, c.kept)
			}
		})
	}
}
