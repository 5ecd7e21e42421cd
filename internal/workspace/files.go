package workspace

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"rapport/campaigns"
	"rapport/internal/strict"
)

// Names of the language's files and folders.
const (
	mainFile         = "rapport.yaml"
	relationshipFile = "relationship.yaml"
	segmentsDir      = "segments"
	campaignsDir     = "campaigns"
	templatesDir     = "templates"
	testsDir         = "tests"
)

var folders = []string{segmentsDir, campaignsDir, templatesDir, testsDir}

// Bounds of a workspace, so that a wrong folder does not fill the memory.
const (
	maxFile  = 1 << 20
	maxFiles = 5000
	maxTotal = 64 << 20
	maxDeep  = 8 // folders below templates/
)

// Codes of the findings of this package, beside those of strict.
const (
	CodeNoWorkspace   = "no-workspace"   // the folder holds no rapport.yaml
	CodeFile          = "file"           // a file that cannot or must not be read
	CodeUnknownName   = "unknown-name"   // a reference to nothing
	CodeUnset         = "unset-variable" // an environment variable without a value
	CodeVariable      = "variable-here"  // ${NAME} outside of rapport.yaml
	CodeSecret        = "secret-in-file"
	CodeMissing       = campaigns.CodeMissing
	CodeUnused        = "unused"        // a template that nothing sends
	CodeNoSource      = "no-source"     // a condition on something that can never arrive
	CodeContradiction = "contradiction" // two parts that do not go together
)

// folder reads the files of the language out of a folder.
type folder struct {
	root     *os.Root
	findings *strict.Findings
	files    []File
	lost     []string // paths of files that are there and cannot be read
	hidden   bool     // a folder of the language cannot be read
	total    int
	full     bool
}

// readFolder gives all files of the language, and the paths of those that cannot
// be read. Links that lead out of the folder are not followed. Where a whole
// folder cannot be read there is nothing to go on with: everything that names
// something in it would be a finding.
func readFolder(dir string, findings *strict.Findings) (files []File, lost []string, ok bool) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		about(findings, mainFile, CodeNoWorkspace, "make one with: rapport init "+dir, "there is no workspace in "+dir+": "+reason(err))
		return nil, nil, false
	}
	defer root.Close()
	r := &folder{root: root, findings: findings}
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		about(findings, mainFile, CodeNoWorkspace, "", "the folder "+dir+" cannot be read: "+reason(err))
		return nil, nil, false
	}
	found := false
	for _, e := range entries {
		switch name := e.Name(); {
		case name == mainFile:
			found = true
			r.read(name)
		case name == relationshipFile:
			r.read(name)
		case slices.Contains(folders, name):
			r.readDir(name, 0)
		default:
			r.stranger(name, e.IsDir())
		}
	}
	if !found {
		about(findings, mainFile, CodeNoWorkspace, "make one with: rapport init DIR, or name its folder", "there is no "+mainFile+" in "+dir)
		return nil, nil, false
	}
	slices.SortFunc(r.files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return r.files, r.lost, !r.hidden
}

// stranger warns about a name that looks like one of the language's. Everything
// else in the folder is the marketer's own business.
func (r *folder) stranger(name string, dir bool) {
	known := []string{mainFile, relationshipFile, "rapport.yml", "relationship.yml"}
	if dir {
		known = folders
	}
	if strings.HasPrefix(name, ".") {
		return
	}
	meant := strict.Suggest(name, known)
	if slices.Contains(known, name) {
		meant = name
	}
	if meant == "" {
		return
	}
	meant = strings.TrimSuffix(meant, ".yml")
	if !dir {
		meant = strings.TrimSuffix(meant, ".yaml") + ".yaml"
	}
	r.findings.Add(strict.Finding{
		File: name, Line: 1, Column: 1, Code: CodeFile, Warning: true,
		Message: "this is not read", Hint: fmt.Sprintf("did you mean %q?", meant),
	})
}

func (r *folder) readDir(dir string, depth int) {
	entries, err := fs.ReadDir(r.root.FS(), dir)
	if err != nil {
		about(r.findings, dir, CodeFile, "", "the folder cannot be read: "+reason(err))
		r.hidden = true
		return
	}
	for _, e := range entries {
		if r.full {
			return
		}
		name, p := e.Name(), path.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~"):
			// An editor's or the system's own.
		case e.IsDir() && dir[:min(len(dir), len(templatesDir))] != templatesDir:
			r.warn(p, "folders below "+dir+"/ are not read", "move the files up into "+dir+"/")
		case e.IsDir() && depth >= maxDeep:
			about(r.findings, p, CodeFile, "", "the folders are nested too deep")
		case e.IsDir():
			r.readDir(p, depth+1)
		case strings.HasPrefix(p, templatesDir+"/") || strings.HasSuffix(name, ".yaml"):
			r.read(p)
		case strings.HasSuffix(name, ".yml"):
			about(r.findings, p, CodeFile, "rename it to "+strings.TrimSuffix(name, ".yml")+".yaml", "the files of a workspace end in .yaml")
		default:
			r.warn(p, "this is not read: the files of "+dir+"/ end in .yaml", "")
		}
	}
}

func (r *folder) warn(file, message, hint string) {
	r.findings.Add(strict.Finding{File: file, Line: 1, Column: 1, Code: CodeFile, Warning: true, Message: message, Hint: hint})
}

// read keeps one file.
func (r *folder) read(p string) {
	f, err := r.root.Open(p)
	if err != nil {
		r.lose(p, CodeFile, "", "the file cannot be read: "+reason(err))
		return
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		r.lose(p, CodeFile, "", "this is not a file")
		return
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		r.lose(p, CodeFile, "", "the file cannot be read: "+reason(err))
		return
	case len(data) > maxFile:
		r.lose(p, strict.CodeTooLarge, "split it into several files", "the file has more than 1 MB")
		return
	case len(r.files) >= maxFiles || r.total+len(data) > maxTotal:
		r.full = true
		about(r.findings, p, strict.CodeTooLarge, "is this the right folder?",
			fmt.Sprintf("a workspace has at most %d files and %d MB; from here on nothing is read", maxFiles, maxTotal>>20))
		return
	}
	r.total += len(data)
	r.files = append(r.files, File{p, data})
}

// lose reports a file that cannot be read. Its name is kept, so that what refers
// to it is no finding of its own.
func (r *folder) lose(p, code, hint, message string) {
	about(r.findings, p, code, hint, message)
	r.lost = append(r.lost, p)
}

// about makes a finding that concerns a whole file.
func about(findings *strict.Findings, file, code, hint, message string) {
	findings.Add(strict.Finding{File: file, Line: 1, Column: 1, Code: code, Message: message, Hint: hint})
}

// reason is an error of the file system in a few words, without a path.
func reason(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "it does not exist"
	case errors.Is(err, fs.ErrPermission):
		return "permission is denied"
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		if strings.Contains(p.Err.Error(), "escapes") {
			return "it is a link that leads out of the folder"
		}
		return p.Err.Error()
	}
	return err.Error()
}
