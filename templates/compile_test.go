package templates

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

// compile compiles files given as path, content, path, content …
func compile(opts CompileOptions, files ...string) (*Set, []Finding) {
	var sources []Source
	for i := 0; i < len(files); i += 2 {
		sources = append(sources, Source{Path: files[i], Data: []byte(files[i+1])})
	}
	return Compile(sources, opts)
}

// mustCompile wants no findings.
func mustCompile(t *testing.T, files ...string) *Set {
	t.Helper()
	set, findings := compile(CompileOptions{}, files...)
	for _, f := range findings {
		t.Error(f)
	}
	if len(findings) > 0 {
		t.FailNow()
	}
	return set
}

func folder(t *testing.T, dir string) (sources []Source) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		sources = append(sources, Source{Path: filepath.ToSlash(rel), Data: data})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sources
}

func ana() map[string]any {
	return map[string]any{
		"email": "ana@example.com", "first_name": "Ana", "stage": "prospect", "language": "en",
		"attributes": map[string]any{"size": "s & m"},
	}
}

func northwind() map[string]any {
	return map[string]any{
		"name": "Northwind Bikes", "address": "Hafenstrasse 12, 20457 Hamburg, Germany",
		"website": "https://northwind.example", "timezone": "Europe/Berlin", "language": "en",
	}
}

// TestGolden renders a real template in the layout of the house, in two languages.
func TestGolden(t *testing.T) {
	set, findings := Compile(folder(t, "testdata/northwind"), CompileOptions{
		Topics: []string{"guides"}, Attributes: map[string]string{"size": "text"},
	})
	for _, f := range findings {
		t.Error(f)
	}
	tmpl := set.Template("fit")
	if tmpl == nil || t.Failed() {
		t.FailNow()
	}
	in := Input{
		Contact: ana(), Company: northwind(), Links: tracked{}, Now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
		Event: map[string]any{"items": []any{
			map[string]any{"name": "Saddle <Pro>", "price": int64(89)}, map[string]any{"name": "Bell", "price": 9.5},
		}},
	}
	for _, c := range []struct{ language, file string }{{"en", "fit"}, {"de-AT", "fit.de"}, {"", "fit"}} {
		in.Language = c.language
		out, err := tmpl.Render(in)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "testdata/"+c.file+".golden.html", out.HTML)
		golden(t, "testdata/"+c.file+".golden.txt", "Subject: "+out.Subject+"\nPreheader: "+out.Preheader+"\n\n"+out.Text)
	}
	var links []string
	for _, l := range tmpl.LinkTable() {
		links = append(links, strings.Join([]string{itoa(l.N), l.URL, map[bool]string{true: "personal"}[l.Personal], map[bool]string{true: "tracked"}[l.Track], l.Label}, " | "))
	}
	want := []string{
		"1 | {{ company.website }} |  | tracked | {{ company.name }}",
		"2 | {{ company.website }}/guides/fit |  | tracked | Read the fit guide",
		`3 | https://northwind.example/size?c={{ contact.email }}&s={{ contact.attributes.size | default: "m" }} | personal | tracked | ask for your size`,
		"4 | https://northwind.example/team |  |  | The team",
		"5 | {{ company.website }} |  | tracked | {{ company.name }}",
		"6 | {{ company.website }}/de/passform |  | tracked | zum Ratgeber",
		"7 | https://northwind.example/team |  |  | The team",
	}
	if !slices.Equal(links, want) {
		t.Errorf("links:\n%s", strings.Join(links, "\n"))
	}
	if url, err := tmpl.LinkURL(2, in); url != "https://northwind.example/guides/fit" || err != nil {
		t.Errorf("link 2 leads to %q, %v", url, err)
	}
	if _, err := tmpl.LinkURL(3, in); err == nil || err.Error() != "template fit: fit.md:1:1: a personal link carries its own address" {
		t.Errorf("link 3: %v", err)
	}
	if _, err := tmpl.LinkURL(8, in); err == nil {
		t.Error("link 8 is there")
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test ./templates -run TestGolden -update writes it anew); got:\n%s", path, got)
	}
}

func TestHashCoversWhatATemplateIsMadeOf(t *testing.T) {
	files := map[string]string{
		"a.md": "---\nsubject: A\nlayout: own\nlanguages: { de: a.de.md }\n---\n{% render 'p' %}\n", "a.de.md": "---\nsubject: B\n---\nHallo\n",
		"layouts/own.html": "{{ content }}{{ unsubscribe_url }}{{ preferences_url }}{{ company.address }}", "partials/p.html": "<p>p</p>",
		"a.txt": "text", "b.md": "---\nsubject: B\n---\nb\n", "partials/q.html": "q",
	}
	hash := func(changed string) string {
		var list []string
		for _, p := range sortedKeys(files) {
			content := files[p]
			if p == changed {
				content += " "
			}
			list = append(list, p, content)
		}
		return mustCompile(t, list...).Template("a").Hash()
	}
	base := hash("")
	for p := range files {
		same := p == "b.md" || p == "partials/q.html"
		if (hash(p) == base) != same {
			t.Errorf("%s: hash changed is %v", p, same)
		}
	}
	if len(base) != 64 {
		t.Errorf("hash %q", base)
	}
}

func TestLanguageFallsBack(t *testing.T) {
	body := func(s string) string { return "---\nsubject: " + s + "\nlayout: plain\n---\nx\n" }
	set := mustCompile(t, "a.md", "---\nsubject: en\nlayout: plain\nlanguages:\n  de: a.de.md\n  pt-BR: a.pt.md\n---\nx\n", "a.de.md", body("de"), "a.pt.md", body("pt"))
	for lang, want := range map[string]string{"": "en", "en": "en", "de": "de", "de-AT": "de", "DE_ch": "de", "pt": "en", "pt-br": "pt", "pt-BR-x": "pt", "d": "en"} {
		out, err := set.Template("a").Render(Input{Contact: ana(), Company: northwind(), Language: lang})
		if err != nil || out.Subject != want {
			t.Errorf("%q: got %q, %v, want %q", lang, out.Subject, err, want)
		}
	}
	if got := set.Template("a").Languages(); !slices.Equal(got, []string{"de", "pt-br"}) {
		t.Error(got)
	}
	if got := set.Names(); !slices.Equal(got, []string{"a"}) {
		t.Error(got)
	}
}

func TestPartialsInMarkdown(t *testing.T) {
	set := mustCompile(t, "a.md", "---\nsubject: Hi\nlayout: bare\n---\nHi\n{% render 'm', who: 'you' %}\n", "layouts/bare.html", bare, "partials/m.md", "Yours, *{{ who }}*\n")
	out, err := set.Template("a").Render(Input{Contact: ana(), Company: northwind()})
	if err != nil || !strings.Contains(out.HTML, "<p>Hi</p>\n<p>Yours, <em>you</em></p>") {
		t.Error(out.HTML, err)
	}
}

func TestKindOfALayout(t *testing.T) {
	set := mustCompile(t, "a.md", "---\nsubject: Hi\nkind: transactional\n---\nYour order is on its way.\n")
	out, err := set.Template("a").Render(Input{Contact: ana(), Company: northwind()})
	if err != nil || strings.Contains(out.HTML, "unsubscribe") || !strings.Contains(out.HTML, "Hafenstrasse") {
		t.Error(out.Text, err)
	}
	if set.Template("a").Kind() != Transactional {
		t.Error("kind")
	}
}
