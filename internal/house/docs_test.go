package house

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func isPage(s source) bool { return strings.HasSuffix(s.path, ".md") && !isTemplate(s) }

// isTemplate: content of an example, whose links are addresses for customers.
func isTemplate(s source) bool {
	return strings.HasPrefix(s.path, "examples/") && strings.Contains(s.path, "/templates/")
}

var (
	markdownLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	inBackticks  = regexp.MustCompile("`([^`\n]+)`")
	fence        = regexp.MustCompile("(?ms)^```.*?^```")
	pathForm     = regexp.MustCompile(`^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*/?$`)
	docInCode    = regexp.MustCompile(`\bdocs/[a-z0-9/-]+\.md\b`)
	heading      = regexp.MustCompile(`(?m)^#+ +(.+)$`)
)

func TestLinksOfTheDocumentationLeadSomewhere(t *testing.T) {
	for _, s := range all(t, isPage) {
		text := fence.ReplaceAllStringFunc(s.text, blank)
		for _, m := range markdownLink.FindAllStringSubmatchIndex(text, -1) {
			target := text[m[2]:m[3]]
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			file, anchor, _ := strings.Cut(target, "#")
			page := s.path
			if file != "" {
				page = path.Join(s.dir(), file)
			}
			if !exists(page) {
				t.Errorf("%s:%d: there is no %s", s.path, line(s.text, m[2]), target)
				continue
			}
			if anchor != "" && !slices.Contains(anchors(t, page), anchor) {
				t.Errorf("%s:%d: %s has no heading #%s", s.path, line(s.text, m[2]), page, anchor)
			}
		}
	}
}

// anchors lists the headings of a page as they are linked to.
func anchors(t *testing.T, page string) []string {
	t.Helper()
	var list []string
	for _, s := range all(t, isPage) {
		if s.path != page {
			continue
		}
		for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllStringFunc(s.text, blank), -1) {
			slug := strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(m[1], "`", ""), "*", ""))
			slug = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(slug, "")
			list = append(list, strings.ReplaceAll(slug, " ", "-"))
		}
	}
	return list
}

// blank keeps the lines, so that numbers stay right.
func blank(s string) string { return strings.Repeat("\n", strings.Count(s, "\n")) }

// tops are the folders of the project, by which a path in a text is known.
var tops = []string{"cmd", "campaigns", "segments", "templates", "scheduler", "internal", "examples", "docs", ".ci"}

func TestTheDocumentationNamesWhatExists(t *testing.T) {
	for _, s := range all(t, isPage) {
		text := fence.ReplaceAllStringFunc(s.text, blank)
		for _, m := range inBackticks.FindAllStringSubmatchIndex(text, -1) {
			name := text[m[2]:m[3]]
			top, rest, isPath := strings.Cut(name, "/")
			if !isPath || !pathForm.MatchString(name) || !slices.Contains(tops, top) {
				continue
			}
			// The folders of a workspace have the names of some of ours.
			if !exists(name) && !exists("examples/northwind/"+name) && !(rest == "" && top == "tests") {
				t.Errorf("%s:%d: there is no %s", s.path, line(s.text, m[2]), name)
			}
		}
	}
	for _, s := range all(t, func(s source) bool { return s.isGo() || strings.HasSuffix(s.path, ".sql") }) {
		for _, at := range docInCode.FindAllStringIndex(s.text, -1) {
			if name := s.text[at[0]:at[1]]; !exists(name) && !strings.HasPrefix(s.path, "internal/house/") {
				t.Errorf("%s:%d: there is no %s", s.path, line(s.text, at[0]), name)
			}
		}
	}
}

func TestEveryPageIsInTheIndex(t *testing.T) {
	linked := map[string]bool{"docs/README.md": true}
	for _, s := range all(t, func(s source) bool { return path.Base(s.path) == "README.md" && strings.HasPrefix(s.path, "docs/") }) {
		for _, m := range markdownLink.FindAllStringSubmatch(s.text, -1) {
			file, _, _ := strings.Cut(m[1], "#")
			linked[path.Join(s.dir(), file)] = true
		}
	}
	for _, s := range all(t, func(s source) bool { return isPage(s) && strings.HasPrefix(s.path, "docs/") }) {
		if !linked[s.path] && !linked[s.dir()] {
			t.Errorf("%s: nobody finds it; link it from docs/README.md", s.path)
		}
	}
}
