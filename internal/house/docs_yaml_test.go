package house

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"rapport/internal/strict"
	"rapport/internal/workspace"
)

var fileComment = regexp.MustCompile(`^# ([a-z]+/[a-z0-9-]+\.yaml|rapport\.yaml|relationship\.yaml)\b`)

// parts are the parts of files that a block may be, by the word on its fence:
// the file that each is put into.
var parts = map[string]string{"condition": "segments/shown.yaml", "steps": "campaigns/shown.yaml", "campaign": "campaigns/shown.yaml"}

// partOf is the part of a file that a block is, or "".
func partOf(b block) string {
	for _, w := range b.words {
		if b.lang == "yaml" && parts[w] != "" {
			return w
		}
	}
	return ""
}

// fileOf is the file of a workspace that a block shows, or "".
func fileOf(b block) string {
	switch {
	case partOf(b) != "":
		return parts[partOf(b)]
	case b.lang == "yaml":
		if m := fileComment.FindStringSubmatch(b.text); m != nil {
			return m[1]
		}
	case (b.lang == "markdown" || b.lang == "html") && len(b.words) > 0:
		return b.words[0]
	}
	return ""
}

// fails tells whether a block shows a mistake.
func fails(b block) bool { return slices.Contains(b.words, "fails") }

// contentOf is the whole file that a block shows, or is a part of.
func contentOf(b block) string {
	indented := "  " + strings.ReplaceAll(strings.TrimRight(b.text, "\n"), "\n", "\n  ") + "\n"
	switch partOf(b) {
	case "condition":
		return "segment: shown\nwhere:\n" + indented
	case "steps":
		return whole("steps:\n" + indented)
	case "campaign":
		return whole(b.text)
	}
	return b.text
}

// whole makes a campaign of some of its keys.
func whole(keys string) string {
	text := "campaign: shown\n" + keys
	for _, rest := range []string{"topic: guides\n", "start: { event: order.placed }\n", "steps: [ { send: welcome } ]\n"} {
		key, _, _ := strings.Cut(rest, ":")
		if !strings.HasPrefix(keys, key+":") && !strings.Contains(keys, "\n"+key+":") {
			text += rest
		}
	}
	return text
}

// TestEveryFileOfTheDocumentationValidates puts the files that a page shows
// into the Northwind example, one after another, validates it after each, and
// runs the scenarios among them. The recipes have a test of their own.
func TestEveryFileOfTheDocumentationValidates(t *testing.T) {
	northwind, _ := workspace.Load(root+"/examples/northwind", nil)
	for _, s := range all(t, func(s source) bool { return isPage(s) && !isRecipe(s) }) {
		blocks := blocksOf(s)
		if !slices.ContainsFunc(blocks, func(b block) bool { return fileOf(b) != "" }) {
			continue
		}
		t.Run(s.path, func(t *testing.T) {
			t.Parallel()
			files, own := northwind.Files, map[string]bool{}
			for i, b := range blocks {
				if fileOf(b) == "" {
					continue
				}
				if fails(b) {
					compare(t, b, files, blocks[i+1:])
					continue
				}
				next := with(files, fileOf(b), contentOf(b))
				_, findings := workspace.FromFiles(next, environment)
				for _, f := range findings {
					if !f.Warning || !shown(f) {
						t.Errorf("%s:%d:\n%s", b.page, b.line, strict.Render(f, false))
					}
				}
				if partOf(b) == "" {
					files, own[fileOf(b)] = next, true
				}
			}
			runScenarios(t, s.path, files, own)
		})
	}
}

// compare holds what is found in a file with a mistake against what the page
// says below it. The file stands for itself, and so is not put together with
// parts of it that the page shows elsewhere.
func compare(t *testing.T, b block, files []workspace.File, below []block) {
	t.Helper()
	files = slices.DeleteFunc(slices.Clone(files), func(f workspace.File) bool { return f.Path == fileOf(b) })
	_, findings := workspace.FromFiles(with(files, fileOf(b), b.text), environment)
	var got strings.Builder
	for _, f := range findings {
		if f.File == fileOf(b) {
			got.WriteString(strict.Render(f, false))
		}
	}
	if len(below) == 0 || below[0].lang != "text" {
		t.Errorf("%s:%d: a block of text with what is found must follow:\n%s", b.page, b.line, got.String())
		return
	}
	if got.String() != below[0].text || got.Len() == 0 {
		t.Errorf("%s:%d: what is found is\n%s", below[0].page, below[0].line, got.String())
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
