package house

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"rapport/internal/strict"
	"rapport/internal/workspace"
)

var fileComment = regexp.MustCompile(`^# ([a-z]+/[a-z-]+\.yaml|rapport\.yaml|relationship\.yaml)\b`)

// fileOf is the file of a workspace that a block shows, or "".
func fileOf(b block) string {
	switch {
	case b.lang == "yaml":
		if m := fileComment.FindStringSubmatch(b.text); m != nil {
			return m[1]
		}
	case (b.lang == "markdown" || b.lang == "html") && len(b.words) > 0:
		return b.words[0]
	}
	return ""
}

// TestEveryFileOfTheDocumentationValidates puts the files that a page shows
// into the Northwind example, one after another, and validates it after each.
func TestEveryFileOfTheDocumentationValidates(t *testing.T) {
	northwind, _ := workspace.Load(root+"/examples/northwind", nil)
	for _, s := range all(t, isPage) {
		blocks := slices.DeleteFunc(blocksOf(s), func(b block) bool { return fileOf(b) == "" })
		if len(blocks) == 0 {
			continue
		}
		t.Run(s.path, func(t *testing.T) {
			t.Parallel()
			files := northwind.Files
			for _, b := range blocks {
				files = with(files, fileOf(b), b.text)
				_, findings := workspace.FromFiles(files, environment)
				for _, f := range findings {
					if !f.Warning || !shown(f) {
						t.Errorf("%s:%d:\n%s", b.page, b.line, strict.Render(f, false))
					}
				}
			}
		})
	}
}

// shown tells which warnings a page's example may have.
func shown(f strict.Finding) bool {
	return f.Code == strict.CodeNotRunYet || f.Code == workspace.CodeUnused
}

// environment gives every variable a value.
func environment(name string) (string, bool) {
	switch name {
	case "DATABASE_URL":
		return "postgres://127.0.0.1/rapport", true
	case "REDIS_URL":
		return "redis://127.0.0.1:6379", true
	case "CRM_URL":
		return "https://crm.example", true
	}
	return "0123456789abcdef0123456789abcdef", true
}

// with puts a file among others. Of rapport.yaml, which a page shows in parts,
// the parts replace those of the same name.
func with(files []workspace.File, name, text string) []workspace.File {
	out := make([]workspace.File, 0, len(files)+1)
	found := false
	for _, f := range files {
		if f.Path == name {
			found = true
			f.Data = []byte(text)
			if name == "rapport.yaml" {
				f.Data = []byte(merged(string(files[len(out)].Data), text))
			}
		}
		out = append(out, f)
	}
	if !found {
		out = append(out, workspace.File{Path: name, Data: []byte(text)})
	}
	return out
}

// aPart is a key at the left margin with everything below it.
var aPart = regexp.MustCompile(`(?m)^[a-z_]+:.*(\n([ \t#].*)?)*`)

func merged(whole, parts string) string {
	for _, part := range aPart.FindAllString(parts, -1) {
		key, _, _ := strings.Cut(part, ":")
		old := regexp.MustCompile(`(?m)^` + key + `:.*(\n([ \t#].*)?)*`).FindString(whole)
		if old == "" {
			whole = strings.TrimRight(whole, "\n") + "\n" + strings.TrimRight(part, "\n") + "\n"
			continue
		}
		whole = strings.Replace(whole, old, strings.TrimRight(part, "\n")+"\n", 1)
	}
	return whole
}

// The page of what does not run yet is complete: it has each warning's words.
func TestWhatDoesNotRunYetIsListed(t *testing.T) {
	var page, code string
	for _, s := range all(t, func(source) bool { return true }) {
		switch s.path {
		case "docs/language/not-yet.md":
			page = s.text
		case "internal/workspace/notyet.go":
			code = s.text
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^\t"([a-z_.]+)": +"(.*)",$`).FindAllStringSubmatch(code, -1) {
		if !strings.Contains(page, m[2]) {
			t.Errorf("docs/language/not-yet.md does not say of %s: %s", m[1], m[2])
		}
	}
	if code == "" {
		t.Fatal("internal/workspace/notyet.go is gone: the rule looks in the wrong place")
	}
}
