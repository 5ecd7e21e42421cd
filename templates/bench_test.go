package templates

import (
	"strconv"
	"testing"
)

// tracked makes short addresses, as an engine does.
type tracked struct{}

func (l tracked) AppendClick(dst []byte, n int, url []byte, personal bool) []byte {
	dst = strconv.AppendInt(append(dst, l.Stem()...), int64(n), 10)
	if personal {
		dst = append(append(dst, "?to="...), url...)
	}
	return dst
}
func (tracked) Stem() string        { return "https://go.northwind.example/c/t" }
func (tracked) Numbered(int) bool   { return true }
func (tracked) Open() string        { return "https://go.northwind.example/o/t" }
func (tracked) Unsubscribe() string { return "https://go.northwind.example/u/t" }
func (tracked) Preferences() string { return "https://go.northwind.example/p/t" }
func (tracked) View() string        { return "https://go.northwind.example/v/t" }

const plainMail = `---
subject: "{{ contact.first_name | default: 'Hello' }}, does your bike fit you?"
preheader: Three checks that take five minutes
---
Hi **{{ contact.first_name | default: "there" }}** {{ contact.last_name }},

you live in {{ contact.attributes.city }}. [Read the guide]({{ company.website }}/guides/fit), then
[the routes]({{ company.website }}/routes?from={{ contact.attributes.zip }}).

Yours, {{ company.name }}
`

var benchInput = Input{
	Contact: map[string]any{
		"email": "ana@example.com", "first_name": "Ana", "last_name": "Ruiz",
		"attributes": map[string]any{"city": "Hamburg", "zip": "20457"},
	},
	Company: map[string]any{"name": "Northwind", "address": "Hafenstrasse 12, 20457 Hamburg", "website": "https://northwind.example"},
	Links:   tracked{},
}

// BenchmarkRender is one contact through a Markdown template in the layout
// letter: subject, preheader, HTML and text.
func BenchmarkRender(b *testing.B) {
	set, findings := Compile([]Source{{"plain-mail.md", []byte(plainMail)}}, CompileOptions{})
	for _, f := range findings {
		b.Fatal(f)
	}
	t := set.Template("plain-mail")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := t.Render(benchInput); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCompileMJML is what apply does with one page of MJML: HTML, links,
// text part, programs.
func BenchmarkCompileMJML(b *testing.B) {
	sources := []Source{{"rides.mjml", []byte(mjmlLetter)}, {"partials/price.mjml", []byte("<mj-text>{{ of }}</mj-text>")}, {"partials/note.mjml", []byte("<mj-divider />")}}
	b.ReportAllocs()
	for b.Loop() {
		if _, findings := Compile(sources, CompileOptions{}); len(findings) > 0 {
			b.Fatal(findings)
		}
	}
}
