package house

import (
	"os"
	"regexp"
	"testing"

	"rapport/internal/strict"
	"rapport/internal/workspace"
)

// excused tells which warnings an example may have, and why.
func excused(f strict.Finding) bool {
	// An example has no secrets, and needs none while its mail is caught.
	return f.Code == workspace.CodeUnset
}

func TestEveryExampleValidates(t *testing.T) {
	for _, dir := range examples(t) {
		ws, findings := workspace.Load(dir, nil)
		for _, f := range findings {
			if !f.Warning || !excused(f) {
				t.Errorf("%s:\n%s", dir, strict.Render(f, false))
			}
		}
		if len(ws.Campaigns) == 0 || len(ws.Segments) == 0 {
			t.Errorf("%s: there is nothing in it", dir)
		}
	}
}

// campaignInText finds the campaigns that a page shows, with their file's name
// in the first line.
var campaignInText = regexp.MustCompile("(?s)```yaml\n# (campaigns/[a-z-]+\\.yaml)\n(.*?)```")

func TestTheCampaignOfTheReadmeRunsInTheExample(t *testing.T) {
	page, err := os.ReadFile(root + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := campaignInText.FindSubmatch(page)
	if shown == nil {
		t.Fatal("the README shows no campaign")
	}
	ws, _ := workspace.Load(root+"/examples/northwind", nil)
	for i, f := range ws.Files {
		if f.Path == string(shown[1]) {
			ws.Files[i].Data = shown[2]
		}
	}
	_, findings := workspace.FromFiles(ws.Files, nil)
	for _, f := range findings {
		if !f.Warning || !excused(f) {
			t.Errorf("README.md:\n%s", strict.Render(f, false))
		}
	}
}
