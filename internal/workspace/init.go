package workspace

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
)

//go:embed starter
var starter embed.FS

// schemaDir is where Init puts the schemas, inside the workspace.
const schemaDir = ".rapport/schema"

// ignored is the .gitignore of a new workspace: what serve keeps there is not
// the marketer's.
const ignored = `.rapport/*
!.rapport/schema/
*.db
*.db-*
`

// Init writes a small workspace that is complete and validates as it stands,
// with schemas for the editor. name is the company's. A folder that holds
// anything is left alone; dot files, such as .git, do not count.
func Init(dir, name string) error {
	if name = strings.TrimSpace(name); name == "" {
		name = "Example"
	}
	if strings.ContainsFunc(name, unicode.IsControl) || len(name) > 100 {
		return errors.New("the name of the company must be one line of at most 100 characters")
	}
	if err := refuseFull(dir); err != nil {
		return err
	}
	err := fs.WalkDir(starter, "starter", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := starter.ReadFile(p)
		if err != nil {
			return err
		}
		text := strings.ReplaceAll(string(data), "{{NAME}}", escaped(name))
		return write(dir, strings.TrimPrefix(p, "starter/"), []byte(text))
	})
	if err != nil {
		return err
	}
	if err := write(dir, ".gitignore", []byte(ignored)); err != nil {
		return err
	}
	return WriteSchemas(dir)
}

// InitFrom writes a workspace that is complete, such as an example, into a new or
// empty folder, with schemas for the editor.
func InitFrom(dir string, folder fs.FS) error {
	files, err := ReadFS(folder)
	if err != nil {
		return err
	}
	if err := refuseFull(dir); err != nil {
		return err
	}
	for _, f := range files {
		if err := write(dir, f.Path, append(modeline(f.Path), f.Data...)); err != nil {
			return err
		}
	}
	if err := write(dir, ".gitignore", []byte(ignored)); err != nil {
		return err
	}
	return WriteSchemas(dir)
}

// ReadFS reads all files of a folder that is not the marketer's to write in: it
// takes them as they are.
func ReadFS(folder fs.FS) (files []File, err error) {
	err = fs.WalkDir(folder, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(folder, p)
		files = append(files, File{Path: p, Data: data})
		return err
	})
	return files, err
}

// modeline leads the editor from a file to the schema of its kind.
func modeline(file string) []byte {
	kinds := map[string]string{segmentsDir: "segment", campaignsDir: "campaign", testsDir: "tests"}
	dir, name := path.Split(file)
	kind, up := kinds[path.Clean(dir)], "../"
	if dir == "" {
		kind, up = strings.TrimSuffix(name, ".yaml"), ""
	}
	if path.Ext(name) != ".yaml" || !slices.Contains(Kinds, kind) {
		return nil
	}
	return []byte("# yaml-language-server: $schema=" + up + schemaDir + "/" + kind + ".json\n")
}

// escaped is a name for a text in double quotes, which may stand in a From
// header: there it must not hold what that header gives a meaning.
func escaped(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`"\<>@,;:()[]`, r) {
			return ' '
		}
		return r
	}, name)
}

// refuseFull reports a folder that holds anything.
func refuseFull(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("cannot make a workspace in %s: %s", dir, reason(err))
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			return fmt.Errorf("cannot make a workspace in %s: it is not empty (it holds %s); name a new or an empty folder", dir, e.Name())
		}
	}
	return nil
}

// WriteSchemas writes the JSON Schemas to where the files of Init look for them.
func WriteSchemas(dir string) error {
	for _, kind := range Kinds {
		data, err := Schema(kind)
		if err != nil {
			return err
		}
		if err := write(dir, path.Join(schemaDir, kind+".json"), data); err != nil {
			return err
		}
	}
	return nil
}

func write(dir, name string, data []byte) error {
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("cannot write %s: %w", name, err)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		return fmt.Errorf("cannot write %s: %w", name, err)
	}
	return nil
}
