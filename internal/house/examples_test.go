package house

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rapport/templates"
)

// people are the contacts that every template of an example is rendered for:
// one of whom everything is known, one of whom hardly anything is.
var people = map[string]templates.Input{
	"known": {
		Contact: map[string]any{
			"email": "ana@example.com", "first_name": "Ana", "last_name": "Lind", "name": "Ana Lind", "language": "en",
			"stage": "client", "health": "at-risk", "id": int64(7), "country": "DE", "city": "Hamburg", "bike": "e-bike",
			"likes": []any{"commuting"}, "birthday": "1988-05-03", "next_service": "2026-04-10",
		},
		Event: map[string]any{"name": "order.placed", "total": 1890.5, "item": "city bike kit", "category": "bike", "items": []any{
			map[string]any{"name": "Ferry 7 <e-bike>", "price": 1850.0, "quantity": 1.0},
			map[string]any{"name": "Ship's bell", "price": 20.0, "quantity": 2.0},
		}},
	},
	"unknown": {Contact: map[string]any{"email": "b@example.com", "stage": "stranger", "health": "none"}},
	"german":  {Contact: map[string]any{"email": "c@example.com", "language": "de-AT", "stage": "prospect", "country": "AT", "bike": "cargo"}},
}

func TestEveryTemplateOfTheExamplesRenders(t *testing.T) {
	for _, dir := range examples(t) {
		var sources []templates.Source
		root := filepath.Join(dir, "templates")
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			rel, _ := filepath.Rel(root, path)
			sources = append(sources, templates.Source{Path: filepath.ToSlash(rel), Data: data})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		set, findings := templates.Compile(sources, templates.CompileOptions{})
		for _, f := range findings {
			t.Errorf("%s", f)
		}
		for _, name := range set.Names() {
			for who, in := range people {
				in.Company = map[string]any{"name": "Northwind Bikes", "address": "Hafenstrasse 12", "website": "https://northwind.example", "language": "en"}
				in.Campaign = map[string]any{"name": "test"}
				in.Now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
				out, err := set.Template(name).Render(in)
				if err != nil {
					t.Errorf("%s for %s: %v", name, who, err)
					continue
				}
				if os.Getenv("SHOW") != "" {
					t.Logf("=== %s for %s\nSubject: %s\n%s\n%s", name, who, out.Subject, out.Preheader, out.Text)
				}
				if strings.Contains(out.Text, "{%") || strings.Contains(out.HTML, "{{") {
					t.Errorf("%s for %s: Liquid is left over", name, who)
				}
			}
		}
	}
}

// examples lists the folders of the examples.
func examples(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("../../examples/*/rapport.yaml")
	if err != nil || len(found) == 0 {
		t.Fatalf("no examples found (%v)", err)
	}
	for i, file := range found {
		found[i] = filepath.Dir(file)
	}
	return found
}
