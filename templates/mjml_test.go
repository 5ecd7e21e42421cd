package templates

import (
	"bytes"
	"io"
	"mime/quotedprintable"
	"slices"
	"strings"
	"testing"
)

const mjmlLetter = `---
subject: "{{ contact.first_name }}, the autumn rides"
preheader: Three loops & a bakery
---
<mjml>
  <mj-head>
    <mj-attributes><mj-text font-size="16px" /></mj-attributes>
    <mj-style>.late { color: {{ event.color | default: "red" }} }</mj-style>
  </mj-head>
  <mj-body background-color="{{ event.back | default: '#eee' }}">
    {% if contact.stage == "prospect" %}
    <mj-section css-class="{{ contact.stage }}">
      <mj-column>
        <mj-text>Hello {{ contact.first_name }}, {% if contact.attributes.size %}size {{ contact.attributes.size }}{% else %}no size{% endif %}</mj-text>
        <mj-button href="{{ company.website }}/rides?to={{ contact.email }}">See <b>all</b></mj-button>
      </mj-column>
    </mj-section>
    {% else %}
    <mj-section><mj-column><mj-text>Nobody</mj-text></mj-column></mj-section>
    {% endif %}
    <mj-section>
      {% for ride in event.rides %}
      <mj-column>
        <mj-image src="https://img.example/{{ ride }}.png" alt="{{ ride }}" href="https://northwind.example/r/{{ ride }}" />
        {% render "price", of: ride %}
        {% render "note" %}
      </mj-column>
      {% endfor %}
    </mj-section>
    <mj-include path="footer.mjml" />
  </mj-body>
</mjml>
`

func TestMJML(t *testing.T) {
	set := mustCompile(t, "rides.mjml", mjmlLetter,
		"partials/price.mjml", `<mj-text color="#0b6b4f">{{ of }} is free</mj-text>`, "partials/note.mjml", "<mj-divider />")
	tmpl := set.Template("rides")
	out, err := tmpl.Render(Input{Contact: ana(), Company: northwind(), Links: tracked{}, Event: map[string]any{"rides": []any{"elbe", "al\"ster"}, "back": "#abc"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`<title>Ana, the autumn rides</title>`, `<html lang="en"`, `>Three loops &amp; a bakery</div>`, `background-color:#abc`,
		`.late { color: red }`, `class="prospect"`, `class="prospect-outlook"`, `Hello Ana, size s &amp; m`,
		`href="https://go.northwind.example/c/t1?to=https://northwind.example/rides?to=ana%40example.com"`, `alt="al&#34;ster"`,
		`elbe is free`, `font-size:16px`, `Unsubscribe</a>`, `https://go.northwind.example/o/t`,
	} {
		if !strings.Contains(out.HTML, want) {
			t.Errorf("the HTML lacks %s", want)
		}
	}
	for _, bad := range []string{"Nobody", "{%", "{{", "lq0x", "mj-text"} {
		if strings.Contains(out.HTML, bad) {
			t.Errorf("the HTML has %s", bad)
		}
	}
	if t.Failed() {
		t.Log(out.HTML)
	}
	wantText := `Hello Ana, size s & m

See all <https://go.northwind.example/c/t1?to=https://northwind.example/rides?to=ana%40example.com>

elbe <https://go.northwind.example/c/t2?to=https://northwind.example/r/elbe>

elbe is free

al"ster <https://go.northwind.example/c/t2?to=https://northwind.example/r/al%22ster>
`
	if !strings.HasPrefix(out.Text, wantText) {
		t.Errorf("the text is\n%s\nand should begin with\n%s", out.Text, wantText)
	}
	if out.Subject != "Ana, the autumn rides" || out.Preheader != "Three loops & a bakery" {
		t.Errorf("subject %q, preheader %q", out.Subject, out.Preheader)
	}
}

// What goes out in quoted-printable is the same mail.
func TestMJMLQuoted(t *testing.T) {
	set := mustCompile(t, "rides.mjml", mjmlLetter,
		"partials/price.mjml", `<mj-text color="#0b6b4f">{{ of }} is free</mj-text>`, "partials/note.mjml", "<mj-divider />")
	in := Input{Contact: ana(), Company: northwind(), Links: tracked{}, Event: map[string]any{"rides": []any{"elbe"}}}
	out, err := set.Template("rides").Render(in)
	if err != nil {
		t.Fatal(err)
	}
	f, err := set.Template("rides").Fill(&in)
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.AppendHTML(nil)
	if err != nil {
		t.Fatal(err)
	}
	read, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(got)))
	if err != nil {
		t.Fatal(err)
	}
	if read := strings.ReplaceAll(string(read), "\r\n", "\n"); read != out.HTML {
		t.Errorf("got\n%s\nwant\n%s", read, out.HTML)
	}
}

func TestMJMLIncludes(t *testing.T) {
	set := mustCompile(t, "a.mjml", "---\nsubject: Hi\nlanguages: { de: a.de.mjml }\n---\n"+`<mjml>
<mj-head><mj-include path="look.mjml" /></mj-head>
<mj-body>
<mj-include path="./partials/hello.mjml" />
<mj-include path="note.html" />
<mj-include path="hours" type="html" />
<mj-include path="mail.css" css-inline="inline" />
<mj-include path="later.css" type="css"></mj-include>
{% include "footer" %}
</mj-body></mjml>`,
		"a.de.mjml", "---\nsubject: Hallo\n---\n<mjml><mj-body><mj-include path=\"footer.mjml\" /></mj-body></mjml>",
		"partials/look.mjml", `<mjml><mj-head><mj-attributes><mj-text color="#123456" /></mj-attributes></mj-head></mjml>`,
		"partials/hello.mjml", `<mj-section><mj-column><mj-text css-class="hello">Hello {{ contact.first_name }}</mj-text><mj-include path="deep" /></mj-column></mj-section>`,
		"partials/deep.mjml", `<mjml><mj-head><mj-title>From the deep</mj-title></mj-head><mj-body><mj-text>deep</mj-text></mj-body></mjml>`,
		"partials/note.html", `<p class="note">a note for {{ contact.first_name }}</p>`,
		"partials/hours.md", "Open **always**\n",
		"partials/mail.css", ".note { color: {{ event.color }} }", "partials/later.css", ".hello { top: 0 }",
		"partials/own.txt", "not read")
	out, err := set.Template("a").Render(Input{Contact: ana(), Company: northwind(), Event: map[string]any{"color": "#00f"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`color:#123456`, "Hello Ana", ">deep</div>", "<title>From the deep</title>",
		`<p class="note" style="color:#00f">a note for Ana</p>`, "<strong>always</strong>", ".hello { top: 0 }", "Hafenstrasse 12"} {
		if !strings.Contains(out.HTML, want) {
			t.Errorf("the HTML lacks %s:\n%s", want, out.HTML)
		}
	}
	out, err = set.Template("a").Render(Input{Contact: ana(), Company: northwind(), Language: "de"})
	if err != nil || !strings.Contains(out.Text, "Abmelden") || !strings.Contains(out.HTML, `<html lang="de"`) {
		t.Errorf("%v: %s", err, out.Text)
	}
}

// A change of an included file is a change of the template.
func TestMJMLHash(t *testing.T) {
	hash := func(footer string) string {
		files := []string{"a.mjml", mjmlFile(`<mj-include path="footer" />`), "partials/footer.mjml", footer}
		return mustCompile(t, files...).Template("a").Hash()
	}
	const footer = `<mj-section><mj-column><mj-text>{{ company.address }} {{ unsubscribe_url }} {{ preferences_url }}</mj-text></mj-column></mj-section>`
	if hash(footer) == hash(footer+"<!-- -->") || hash(footer) != hash(footer) {
		t.Error("the hash does not follow the included file")
	}
}

// mjmlFile is a template with this body.
func mjmlFile(body string) string {
	return "---\nsubject: Hi\n---\n<mjml><mj-body>" + body + "</mj-body></mjml>\n"
}

// The text part has what a reader sees, once.
func TestMJMLText(t *testing.T) {
	set := mustCompile(t, "a.mjml", `---
subject: Hi
kind: transactional
---
<mjml><mj-body><mj-section><mj-column>
<mj-navbar base-url="https://x.example" hamburger="hamburger"><mj-navbar-link href="/a">A</mj-navbar-link><mj-navbar-link href="/b">B</mj-navbar-link></mj-navbar>
<mj-text>One<br>line</mj-text><mj-spacer /><mj-divider />
<mj-carousel><mj-carousel-image src="https://x.example/1.png" alt="first" /><mj-carousel-image src="https://x.example/2.png" alt="second" /></mj-carousel>
<mj-accordion><mj-accordion-element><mj-accordion-title>Why?</mj-accordion-title><mj-accordion-text>So.</mj-accordion-text></mj-accordion-element></mj-accordion>
<mj-table><tr><th>Thing</th><th>Price</th></tr><tr><td>Bell</td><td>9</td></tr></mj-table>
<mj-social><mj-social-element name="web" href="https://x.example/s">Site</mj-social-element><mj-social-element name="github" href="https://x.example/g" /></mj-social>
</mj-column><mj-column><mj-image src="https://x.example/3.png" alt="a bike" href="https://x.example/bike" /><mj-raw><tr><td>raw</td></tr></mj-raw></mj-column></mj-section></mj-body></mjml>`)
	out, err := set.Template("a").Render(Input{Contact: ana(), Company: northwind()})
	if err != nil {
		t.Fatal(err)
	}
	want := `A <https://x.example/a> B <https://x.example/b>

One
line

[first]

Why?

So.

Thing | Price
Bell | 9

Site <https://x.example/s>

https://x.example/g

a bike <https://x.example/bike>

raw
`
	if out.Text != want {
		t.Errorf("got\n%s\nwant\n%s", out.Text, want)
	}
}

func TestMJMLFindings(t *testing.T) {
	foot := `<mj-include path="footer" />`
	column := func(inner string) string {
		return mjmlFile("<mj-section><mj-column>" + inner + "</mj-column></mj-section>" + foot)
	}
	for _, c := range []struct {
		title string
		files []string
		want  []string
	}{
		{"all of a page at once", []string{"a.mjml", "---\nsubject: Hi {{ contact.x }}\n---\n<mjml>\n<mj-body>\n{{ contact.first_name }}<mj-secton>\n<mj-column colour=\"red\" />\n</mj-secton>\n" + foot + "</mj-body></mjml>"}, []string{
			`a.mjml:2:16: there is no contact.x (known are id, email, first_name, last_name, name, language, timezone, stage, health, created_at, attributes, points, tier, benefits)`,
			`a.mjml:6:25: there is no tag <mj-secton> (did you mean mj-section?)`,
			`a.mjml:7:12: <mj-column> has no attribute colour (known are background-color, border, border-radius, direction, inner-background-color, inner-border, inner-border-radius, padding, vertical-align, width)`,
		}},
		{"in a partial, behind Liquid", []string{"a.mjml", mjmlFile(`{% render "p" %}` + foot), "partials/p.mjml", "<mj-section>\n {% if contact.x %}<mj-colum />{% endif %}\n</mj-section>"}, []string{
			`partials/p.mjml:2:8: there is no contact.x (known are id, email, first_name, last_name, name, language, timezone, stage, health, created_at, attributes, points, tier, benefits)`,
			`partials/p.mjml:2:20: there is no tag <mj-colum> (did you mean mj-column?)`,
		}},
		{"no partial", []string{"a.mjml", mjmlFile(`<mj-include path="../secrets.mjml" /><mj-include path="foter.mjml" />`)}, []string{
			`a.mjml:4:28: there is no partial "../secrets.mjml" (it must be a file in partials/)`,
			`a.mjml:4:65: there is no partial "foter.mjml" (did you mean footer.mjml?)`,
		}},
		{"a partial of MJML among text", []string{"a.mjml", column(`<mj-text>{% render "p" %}</mj-text>`), "partials/p.mjml", "<mj-divider />"}, []string{
			`a.mjml:4:48: there is no partial "p" (partials/p.mjml is MJML: it stands between the tags of MJML, not in their text)`,
		}},
		{"a circle", []string{"a.mjml", mjmlFile(`<mj-include path="p" />`), "partials/p.mjml", `{% render "p" %}`}, []string{
			`partials/p.mjml:1:1: partials/p.mjml includes itself`,
		}},
		{"liquid between attributes", []string{"a.mjml", column(`<mj-text {% if contact.stage %}color="red"{% endif %}>x</mj-text>`)}, []string{
			`a.mjml:4:48: Liquid cannot choose between the attributes of an MJML tag (put it inside the quotes of an attribute, or write the tag twice)`,
			`a.mjml:4:81: Liquid cannot choose between the attributes of an MJML tag (put it inside the quotes of an attribute, or write the tag twice)`,
		}},
		{"liquid in a size", []string{"a.mjml", column(`<mj-image src="x" width="{{ event.w }}px" />`)}, []string{
			`a.mjml:4:57: width of <mj-image> cannot be filled in later (the layout is worked out before the mail is for anybody: write the value out, or choose between two tags)`,
		}},
		{"liquid where the count decides", []string{"a.mjml", column(`<mj-carousel>{% for i in event.list %}<mj-carousel-image src="{{ i }}" />{% endfor %}</mj-carousel>`)}, []string{
			`a.mjml:4:52: nothing can be filled in later in <mj-carousel> (the layout is worked out before the mail is for anybody)`,
			`a.mjml:4:112: nothing can be filled in later in <mj-carousel> (the layout is worked out before the mail is for anybody)`,
		}},
		{"a layout", []string{"a.mjml", "---\nsubject: Hi\nlayout: plain\n---\n<mjml><mj-body>" + foot + "</mj-body></mjml>"}, []string{
			`a.mjml:3:9: MJML is a whole page and stands in no layout (take layout out; what several templates share stands in partials/ and comes in by mj-include)`,
		}},
		{"no footer", []string{"a.mjml", mjmlFile(`<mj-section><mj-column><mj-text>{{ company.address }}</mj-text></mj-column></mj-section>`)}, []string{
			`a.mjml:1:1: the mail has no link to the preferences (write {{ preferences_url }} into the template or include the footer of the house, <mj-include path="footer.mjml" />, or kind: transactional into the front matter if it is no marketing)`,
			`a.mjml:1:1: the mail has no unsubscribe link (write {{ unsubscribe_url }} into the template or include the footer of the house, <mj-include path="footer.mjml" />, or kind: transactional into the front matter if it is no marketing)`,
		}},
		{"no subject", []string{"a.mjml", "<mjml><mj-body>" + foot + "</mj-body></mjml>"}, []string{
			`a.mjml:1:1: the template has no subject (write subject: between --- lines at the top)`,
		}},
		{"a block over two columns", []string{"a.mjml", column(`{% if contact.stage %}</mj-column><mj-column>{% endif %}`)}, []string{
			`a.mjml:4:39: the parts of this {% if %} stand in different HTML elements (begin and end every element inside one branch; {% endif %} is on line 4)`,
		}},
		{"contact data in a host", []string{"a.mjml", column(`<mj-button href="https://{{ contact.stage }}.example/">x</mj-button>`)}, []string{
			`a.mjml:4:67: contact.stage stands in the scheme or host of a link (write the host out: contact data may stand in the path and the query only)`,
		}},
	} {
		t.Run(c.title, func(t *testing.T) {
			_, findings := compile(CompileOptions{Attributes: map[string]string{}}, c.files...)
			var got []string
			for _, f := range findings {
				got = append(got, f.String())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}
