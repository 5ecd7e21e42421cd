package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// root is the project's folder, seen from here.
const root = "../.."

// source is one file of the project.
type source struct {
	path string // from the project's folder, with slashes
	text string
}

// dir is the folder it stands in: of a Go file the import path without "rapport/".
func (s source) dir() string { return path.Dir(s.path) }

func (s source) isGo() bool   { return strings.HasSuffix(s.path, ".go") }
func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

// files reads every text file that belongs to the project, once.
var files = sync.OnceValues(func() ([]source, error) {
	var list []source
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); name == ".git" || name == "node_modules" || name == "testdata" {
				return filepath.SkipDir
			}
			return nil
		}
		switch path.Ext(p) {
		case ".go", ".sql", ".md", ".yaml", ".html", ".css", ".js", ".sh", ".txt", ".mod", ".txtar":
		default:
			return nil
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		list = append(list, source{filepath.ToSlash(rel), string(data)})
		return err
	})
	return list, err
})

// all gives the files that want says yes to.
func all(t *testing.T, want func(source) bool) []source {
	t.Helper()
	list, err := files()
	if err != nil {
		t.Fatal(err)
	}
	var out []source
	for _, s := range list {
		if want(s) {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		t.Fatal("there are no such files: the rule looks in the wrong place")
	}
	return out
}

// parsed reads a Go file, each once for all rules. A file that does not parse
// is the compiler's business.
func parsed(t *testing.T, s source) (*token.FileSet, *ast.File) {
	t.Helper()
	type reading struct {
		fset *token.FileSet
		file *ast.File
	}
	if r, ok := asts.Load(s.path); ok {
		return r.(reading).fset, r.(reading).file
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, s.path, s.text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatalf("%v", err)
	}
	asts.Store(s.path, reading{fset, f})
	return fset, f
}

var asts sync.Map // path → what parsed read

// exists tells whether a path from the project's folder leads to a file or folder.
func exists(p string) bool {
	_, err := os.Stat(filepath.Join(root, filepath.FromSlash(p)))
	return err == nil
}
