package house

import (
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// mayReadTheClock are the packages that read the time of day, with the reason.
var mayReadTheClock = map[string]string{
	"internal/clock":                  "it is the clock",
	"internal/testenv":                "it waits for servers of tests",
	"internal/delivery/smtp/smtptest": "it is a mail server of tests, with time-outs",
}

func TestTheTimeOfDayIsReadByTheClockOnly(t *testing.T) {
	banned := []string{"Now", "Since", "Until"}
	for _, s := range all(t, func(s source) bool { return s.isGo() && !s.isTest() }) {
		if strings.HasPrefix(s.path, "cmd/") || mayReadTheClock[s.dir()] != "" {
			continue
		}
		fset, f := parsed(t, s)
		ast.Inspect(f, func(n ast.Node) bool {
			if name, ok := fromTime(n); ok && slices.Contains(banned, name) {
				t.Errorf("%s: time.%s: take a now or a clock as an argument", fset.Position(n.Pos()), name)
			}
			return true
		})
	}
}

func TestNobodySleeps(t *testing.T) {
	// In a bubble of synctest time is virtual and nobody waits.
	bubble := `"testing/synctest"`
	for _, s := range all(t, func(s source) bool { return s.isGo() && !strings.Contains(s.text, bubble) }) {
		fset, f := parsed(t, s)
		ast.Inspect(f, func(n ast.Node) bool {
			if name, ok := fromTime(n); ok && name == "Sleep" {
				t.Errorf("%s: time.Sleep: wait for a signal, or poll with a ticker and an end", fset.Position(n.Pos()))
			}
			return true
		})
	}
}

// fromTime gives x of time.x.
func fromTime(n ast.Node) (string, bool) {
	sel, ok := n.(*ast.SelectorExpr)
	if !ok {
		return "", false
	}
	id, ok := sel.X.(*ast.Ident)
	return sel.Sel.Name, ok && id.Name == "time"
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	said := map[string]bool{}
	for _, s := range all(t, func(s source) bool { return s.isGo() && !s.isTest() }) {
		_, f := parsed(t, s)
		said[s.dir()] = said[s.dir()] || f.Doc != nil && (f.Name.Name == "main" || strings.HasPrefix(f.Doc.Text(), "Package "+f.Name.Name+" "))
	}
	for dir, ok := range said {
		if !ok {
			t.Errorf("%s has no package comment: say what it is for, what it holds as true, what it leaves to others", dir)
		}
	}
}

func TestPackagesAreCalledByWhatTheyAre(t *testing.T) {
	banned := []string{"util", "utils", "common", "helper", "helpers", "service", "services", "manager", "managers", "misc", "base", "core", "shared"}
	for _, s := range all(t, source.isGo) {
		_, f := parsed(t, s)
		if name := strings.TrimSuffix(f.Name.Name, "_test"); slices.Contains(banned, name) || slices.Contains(banned, path.Base(s.dir())) {
			t.Errorf("%s: %q says nothing: name the package after what it holds", s.path, name)
		}
	}
}

func TestNothingIsLeftForLater(t *testing.T) {
	// Put together here, so that this file does not break its own rule.
	later := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX)\b`)
	for _, s := range all(t, func(source) bool { return true }) {
		if at := later.FindStringIndex(s.text); at != nil {
			t.Errorf("%s:%d: %s: do it, or open an issue", s.path, line(s.text, at[0]), s.text[at[0]:at[1]])
		}
	}
}

const longest = 500

func TestFilesStayReadable(t *testing.T) {
	for _, s := range all(t, source.isGo) {
		if n := strings.Count(s.text, "\n"); n > longest {
			t.Errorf("%s has %d lines; %d is the end: part it by what it is about", s.path, n, longest)
		}
	}
}

func TestNoFileKnowsAMachine(t *testing.T) {
	local := regexp.MustCompile(`(^|[\s"'(=:` + "`" + `])(/root/|/home/[a-z]|/Users/|/w[o]rk/)`)
	for _, s := range all(t, func(source) bool { return true }) {
		if at := local.FindStringIndex(s.text); at != nil && !strings.HasPrefix(s.path, "internal/house/") {
			t.Errorf("%s:%d: %q is a path of one machine", s.path, line(s.text, at[0]+1), strings.TrimSpace(s.text[at[0]:at[1]]))
		}
	}
}

// line is the number of the line that an offset stands on.
func line(text string, offset int) int { return 1 + strings.Count(text[:offset], "\n") }
