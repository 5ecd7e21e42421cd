package house

import (
	"path"
	"slices"
	"strings"
	"testing"

	"rapport/internal/simulate"
	"rapport/internal/strict"
	"rapport/internal/workspace"
)

const recipes = "docs/recipes/"

// isRecipe tells a page that answers one question with files to copy.
func isRecipe(s source) bool {
	return strings.HasPrefix(s.path, recipes) && isPage(s) && path.Base(s.path) != "README.md"
}

// TestEveryRecipeWorks puts the files of a recipe into the workspace that
// `rapport init` makes, where nothing may be found to say about them, and runs
// its scenarios.
func TestEveryRecipeWorks(t *testing.T) {
	dir := t.TempDir()
	if err := workspace.Init(dir, "Example"); err != nil {
		t.Fatal(err)
	}
	starter, _ := workspace.Load(dir, environment)
	for _, s := range all(t, isRecipe) {
		t.Run(strings.TrimSuffix(path.Base(s.path), ".md"), func(t *testing.T) {
			t.Parallel()
			files, own := starter.Files, map[string]bool{}
			for _, b := range blocksOf(s) {
				if name := fileOf(b); name != "" {
					files = with(files, name, contentOf(b))
					own[name] = true
				}
			}
			_, findings := workspace.FromFiles(files, environment)
			for _, f := range findings {
				t.Errorf("%s:\n%s", s.path, strict.Render(f, false))
			}
			if !t.Failed() && runScenarios(t, s.path, files, own) == 0 {
				t.Errorf("%s has no scenario", s.path)
			}
		})
	}
}

// runScenarios runs the scenarios of some of the files of a workspace, and
// returns how many there are.
func runScenarios(t *testing.T, page string, files []workspace.File, own map[string]bool) int {
	t.Helper()
	w, _ := workspace.FromFiles(files, environment)
	w.Scenarios = slices.DeleteFunc(w.Scenarios, func(s workspace.Scenario) bool { return !own[s.File] })
	if len(w.Scenarios) == 0 {
		return 0
	}
	verdicts, err := simulate.RunScenarios(t.Context(), simulate.Tests{Workspace: w, Env: environment})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range verdicts {
		for _, p := range v.Problems {
			t.Errorf("%s: %s:%d: %s", page, p.File, p.Line, p.Message)
		}
		for _, r := range v.Timeline {
			if !v.OK() {
				t.Logf("%s  %-30s %s", r.At.In(v.Zone).Format("2006-01-02 15:04"), r.Expected, r.Happened)
			}
		}
	}
	return len(verdicts)
}

// Each campaign of a recipe has a scenario that is about it.
func TestEveryCampaignOfARecipeIsTested(t *testing.T) {
	for _, s := range all(t, isRecipe) {
		var tests strings.Builder
		for _, b := range blocksOf(s) {
			if strings.HasPrefix(fileOf(b), "tests/") {
				tests.WriteString(b.text)
			}
		}
		for _, b := range blocksOf(s) {
			if folder, file := path.Split(fileOf(b)); folder == "campaigns/" && !strings.Contains(tests.String(), "campaign: "+strings.TrimSuffix(file, ".yaml")+"\n") {
				t.Errorf("%s:%d: no scenario is about %s", b.page, b.line, file)
			}
		}
	}
}

// A recipe says why it is done so and what to watch, and stands in the index by
// its question.
func TestEveryRecipeIsWhole(t *testing.T) {
	index := all(t, func(s source) bool { return s.path == recipes+"README.md" })[0].text
	for _, s := range all(t, isRecipe) {
		question, _, _ := strings.Cut(strings.TrimPrefix(s.text, "# "), "\n")
		if !strings.Contains(index, "- ["+question+"]("+path.Base(s.path)+")\n") {
			t.Errorf("%s: the index does not have %q", s.path, question)
		}
		for _, part := range []string{"**Why so.**", "**What to watch.**"} {
			if !strings.Contains(s.text, "\n"+part+" ") {
				t.Errorf("%s: there is no %s", s.path, part)
			}
		}
	}
}
