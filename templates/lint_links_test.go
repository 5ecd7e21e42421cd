package templates

import (
	"fmt"
	"slices"
	"testing"
)

// Addresses are those of the web, each once, and none of our own.
func TestAddresses(t *testing.T) {
	text := "---\nsubject: Two rides\nlanguages: { de: a.de.md }\n---\n[a](https://x.example/a) [again](https://x.example/a) [b]({{ company.website }}/b) ![c](https://x.example/c.png)\n\n" +
		"[d](mailto:a@x.example) [e](/broken) [f]({{ view_url }}) [g]({{ survey_url }}) [h]({{ referral_url }}) [i]({{ confirm_url }})\n"
	german := "---\nsubject: Zwei Touren\n---\n[a](https://x.example/a) [j](https://x.example/j)\n"
	in := LintInput{Known: Input{Contact: ana(), Company: northwind()}, Stranger: Input{Contact: map[string]any{"email": "b@example.com"}, Company: northwind()},
		Source: func(file string) string { return map[string]string{"a.md": text, "a.de.md": german}[file] }}
	var got []string
	for _, a := range mustCompile(t, "a.md", text, "a.de.md", german).Template("a").Addresses(in) {
		got = append(got, fmt.Sprintf("%s:%d:%d %s", a.File, a.Line, a.Column, a.URL))
	}
	want := []string{"a.md:1:1 https://northwind.example", "a.md:5:5 https://x.example/a", "a.md:5:80 https://northwind.example/b", "a.md:5:89 https://x.example/c.png",
		"a.de.md:4:30 https://x.example/j"}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}
