package workspace

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/campaigns"
	"rapport/internal/calendar"
	"rapport/internal/contacts"
	"rapport/internal/strict"
)

// put writes files into a new folder.
func put(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := write(dir, name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func rendered(findings []strict.Finding) string {
	var b strings.Builder
	for _, f := range findings {
		b.WriteString(strict.Render(f, false))
	}
	return b.String()
}

func errorsIn(findings []strict.Finding) int {
	n := 0
	for _, f := range findings {
		if !f.Warning {
			n++
		}
	}
	return n
}

const minimal = "company: { name: A, address: B }\nsenders: { me: { from: me@a.example } }\n"

func TestMinimalWorkspaceHasDefaults(t *testing.T) {
	ws, findings := Load(put(t, map[string]string{"rapport.yaml": minimal}), nil)
	if len(findings) > 0 {
		t.Fatal(rendered(findings))
	}
	if ws.Company.Timezone != "UTC" || ws.Company.Language != "en" || ws.Delivery.Live || ws.RefreshSegments != 5*time.Minute ||
		ws.Limits.LookAhead != time.Hour || ws.Attributes != nil || ws.Events != nil || ws.Templates == nil || len(ws.Relationship.Stages()) == 0 {
		t.Errorf("%+v", ws)
	}
}

// Everything that rapport.yaml says arrives in the workspace.
func TestFullWorkspace(t *testing.T) {
	env := func(name string) (string, bool) {
		switch name {
		case "DATABASE_URL":
			return "postgres://me:secret@db/rapport", true
		case "REDIS_URL", "OLD_HOOK_KEY":
			return "", false
		case "CRM_URL":
			return "https://crm.example/hook/", true
		}
		return "value-of-" + name, true
	}
	ws, findings := Load("testdata/valid/northwind", env)
	for _, f := range findings {
		if !f.Warning && f.Code != CodeUnset {
			t.Error(strict.Render(f, false))
		}
	}
	main := ws.Providers["main"]
	wantMain := Provider{
		Name: "main",
		SMTP: SMTP{Host: "smtp.example.net", Port: 587, TLS: "starttls", Username: "value-of-SMTP_USER", Password: "value-of-SMTP_PASSWORD", Auth: "login"},
		Rate: 50, Connections: 20, WarmUp: &WarmUp{Start: 200, Target: 50000, Days: 30},
		Callbacks: &Callback{Kind: "ses", Topic: "arn:aws:sns:eu-central-1:123456789012:mail"},
	}
	if !reflect.DeepEqual(main, wantMain) {
		t.Errorf("provider %+v", main)
	}
	if b := ws.Providers["backup"]; b.SMTP.Port != 465 || !slices.Equal(b.Callbacks.Secrets, []string{"value-of-HOOK_KEY"}) {
		t.Errorf("provider %+v", b)
	}
	mia := ws.Senders["mia"]
	if mia.From.Name != "Mia from Northwind" || mia.From.Address != "mia@news.northwind.example" || mia.Replies.ForwardTo != "hello@northwind.example" ||
		mia.Bounces != "b.northwind.example" || !slices.Equal(mia.Providers, []string{"main", "backup"}) || mia.DKIM.Key != "value-of-DKIM_KEY_FILE" {
		t.Errorf("sender %+v", mia)
	}
	wantTopic := Topic{Name: "guides", Title: "Ideas and guides", Double: true, Confirm: "confirm-guides", Sender: "mia"}
	if ws.Topics["guides"] != wantTopic || !slices.Equal(ws.TopicOrder, []string{"guides", "offers"}) {
		t.Errorf("topics %+v", ws.Topics)
	}
	wantLimits := Limits{
		PerContact: []campaigns.Limit{{Max: 2, Per: calendar.Span{Days: 1}}, {Max: 3, Per: calendar.Span{Days: 7}}, {Max: 1, Per: calendar.Span{Clock: 12 * time.Hour}}},
		QuietHours: &QuietHours{calendar.Quiet{From: 1260, To: 480}, "contact"},
		PerDomain:  map[string]float64{"gmail.com": 20, "*": 50},
		Bounces:    &Guard{Above: 0.05, OfLast: 1000, AtLeast: 51}, Complaints: &Guard{Above: 0.001, OfLast: 10000, AtLeast: 5},
		LookAhead: 2 * time.Hour,
	}
	if !reflect.DeepEqual(ws.Limits, wantLimits) {
		t.Errorf("limits %+v", ws.Limits)
	}
	if ws.Database != "postgres://me:secret@db/rapport" || ws.Redis != "" || ws.PublicURL != "https://go.northwind.example" || ws.Inbound.SMTP != ":2526" ||
		ws.Webhooks["crm"].URL != "https://crm.example/hook" || !slices.Equal(ws.Secrets, []string{"value-of-RAPPORT_SECRET"}) || !ws.RequireApproval || *ws.Control != (Control{Share: 0.05, Event: "order.placed", Value: "total"}) || ws.Campaigns["welcome"].Apart != 0.05 ||
		ws.RefreshSegments != 10*time.Minute || ws.Attributes["renewal_date"] != "date" || ws.Events["order.placed"]["total"] != "number" {
		t.Errorf("%+v", ws)
	}
	if len(ws.Segments) != 4 || len(ws.Campaigns) != 6 || len(ws.Scenarios) != 1 || len(ws.Scenarios[0].Entries) != 6 || ws.Scenarios[0].Arms["first-offer"] != "discount" {
		t.Errorf("%d segments, %d campaigns, scenarios %+v", len(ws.Segments), len(ws.Campaigns), ws.Scenarios)
	}
	if s := ws.SenderOf(ws.Campaigns["club"]); s != "mia" {
		t.Errorf("the campaign without a sender has %q", s)
	}
}

// What was stored reads like the folder, and nothing of the environment is in
// what is stored.
func TestRoundTripThroughTheStore(t *testing.T) {
	env := func(name string) (string, bool) { return "https://" + name + ".example", true }
	loaded, found := Load("testdata/valid/northwind", env)
	again, foundAgain := FromFiles(loaded.Files, env)
	if rendered(found) != rendered(foundAgain) || loaded.Hash != again.Hash || len(again.Campaigns) != len(loaded.Campaigns) {
		t.Error("a stored workspace reads differently")
	}
	for _, f := range loaded.Files {
		if bytes.Contains(f.Data, []byte("SMTP_PASSWORD.example")) {
			t.Errorf("%s holds a secret", f.Path)
		}
	}
	shuffled := slices.Clone(loaded.Files)
	slices.Reverse(shuffled)
	if other, _ := FromFiles(shuffled, env); other.Hash != loaded.Hash {
		t.Error("the hash depends on the order of files")
	}
	shuffled[0].Data = append(slices.Clone(shuffled[0].Data), '\n')
	if other, _ := FromFiles(shuffled, env); other.Hash == loaded.Hash {
		t.Error("the hash does not change with a file")
	}
	bare, _ := FromFiles(loaded.Files, nil)
	if c := bare.WithConnections(loaded); c.Providers["main"].SMTP.Username != "https://SMTP_USER.example" || bare.Providers["main"].SMTP.Username != "" {
		t.Error("connections are not taken over")
	}
}

func TestFolder(t *testing.T) {
	segment := "segment: a\nwhere: { event: order.placed }\n"
	dir := put(t, map[string]string{
		"rapport.yaml": minimal, "relationship.yml": "x", "README.md": "x", "campaign/x.yaml": "x", ".git/config": "x", "docker-compose.yaml": "x",
		"segments/a.yaml": segment, "segments/b.yml": segment, "segments/notes.txt": "x", "segments/.DS_Store": "x", "segments/a.yaml~": "x",
		"segments/old/c.yaml": segment, "campaigns/big.yaml": strings.Repeat("#", 1<<20+1), "templates/images/logo.png": "x",
	})
	outside := filepath.Join(t.TempDir(), "secret.yaml")
	if err := os.WriteFile(outside, []byte(segment), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "segments", "link.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("a.yaml", filepath.Join(dir, "segments", "inner.yaml")); err != nil {
		t.Fatal(err)
	}
	ws, findings := Load(dir, nil)
	want := `campaign:1:1: warning: this is not read
  did you mean "campaigns"?
campaigns/big.yaml:1:1: the file has more than 1 MB
  split it into several files
relationship.yml:1:1: warning: this is not read
  did you mean "relationship.yaml"?
segments/b.yml:1:1: the files of a workspace end in .yaml
  rename it to b.yaml
segments/inner.yaml:1:10: the segment a stands in a file called inner
    segment: a
             ^
  write segment: inner, or rename the file
segments/link.yaml:1:1: the file cannot be read: it is a link that leads out of the folder
segments/notes.txt:1:1: warning: this is not read: the files of segments/ end in .yaml
segments/old:1:1: warning: folders below segments/ are not read
  move the files up into segments/
templates/images/logo.png:1:1: there is no folder images for templates
    x
    ^
  templates stand in the folder itself, layouts in layouts/, partials in partials/
`
	if got := rendered(findings); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if len(ws.Segments) != 1 || len(ws.Files) != 4 {
		t.Errorf("%d segments, %d files", len(ws.Segments), len(ws.Files))
	}
}

func TestNoWorkspace(t *testing.T) {
	empty := t.TempDir()
	file := filepath.Join(empty, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	gone := filepath.Join(empty, "gone")
	for dir, want := range map[string]string{
		empty: "rapport.yaml:1:1: there is no rapport.yaml in " + empty + "\n  make one with: rapport init DIR, or name its folder\n",
		gone:  "rapport.yaml:1:1: there is no workspace in " + gone + ": it does not exist\n  make one with: rapport init " + gone + "\n",
		file:  "rapport.yaml:1:1: there is no workspace in " + file + ": not a directory\n  make one with: rapport init " + file + "\n",
	} {
		ws, findings := Load(dir, nil)
		if got := rendered(findings); got != want || ws == nil {
			t.Errorf("%s: got\n%s\nwant\n%s", dir, got, want)
		}
	}
}

func TestInitWritesAWorkspaceThatIsValid(t *testing.T) {
	for _, name := range []string{"Northwind Bikes", `O'Neill & "Söhne" <x> @ {{ y }}: 50% #1`, "", "Åre 雪"} {
		dir := filepath.Join(t.TempDir(), "new", "folder")
		if err := Init(dir, name); err != nil {
			t.Fatal(err)
		}
		ws, findings := Load(dir, nil)
		if len(findings) > 0 {
			t.Errorf("%s: %s", name, rendered(findings))
		}
		if len(ws.Segments) != 2 || len(ws.Campaigns) != 1 || len(ws.Templates.Names()) != 2 || len(ws.Scenarios) != 1 {
			t.Errorf("%d segments, %d campaigns, templates %v", len(ws.Segments), len(ws.Campaigns), ws.Templates.Names())
		}
		for _, f := range ws.Files {
			line, _, _ := strings.Cut(string(f.Data), "\n")
			_, schema, ok := strings.Cut(line, "$schema=")
			if strings.HasSuffix(f.Path, ".yaml") && !ok {
				t.Errorf("%s has no modeline", f.Path)
			}
			if !ok {
				continue
			}
			if _, err := os.Stat(filepath.Join(dir, filepath.Dir(f.Path), schema)); err != nil {
				t.Errorf("the modeline of %s leads nowhere: %v", f.Path, err)
			}
		}
	}
}

func TestInitRefuses(t *testing.T) {
	dir := put(t, map[string]string{"notes.txt": "mine"})
	err := Init(dir, "A")
	if want := "cannot make a workspace in " + dir + ": it is not empty (it holds notes.txt); name a new or an empty folder"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := Init(filepath.Join(dir, "notes.txt"), "A"); err == nil {
		t.Error("a file was taken for a folder")
	}
	if err := Init(t.TempDir(), "two\nlines"); err == nil {
		t.Error("a name of two lines was taken")
	}
	if err := Init(put(t, map[string]string{".git/config": "x"}), "A"); err != nil {
		t.Errorf("a fresh repository was refused: %v", err)
	}
}

func TestDeliveryReaches(t *testing.T) {
	only := Delivery{Only: []string{"*@northwind.example", "ana@example.com"}}
	for to, want := range map[string]bool{
		"mia@northwind.example": true, "MIA@Northwind.example": true, "ana@example.com": true, "bob@example.com": false,
		"mia@sub.northwind.example": false, "mia@northwind.example.org": false, "": false,
	} {
		if only.Reaches(to) != want {
			t.Errorf("%q reaches: %v", to, !want)
		}
	}
	if (Delivery{}).Reaches("ana@example.com") || !(Delivery{Live: true}).Reaches("ana@example.com") {
		t.Error("mailbox lets out, or live holds back")
	}
}

func TestQuietHoursZone(t *testing.T) {
	company, _ := calendar.LoadZone("Europe/Berlin")
	tokyo := &contacts.Contact{Timezone: "Asia/Tokyo"}
	for _, tt := range []struct {
		zone    string
		contact *contacts.Contact
		want    string
	}{
		{"contact", tokyo, "Asia/Tokyo"}, {"contact", &contacts.Contact{}, "Europe/Berlin"}, {"contact", &contacts.Contact{Timezone: "Nowhere"}, "Europe/Berlin"},
		{"contact", nil, "Europe/Berlin"}, {"America/New_York", tokyo, "America/New_York"},
	} {
		q := QuietHours{Timezone: tt.zone}
		if got := q.Zone(tt.contact, company).String(); got != tt.want {
			t.Errorf("%s of %v: got %s, want %s", tt.zone, tt.contact, got, tt.want)
		}
	}
}

// Rule 26: what a condition asks for needs somewhere to come from.
func TestRule26Sources(t *testing.T) {
	const provider = "providers: { main: { smtp: { host: smtp.example.net }, webhook: { kind: %s } } }\n"
	generic := strings.Replace(provider, "%s", `generic, secret: "${K}"`, 1)
	ses := strings.Replace(provider, "%s", "ses, topic: t", 1)
	for _, tt := range []struct{ kind, sender, more, want string }{
		{"replied", "", "", "replies can never arrive: nothing receives them"},
		{"replied", ", replies: {}", "", "replies can never arrive: nothing receives them"},
		{"replied", "", `inbound: { smtp: ":2526" }`, "replies can never arrive: nothing receives them"},
		{"replied", ", replies: {}", `inbound: { smtp: ":2526" }`, ""},
		{"replied", "", generic, ""},
		{"replied", "", ses, "replies can never arrive: nothing receives them"},
		{"bounced", "", "", "bounces can never arrive: nothing receives them"},
		{"bounced", ", bounces: b.a.example", `inbound: { smtp: ":2526" }`, ""},
		{"bounced", "", ses, ""},
		{"bounced", "", generic, ""},
		{"clicked", "", "", ""},
	} {
		_, findings := FromFiles([]File{
			{"rapport.yaml", []byte("company: { name: A, address: B }\nsenders: { me: { from: me@a.example" + tt.sender + " } }\n" + tt.more)},
			{"segments/s.yaml", []byte("segment: s\nwhere: { not: { email: " + tt.kind + " } }\n")},
		}, nil)
		got := ""
		for _, f := range findings {
			if !f.Warning {
				got += f.Message
			}
		}
		if got != tt.want {
			t.Errorf("%s with %q %q: %q, want %q", tt.kind, tt.sender, tt.more, got, tt.want)
		}
	}
}

// Rule 29: the workspace of the language's own page, with one letter changed in
// one name, has one finding that is an error.
func TestRule29OneMistakeOneFinding(t *testing.T) {
	files := readFiles(t, os.DirFS("testdata"), "base")
	for _, tt := range []struct{ file, old, new string }{
		{"rapport.yaml", "senders:", "sender:"},
		{"rapport.yaml", "topics:", "topic:"},
		{"rapport.yaml", "  guides:", "  Guides:"},
		{"rapport.yaml", "mia:", "mai:"},
		{"rapport.yaml", "attributes:", "atributes:"},
		{"rapport.yaml", "events:", "event:"},
		{"relationship.yaml", "ladder:", "lader:"},
		{"relationship.yaml", "event: order.placed", "event: order.plcaed"},
		{"relationship.yaml", "when: { event", "wen: { event"},
		{"segments/vips.yaml", "segment: vips", "segment: vip"},
		{"segments/vips.yaml", "where:", "were:"},
		{"segments/vips.yaml", "above:", "abovee:"},
		{"campaigns/welcome.yaml", "topic: guides", "topc: guides"},
		{"campaigns/welcome.yaml", "schedule:", "schedul:"},
		{"campaigns/welcome.yaml", "steps:", "step:"},
		{"campaigns/welcome.yaml", "send: welcome", "snd: welcome"},
		{"templates/welcome.md", "subject:", "subjct:"},
		{"templates/welcome.md", "first_name", "firstname"},
	} {
		changed := slices.Clone(files)
		i := slices.IndexFunc(changed, func(f File) bool { return f.Path == tt.file })
		if !bytes.Contains(changed[i].Data, []byte(tt.old)) {
			t.Fatalf("%s does not hold %q", tt.file, tt.old)
		}
		changed[i].Data = bytes.Replace(changed[i].Data, []byte(tt.old), []byte(tt.new), 1)
		if _, findings := FromFiles(changed, nil); len(findings) != 1 || findings[0].File != tt.file {
			t.Errorf("%s: %s → %s has %d findings:\n%s", tt.file, tt.old, tt.new, len(findings), rendered(findings))
		}
	}
}

// A file that cannot be read is one finding, whatever refers to it.
func TestRule29AFileThatCannotBeReadIsOneFinding(t *testing.T) {
	whole, before := Load("testdata/valid/northwind", nil) // before: no variable is set
	for _, lost := range whole.Files {
		files := map[string]string{}
		for _, f := range whole.Files {
			files[f.Path] = string(f.Data)
		}
		files[lost.Path] = strings.Repeat("#", maxFile+1)
		_, findings := Load(put(t, files), nil)
		findings = slices.DeleteFunc(findings, func(f strict.Finding) bool { return f.Warning || slices.Contains(before, f) })
		if len(findings) != 1 || findings[0].File != lost.Path {
			t.Errorf("%s has %d findings:\n%s", lost.Path, len(findings), rendered(findings))
		}
	}
}

func TestRule29AFolderThatCannotBeReadIsOneFinding(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	files := map[string]string{}
	for _, f := range readFiles(t, os.DirFS("testdata"), "base") {
		files[f.Path] = string(f.Data)
	}
	dir := put(t, files)
	if err := os.Chmod(filepath.Join(dir, "campaigns"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, "campaigns"), 0o755) })
	_, findings := Load(dir, nil)
	if got, want := rendered(findings), "campaigns:1:1: the folder cannot be read: permission is denied\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestRule29AWrongSplitIsOneFinding(t *testing.T) {
	whole, _ := Load("testdata/valid/northwind", nil)
	files := slices.Clone(whole.Files)
	i := slices.IndexFunc(files, func(f File) bool { return f.Path == "campaigns/welcome.yaml" })
	files[i].Data = bytes.Replace(files[i].Data, []byte("weight: 50"), []byte("weight: -5"), 1)
	files = append(files, File{"tests/split.yaml", []byte("scenarios:\n  - name: takes an arm\n    campaign: welcome\n    contact: { email: ana@example.com, consents: [guides] }\n" +
		"    arms: { first-offer: discount }\n    from: 2026-03-02 08:00\n    steps:\n      - { at: 2026-03-02 09:00, expect: { send: welcome } }\n")})
	_, findings := FromFiles(files, nil)
	findings = slices.DeleteFunc(findings, func(f strict.Finding) bool { return f.File == "rapport.yaml" }) // no variable is set
	if len(findings) != 1 || findings[0].Message != "a weight is from 0 to 1000000, not -5" {
		t.Error(rendered(findings))
	}
}

func FuzzFromFiles(f *testing.F) {
	for _, dir := range []string{"testdata/valid/northwind", "testdata/base"} {
		ws, _ := Load(dir, nil)
		for _, file := range ws.Files {
			f.Add(file.Path, file.Data)
		}
	}
	base, _ := Load("testdata/base", nil)
	f.Fuzz(func(t *testing.T, path string, data []byte) {
		files := slices.DeleteFunc(slices.Clone(base.Files), func(f File) bool { return f.Path == path })
		_, findings := FromFiles(append(files, File{path, data}), func(name string) (string, bool) { return name, name != "X" })
		for _, found := range findings {
			if found.Line < 1 || found.Column < 1 || found.Message == "" || found.Code == "" || found.File == "" {
				t.Fatalf("%+v", found)
			}
		}
	})
}

func TestAWarmUpGrowsByTheSameShareEveryDay(t *testing.T) {
	for _, c := range []struct {
		w    WarmUp
		want []int // of days 0, 1, 2, …
	}{
		{WarmUp{Start: 200, Target: 50000, Days: 3}, []int{200, 200, 3162, 50000, -1}},
		{WarmUp{Start: 10, Target: 80, Days: 4}, []int{10, 10, 20, 40, 80, -1}},
		{WarmUp{Start: 10, Target: 80, Days: 1}, []int{10, 10, -1}},
		{WarmUp{Start: 7, Target: 7, Days: 2}, []int{7, 7, 7, -1}},
	} {
		for day, want := range c.want {
			if got := c.w.Ceiling(day); got != want {
				t.Errorf("%+v: %d on day %d, want %d", c.w, got, day, want)
			}
		}
	}
}
