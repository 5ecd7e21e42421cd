package templates

import "testing"

// Compile never panics, whatever the files hold; what has no findings renders
// or says where it cannot.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{
		"Hi {{ contact.first_name }}\n", "{% for a in event.l %}\n- {{ a }}\n{% endfor %}\n", "<table>{% if event.x %}<tr><td>{% endif %}</table>",
		"[a](https://x.example/{{ contact.email }}) **{{ a", "<style>p { color: {{ event.c }} } @media x { a }</style><p style='{% if a %}b{% endif %}'>",
		"| a |\n|---|\n| {% render 'p' %} |\n", "<a href={{ event.x }} {% if a %}b{% endif %}>x</a><!-- {{ event.y }} -->", "<p>{% if event.x %}a{% endif %}</p><ul>{% for x in event.l %}<li>{{ x }}{% endfor %}",
		`<mjml><mj-head><mj-style inline="inline">.a{color:{{event.c}}}</mj-style></mj-head>{% if event.x %}<mj-body>{% render "m" %}<mj-section css-class="{{ event.x }}"><mj-column>{% for x in event.l %}<mj-text>{{ x }}</mj-text>{% endfor %}</mj-column></mj-section></mj-body></mjml>{% endif %}`,
		`<mjml><mj-body><mj-section><mj-column><mj-button href="https://x.example/{{ event.x }}" background-color="{{ event.c }}">a</mj-button><mj-image src={{ event.x }} {% if a %}alt="b"{% endif %}></mj-column></mj-section></mj-body></mjml>`,
		"https://x.example/{{ unsubscribe_url }}. {{ company.website }}/x) lq0x1z <!--lq0x0z-->",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		front := "---\nsubject: Hi\n---\n"
		set, _ := compile(CompileOptions{}, "a.md", front+body, "b.html", front+body, "b.txt", body, "c.md", body, "d.mjml", front+body, "partials/m.mjml", body, "partials/p.html", body, "layouts/l.html", body)
		for _, name := range set.Names() {
			tmpl := set.Template(name)
			_, _ = tmpl.Render(Input{
				Contact: ana(), Company: northwind(), Links: tracked{}, Limits: Limits{Steps: 20_000, Iterations: 1_000},
				Event: map[string]any{"l": []any{"x", 1}, "x": "y", "c": "red"},
			})
			for _, l := range tmpl.LinkTable() {
				_, _ = tmpl.LinkURL(l.N, Input{Company: northwind()})
			}
		}
	})
}
