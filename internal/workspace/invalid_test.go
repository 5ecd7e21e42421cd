package workspace

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"rapport/internal/strict"
)

var update = flag.Bool("update", false, "write what is found into the want.txt of every case")

// noVariablesSet is an environment without variables.
func noVariablesSet(string) (string, bool) { return "", false }

// Every folder of testdata/invalid is the workspace of testdata/base with some
// files changed (and those of remove.txt taken away); its want.txt holds the
// findings, to the letter.
func TestInvalidWorkspaces(t *testing.T) {
	for _, name := range invalidCases(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, f := range overlaid(t, name) {
				if err := write(dir, f.Path, f.Data); err != nil {
					t.Fatal(err)
				}
			}
			_, findings := Load(dir, noVariablesSet)
			var got strings.Builder
			for _, f := range findings {
				got.WriteString(strict.Render(f, false))
			}
			text := strings.ReplaceAll(got.String(), dir, "northwind")
			golden := filepath.Join("testdata/invalid", name, "want.txt")
			if *update {
				if err := os.WriteFile(golden, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if text != string(want) {
				t.Errorf("got\n%s\nwant\n%s", text, want)
			}
			if len(findings) == 0 {
				t.Error("nothing is found")
			}
		})
	}
}

func invalidCases(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("testdata/invalid")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// codesIn are the codes that the source declares, by package.
func codesIn(t *testing.T) map[string]string {
	t.Helper()
	declared := regexp.MustCompile(`(?m)^(?:const )?\t?(Code[A-Za-z]+) *= "([a-z-]+)"`)
	codes := map[string]string{}
	for _, dir := range []string{".", "../strict", "../relationship", "../../segments", "../../campaigns", "../../templates"} {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("no source in %s (%v)", dir, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range declared.FindAllStringSubmatch(string(data), -1) {
				codes[m[2]] = filepath.ToSlash(file) + ": " + m[1]
			}
		}
	}
	return codes
}

// A kind of finding that no case shows has never been read by anybody.
func TestEveryKindOfFindingHasACase(t *testing.T) {
	met := map[string]bool{}
	for _, name := range invalidCases(t) {
		dir := t.TempDir()
		for _, f := range overlaid(t, name) {
			if err := write(dir, f.Path, f.Data); err != nil {
				t.Fatal(err)
			}
		}
		_, findings := Load(dir, noVariablesSet)
		for _, f := range findings {
			met[f.Code] = true
		}
	}
	codes := codesIn(t)
	for code, where := range codes {
		if !met[code] {
			t.Errorf("no case of testdata/invalid finds %q (%s)", code, where)
		}
	}
	for code := range met {
		if codes[code] == "" {
			t.Errorf("the code %q is found and not declared", code)
		}
	}
}

// schemaFinds are the kinds of findings that a schema can tell while somebody
// types: all that one file alone shows.
var schemaFinds = []string{strict.CodeUnknownKey, strict.CodeMissingKey, strict.CodeWrongType}

func TestSchemasRefuseWhatTheLoaderRefuses(t *testing.T) {
	schemas, refused := map[string]*jsonschema.Schema{}, 0
	for _, name := range invalidCases(t) {
		files := overlaid(t, name)
		_, findings := FromFiles(files, noVariablesSet)
		for _, found := range findings {
			if found.Warning || !slices.Contains(schemaFinds, found.Code) {
				continue
			}
			file := files[slices.IndexFunc(files, func(f File) bool { return f.Path == found.File })]
			kind, data := kindOfFile(file)
			if kind == "" {
				t.Errorf("%s: %s has no schema", name, found.File)
				continue
			}
			if schemas[kind] == nil {
				schemas[kind] = compiled(t, kind)
			}
			if schemas[kind].Validate(plainValue(t, data)) == nil {
				t.Errorf("%s: the schema accepts %s, in which there is %s: %s", name, found.File, found.Code, found.Message)
			}
			refused++
		}
	}
	if refused < 20 {
		t.Errorf("only %d findings were held against a schema: is the rule still about something?", refused)
	}
}

// overlaid is the base with the files of a case.
func overlaid(t *testing.T, name string) []File {
	t.Helper()
	files := readFiles(t, os.DirFS("testdata"), "base")
	for _, f := range readFiles(t, os.DirFS("testdata/invalid"), name) {
		if f.Path == "want.txt" {
			continue
		}
		if f.Path == "remove.txt" {
			for _, gone := range strings.Fields(string(f.Data)) {
				files = slices.DeleteFunc(files, func(f File) bool { return f.Path == gone })
			}
			continue
		}
		files = slices.DeleteFunc(files, func(other File) bool { return other.Path == f.Path })
		files = append(files, f)
	}
	return files
}

func TestTheBaseIsValid(t *testing.T) {
	_, findings := FromFiles(readFiles(t, os.DirFS("testdata"), "base"), noVariablesSet)
	for _, f := range findings {
		t.Error(strict.Render(f, false))
	}
}
