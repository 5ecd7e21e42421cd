package workspace

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rapport/internal/strict"
)

var update = flag.Bool("update", false, "write what is found into the want.txt of every case")

// noVariablesSet is an environment without variables.
func noVariablesSet(string) (string, bool) { return "", false }

// Every folder of testdata/invalid is the workspace of testdata/base with some
// files changed (and those of remove.txt taken away); its want.txt holds the
// findings, to the letter.
func TestInvalidWorkspaces(t *testing.T) {
	base := readFiles(t, os.DirFS("testdata"), "base")
	cases, err := os.ReadDir("testdata/invalid")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name(), func(t *testing.T) {
			dir := filepath.Join("testdata/invalid", c.Name())
			_, findings := FromFiles(overlaid(t, base, c.Name()), noVariablesSet)
			var got strings.Builder
			for _, f := range findings {
				got.WriteString(strict.Render(f, false))
			}
			golden := filepath.Join(dir, "want.txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got.String(), want)
			}
			if len(findings) == 0 {
				t.Error("nothing is found")
			}
		})
	}
}

// overlaid is the base with the files of a case.
func overlaid(t *testing.T, base []File, name string) []File {
	files := slices.Clone(base)
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
