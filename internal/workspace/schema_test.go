package workspace

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"rapport/internal/strict"
)

// read gives the files of a folder below testdata, or of the starter.
func readFiles(t *testing.T, fsys fs.FS, root string) []File {
	t.Helper()
	var files []File
	err := fs.WalkDir(fsys, root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, p)
		files = append(files, File{strings.TrimPrefix(p, root+"/"), data})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// validWorkspaces are all there are to hold against the schemas.
func validWorkspaces(t *testing.T) map[string][]File {
	t.Helper()
	all := map[string][]File{"starter": readFiles(t, starter, "starter")}
	entries, err := os.ReadDir("testdata/valid")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all[e.Name()] = readFiles(t, os.DirFS("testdata/valid"), e.Name())
	}
	for _, e := range foldersOf(t, "../../examples") {
		all["examples/"+e] = readFiles(t, os.DirFS("../../examples"), e)
	}
	for _, folder := range []string{"../../docs/recipes", "../../docs/language"} {
		maps.Copy(all, shownOn(t, folder))
	}
	return all
}

func foldersOf(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

var fileInPage = regexp.MustCompile("(?ms)^```(?:yaml\n# ([a-z]+/[a-z0-9-]+\\.yaml|relationship\\.yaml|rapport\\.yaml)|markdown (templates/[^ \n]+))\n(.*?)^```$")

// needed completes the parts of rapport.yaml that pages show.
var needed = map[string]string{"company": "company: { name: A, address: B }\n", "senders": "senders: { hello: { from: hello@northwind.example } }\n"}

// shownOn are the files that the pages of a folder show, each page by itself.
func shownOn(t *testing.T, folder string) map[string][]File {
	t.Helper()
	pages, err := filepath.Glob(folder + "/*.md")
	if err != nil || len(pages) < 8 {
		t.Fatalf("there are %d pages in %s (%v)", len(pages), folder, err)
	}
	all := map[string][]File{}
	for _, page := range pages {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range fileInPage.FindAllStringSubmatch(string(data), -1) {
			text := m[3]
			for key, line := range needed {
				if m[1] == mainFile && !regexp.MustCompile(`(?m)^`+key+`:`).MatchString(text) {
					text += line
				}
			}
			all[filepath.Base(page)] = append(all[filepath.Base(page)], File{m[1] + m[2], []byte(text)})
		}
	}
	return all
}

// kindOf is the schema of a file and the YAML in it.
func kindOfFile(f File) (kind string, data []byte) {
	dir, base := path.Split(f.Path)
	switch {
	case f.Path == mainFile:
		return "rapport", f.Data
	case f.Path == relationshipFile:
		return "relationship", f.Data
	case dir == segmentsDir+"/":
		return "segment", f.Data
	case dir == campaignsDir+"/":
		return "campaign", f.Data
	case dir == testsDir+"/":
		return "tests", f.Data
	case dir == templatesDir+"/" && strings.HasPrefix(string(f.Data), "---\n") && path.Ext(base) != ".txt":
		front, _, _ := bytes.Cut(bytes.TrimPrefix(f.Data, []byte("---\n")), []byte("\n---\n"))
		return "template", front
	}
	return "", nil
}

func compiled(t *testing.T, kind string) *jsonschema.Schema {
	t.Helper()
	data, err := Schema(kind)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(kind+".json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(kind + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// plainValue turns YAML into what a JSON Schema is held against, as editors do.
func plainValue(t *testing.T, data []byte) any {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal(data, &n); err != nil {
		t.Fatal(err)
	}
	var walk func(n *yaml.Node) any
	walk = func(n *yaml.Node) any {
		switch n.Kind {
		case yaml.DocumentNode:
			return walk(n.Content[0])
		case yaml.MappingNode:
			m := map[string]any{}
			for i := 0; i+1 < len(n.Content); i += 2 {
				m[n.Content[i].Value] = walk(n.Content[i+1])
			}
			return m
		case yaml.SequenceNode:
			list := []any{}
			for _, item := range n.Content {
				list = append(list, walk(item))
			}
			return list
		}
		switch n.ShortTag() {
		case "!!int", "!!float":
			return json.Number(n.Value)
		case "!!bool":
			return n.Value == "true"
		case "!!null":
			return nil
		}
		return n.Value
	}
	return walk(&n)
}

func TestSchemasAcceptWhatIsValid(t *testing.T) {
	seen, schemas := map[string]int{}, map[string]*jsonschema.Schema{}
	for name, files := range validWorkspaces(t) {
		for _, f := range files {
			kind, data := kindOfFile(f)
			if kind == "" {
				continue
			}
			if seen[kind]++; schemas[kind] == nil {
				schemas[kind] = compiled(t, kind)
			}
			if err := schemas[kind].Validate(plainValue(t, data)); err != nil {
				t.Errorf("%s/%s: %v", name, f.Path, err)
			}
		}
	}
	for _, kind := range Kinds {
		if seen[kind] == 0 {
			t.Errorf("no example of the schema %s", kind)
		}
	}
}

func TestSchemasRefuseWhatIsWrong(t *testing.T) {
	for kind, texts := range map[string][]string{
		"rapport": {
			"companyy: {}", "company: { name: A, address: B }", "company: { name: A, address: B }\nsenders: { a: {} }",
			"company: { name: A, address: B }\nsenders: { a: { from: a@b.c } }\ndelivery: alive",
		},
		"relationship": {"ladder: [ { when: { event: x } } ]", "ladder: [ { stage: a, wen: { event: x } } ]"},
		"segment":      {"segment: a", "segment: A B\nwhere: { event: x }", "segment: a\nwhere: { evnt: x }", "segment: a\nwhere: { event: x, in_last: 3 days }"},
		"campaign":     {"campaign: a\nstart: { once: 2026-12-01 09:00 }", "campaign: a\nstart: {}\nsteps: [ { sned: b } ]", "campaign: a\nstart: {}\nsteps: [ {} ]"},
		"template":     {"preheader: x", "subject: x\nlayot: y"},
		"tests":        {"scenario: []", "scenarios: [ { name: a } ]"},
	} {
		s := compiled(t, kind)
		for _, text := range texts {
			if s.Validate(plainValue(t, []byte(text))) == nil {
				t.Errorf("%s accepts %q", kind, text)
			}
		}
	}
	if _, err := Schema("campain"); err == nil || err.Error() != `there is no schema "campain", there are rapport, relationship, segment, campaign, template, tests; did you mean "campaign"?` {
		t.Error(err)
	}
}

// The keys that the reader asks a map for are the keys that the schema has at
// that place, neither more nor fewer.
func TestSchemasHaveTheKeysThatAreRead(t *testing.T) {
	checked, roots := map[string]bool{}, map[string]map[string]any{}
	for _, files := range validWorkspaces(t) {
		var findings strict.Findings
		findings.Keys = func(file, path string, keys []string) {
			kind, _ := kindOfFile(File{Path: file})
			if kind == "" {
				return
			}
			if roots[kind] == nil {
				roots[kind] = schemaTree(t, kind)
			}
			if err := sameKeys(roots[kind], path, keys); err != nil {
				t.Errorf("%s %s: %v", file, path, err)
			}
			checked[kind+path] = true
		}
		decode(files, nil, func(name string) (string, bool) { return "https://" + name + ".example", true }, &findings)
	}
	for _, place := range []string{
		"rapport", "rapport.company", "rapport.providers.main.smtp", "rapport.limits.guard.bounces", "rapport.senders.mia.dkim",
		"campaign", "campaign.start", "campaign.steps[].split.arms[]", "campaign.deliver.window", "segment.where[]", "segment.where.any[]",
		"relationship.ladder[]", "relationship.programs.loyalty.tiers[]", "tests.scenarios[].steps[]", "tests.scenarios[].contact",
	} {
		if !checked[place] {
			t.Errorf("no example reaches %s", place)
		}
	}
}

func schemaTree(t *testing.T, kind string) map[string]any {
	t.Helper()
	data, err := Schema(kind)
	if err != nil {
		t.Fatal(err)
	}
	var root map[string]any
	if err := json.Unmarshal(data, &root); err != nil {
		t.Fatal(err)
	}
	return root
}

// sameKeys compares keys with the schema's at a path. Conditions have one set of
// keys per head, so that any of several may be the one.
func sameKeys(root map[string]any, path string, keys []string) error {
	places := []map[string]any{root}
	for _, step := range steps(path) {
		var next []map[string]any
		for _, p := range places {
			next = append(next, below(root, p, step)...)
		}
		places = next
	}
	want := slices.Sorted(slices.Values(keys))
	var sets []string
	for _, p := range alternatives(root, places) {
		props, ok := p["properties"].(map[string]any)
		if !ok {
			continue
		}
		have := sortedKeys(props)
		if slices.Equal(have, want) {
			return nil
		}
		sets = append(sets, strings.Join(have, " "))
	}
	return fmt.Errorf("the reader knows\n  %s\nthe schema has\n  %s", strings.Join(want, " "), strings.Join(sets, "\n  "))
}

// steps cuts ".a.b[].c" into a, b, [] and c.
func steps(path string) []string {
	var all []string
	for _, part := range strings.Split(strings.ReplaceAll(path, "[]", ".[]"), ".") {
		if part != "" {
			all = append(all, part)
		}
	}
	return all
}

// alternatives follows $ref and anyOf.
func alternatives(root map[string]any, places []map[string]any) []map[string]any {
	var all []map[string]any
	for _, p := range places {
		if ref, ok := p["$ref"].(string); ok {
			p = root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
		}
		if options, ok := p["anyOf"].([]any); ok {
			for _, o := range options {
				all = append(all, alternatives(root, []map[string]any{o.(map[string]any)})...)
			}
			continue
		}
		all = append(all, p)
	}
	return all
}

func below(root, place map[string]any, step string) []map[string]any {
	var next []map[string]any
	for _, p := range alternatives(root, []map[string]any{place}) {
		if step == "[]" {
			if items, ok := p["items"].(map[string]any); ok {
				next = append(next, items)
			}
			continue
		}
		if props, ok := p["properties"].(map[string]any); ok {
			if s, ok := props[step].(map[string]any); ok {
				next = append(next, s)
				continue
			}
		}
		if s, ok := p["additionalProperties"].(map[string]any); ok {
			next = append(next, s)
		}
	}
	return next
}
