package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"rapport/campaigns"
	"rapport/internal/clock"
	"rapport/internal/measure"
	"rapport/internal/queue"
	"rapport/internal/queue/redisq"
	"rapport/internal/simulate"
	"rapport/internal/store"
	"rapport/internal/testenv"
)

// terminal is a stream that tests pass off as one.
type terminal struct{ bytes.Buffer }

// testApp is the program on buffers; its terminals are of the type terminal.
func testApp(env map[string]string) (*app, *bytes.Buffer, *bytes.Buffer) {
	var out, errs bytes.Buffer
	return &app{
		stdin: strings.NewReader(""), stdout: &out, stderr: &errs,
		env:        func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		now:        clock.NewManual(time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)),
		isTerminal: func(stream any) bool { _, ok := stream.(*terminal); return ok },
		columns:    func() int { return 80 },
	}, &out, &errs
}

// must runs a command line that works, and gives what it printed.
func must(t *testing.T, env map[string]string, args ...string) string {
	t.Helper()
	a, out, errs := testApp(env)
	if code := a.run(context.Background(), args); code != 0 {
		t.Fatalf("rapport %s: exit code %d: %s", strings.Join(args, " "), code, errs)
	}
	return out.String()
}

// Every command says in one sentence what it does, shows an example of itself,
// and says something about every flag.
func TestHelpIsComplete(t *testing.T) {
	a, _, _ := testApp(nil)
	var check func(c *cobra.Command)
	check = func(c *cobra.Command) {
		if c.Name() == "help" || c.Name() == "completion" || c.Hidden { // hidden ones are started by ours
			return
		}
		if first, _ := firstRune(c.Short); !unicode.IsUpper(first) || strings.HasSuffix(c.Short, ".") || len(c.Short) > 70 {
			t.Errorf("%s: the short text %q is not a line in a list", c.CommandPath(), c.Short)
		}
		if !strings.HasPrefix(c.Example, "  rapport ") {
			t.Errorf("%s: it has no example", c.CommandPath())
		}
		if !strings.Contains(c.Example, c.Name()) {
			t.Errorf("%s: its example is about something else", c.CommandPath())
		}
		for _, line := range strings.Split(c.Example, "\n") {
			if len([]rune(line)) > 80 {
				t.Errorf("%s: this line of the example has more than 80 characters: %s", c.CommandPath(), line)
			}
		}
		for _, line := range strings.Split(c.LocalFlags().FlagUsages(), "\n") {
			if strings.TrimSpace(line) != "" && len(strings.Fields(line)) < 3 {
				t.Errorf("%s: this flag says nothing: %s", c.CommandPath(), line)
			}
		}
		for _, sub := range c.Commands() {
			check(sub)
		}
	}
	check(a.root())
}

func firstRune(s string) (rune, bool) {
	for _, r := range s {
		return r, true
	}
	return 0, false
}

func TestTableFitsTheTerminal(t *testing.T) {
	a, _, _ := testApp(map[string]string{"NO_COLOR": "1"})
	screen := &terminal{}
	a.stdout, a.columns = screen, func() int { return 56 }
	tab := a.newTable("NAME", "SENDER", "SIZE", "ABOUT")
	tab.row("new-prospects", "mia-of-northwind", "1,200", "Want our guides and have not bought yet")
	tab.row("vips", "mia", "7", "Spend")
	tab.print()
	want := `NAME           SENDER     SIZE  ABOUT
new-prospects  mia-of-…  1,200  Want our guides and have
                                not bought yet
vips           mia           7  Spend
`
	if got := screen.String(); got != want {
		t.Errorf("it is\n%s, want\n%s", got, want)
	}

	// Elsewhere nothing is cut.
	a.stdout = &bytes.Buffer{}
	tab.print()
	if got := a.stdout.(*bytes.Buffer).String(); !strings.Contains(got, "new-prospects  mia-of-northwind  1,200  Want our guides and have not bought yet\n") {
		t.Errorf("what goes into a file was cut:\n%s", got)
	}
}

func TestALongLineGoesOnWhereItsTextBegins(t *testing.T) {
	a, _, _ := testApp(nil)
	a.stdout, a.columns = &terminal{}, func() int { return 40 }
	line := "  2026-03  stranger → first-time-buyer 12, first-time-buyer → client 3"
	want := "  2026-03  stranger → first-time-buyer\n           12, first-time-buyer → client\n           3"
	if got := a.hung(line, len("  2026-03  ")); got != want {
		t.Errorf("it is\n%s\nwant\n%s", got, want)
	}
	a.stdout = &bytes.Buffer{}
	if got := a.hung(line, 2); got != line {
		t.Errorf("what goes into a file was broken:\n%s", got)
	}
}

func TestANarrowTerminalShowsRangesWhole(t *testing.T) {
	a, _, _ := testApp(map[string]string{"NO_COLOR": "1"})
	share := simulate.Share{Of: 4360, Range: measure.Range{Value: 0.219, Low: 0.207, High: 0.231}}
	reports := map[string]simulate.CampaignReport{
		"first-checks": {Enrolled: 4360, Control: 829, Sent: 15881, Goal: &simulate.Goal{Treated: share, Control: &share, Uplift: &measure.Range{Value: 0.038, Low: 0.008, High: 0.066}}},
		"onboarding":   {Enrolled: 57, Sent: 128},
	}
	screen := &terminal{}
	a.stdout = screen
	a.showCampaigns(reports)
	want := `
Campaigns
                ENROLLED  CONTROL    MAIL
  first-checks     4,360      829  15,881
  onboarding          57        0     128

                GOAL                    UPLIFT
  first-checks  21.9% (20.7% to 23.1%)  +3.8 points (+0.8 to +6.6)
`
	if got := screen.String(); got != want {
		t.Errorf("it is\n%s\nwant\n%s", got, want)
	}
}

func TestColoursOnlyOnTerminals(t *testing.T) {
	for name, c := range map[string]struct {
		env      map[string]string
		out      io.Writer
		coloured bool
	}{
		"a terminal":             {nil, &terminal{}, true},
		"a file":                 {nil, &bytes.Buffer{}, false},
		"NO_COLOR":               {map[string]string{"NO_COLOR": "1"}, &terminal{}, false},
		"an empty NO_COLOR":      {map[string]string{"NO_COLOR": ""}, &terminal{}, true},
		"a terminal without any": {map[string]string{"TERM": "dumb"}, &terminal{}, false},
	} {
		a, _, _ := testApp(c.env)
		a.stdout = c.out
		if got := strings.Contains(a.green("ok"), "\x1b["); got != c.coloured {
			t.Errorf("%s: coloured is %t", name, got)
		}
	}
}

func TestConfirm(t *testing.T) {
	for _, c := range []struct {
		in        io.Reader
		answer    string
		yes, json bool
		want      string
	}{
		{answer: "y\n"},
		{answer: "YES\n"},
		{answer: "n\n", want: "nothing was done"},
		{answer: "\n", want: "nothing was done"},
		{answer: "", want: "nothing was done: there was no answer"},
		{yes: true},
		{answer: "y\n", json: true, want: "erasing cannot be undone: add --yes to do it without being asked"},
	} {
		a, _, errs := testApp(nil)
		screen := &terminal{}
		screen.WriteString(c.answer)
		a.stdin, a.json = screen, c.json
		err := a.confirm("erasing cannot be undone", c.yes)
		if got := fmt.Sprint(err); got != c.want && (c.want != "" || err != nil) {
			t.Errorf("%q: %v, want %q", c.answer, err, c.want)
		}
		if !c.yes && !c.json && errs.String() != "Erasing cannot be undone. Go on? [y/N] " {
			t.Errorf("it asked %q", errs)
		}
	}
}

func TestNumbersForPeople(t *testing.T) {
	for got, want := range map[string]string{
		count(0): "0", count(999): "999", count(12400): "12,400", count(-1234567): "-1,234,567",
		of(1, "contact"): "1 contact", of(30, "day"): "30 days",
		percent(0, 0): "", percent(0, 7): "0%", percent(1, 3): "33%", percent(1, 1000): "0.1%", percent(7, 7): "100%",
		leftText(0): "1s", leftText(95 * time.Second): "1m 35s", leftText(25*time.Hour + time.Minute): "1d 1h",
		leftText(time.Hour + 59*time.Second): "1h", rateText(0.26): "0.3", rateText(1234.4): "1,234",
		plain("a\nb\x1b[31m\u202ec"): "a b\uFFFD[31m\uFFFDc",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestBarsOnlyWhereSomebodyLooks(t *testing.T) {
	for _, c := range []struct {
		err   io.Writer
		json  bool
		shown bool
	}{{&terminal{}, false, true}, {&terminal{}, true, false}, {&bytes.Buffer{}, false, false}} {
		a, _, _ := testApp(nil)
		a.stderr, a.json = c.err, c.json
		bar := a.newBar(10, "importing")
		bar.Set(5)
		bar.Finish()
		if got := c.err.(fmt.Stringer).String() != ""; got != c.shown {
			t.Errorf("json %t: shown is %t", c.json, got)
		}
	}
}

// A difference between what contacts did and what is counted is found by doctor, which
// says what to run, and mended by that.
func TestWhatContactsDidIsCountedAgain(t *testing.T) {
	url := testenv.Postgres(t)
	dir := filepath.Join(t.TempDir(), "acme")
	must(t, nil, "init", dir)
	write(t, filepath.Join(dir, "people.csv"), "email,city\nana@example.com,Kiel\nbob@example.com,Bonn\n")
	on := func(code int, args ...string) string {
		t.Helper()
		a, out, errs := testApp(nil)
		if got := a.run(context.Background(), append([]string{"-C", dir, "--database", url}, args...)); got != code {
			t.Fatalf("rapport %s: exit code %d, want %d: %s%s", strings.Join(args, " "), got, code, out, errs)
		}
		return out.String()
	}
	says := func(got, want string) {
		t.Helper()
		if !strings.Contains(got, want) {
			t.Errorf("%q, want %q in it", got, want)
		}
	}
	on(0, "contacts", "import", filepath.Join(dir, "people.csv"), "--topic", "guides", "--source", "form")
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	says(on(0, "segments", "recount"), "What 2 contacts did is counted right.\n")
	if _, err := db.Exec(`insert into tallies (contact_id, name, number, first_at, last_at, earlier) select min(id), 'order.placed', 3, 1, 1, '{}' from contacts`); err != nil {
		t.Fatal(err)
	}
	a, out, _ := testApp(nil)
	a.run(context.Background(), []string{"-C", dir, "--database", url, "doctor"}) // what it says of the network is not looked at
	says(out.String(), "fault tallies: of 1 of 2 contacts in a sample")
	says(on(1, "segments", "recount", "--check"), "What 1 of 2 contacts did is counted wrong. rapport segments recount counts it again.\n")
	says(on(0, "segments", "recount", "--json"), `"mended": 1`)
	says(on(0, "segments", "recount", "--check"), "What 2 contacts did is counted right.\n")
	says(must(t, nil, "-C", dir, "segments", "recount"), "The embedded database is asked for the events themselves: there is nothing to count again.\n")
}

// The same commands on PostgreSQL.
func TestOnPostgres(t *testing.T) {
	url := testenv.Postgres(t)
	dir := filepath.Join(t.TempDir(), "acme")
	must(t, nil, "init", dir)
	write(t, filepath.Join(dir, "people.csv"), "email,city\nana@example.com,Kiel\nbob@example.com,Bonn\n")
	on := func(args ...string) string {
		return must(t, nil, append([]string{"-C", dir, "--database", url}, args...)...)
	}
	if got := on("contacts", "import", filepath.Join(dir, "people.csv"), "--topic", "guides", "--source", "form", "--json"); !strings.Contains(got, `"created": 2`) {
		t.Errorf("import: %s", got)
	}
	if got := on("segments", "count", "customers"); got != "0 of 2 contacts (0%)\n" {
		t.Errorf("count: %s", got)
	}
	on("apply", "--author", "Ana")
	on("campaigns", "pause", "welcome")
	if got := on("campaigns", "status"); !strings.Contains(got, "welcome   paused") {
		t.Errorf("status: %s", got)
	}
	if got := on("contacts", "export"); !strings.Contains(got, "ana@example.com,") {
		t.Errorf("export: %s", got)
	}
}

// A pause is told to the running processes, which hold it in memory
// (semantics.md, rule 9).
func TestPauseIsTold(t *testing.T) {
	env := map[string]string{"REDIS": testenv.Redis(t)}
	dir := filepath.Join(t.TempDir(), "acme")
	must(t, env, "init", dir)
	appendTo(t, filepath.Join(dir, "rapport.yaml"), "\nredis: ${REDIS}\n")
	must(t, env, "-C", dir, "apply", "--author", "Ana")
	q, err := redisq.Open(redisq.Config{URL: env["REDIS"]})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	news := q.Subscribe(t.Context())
	must(t, env, "-C", dir, "campaigns", "pause", "welcome")
	if got := <-news; got != campaignNotice("welcome") {
		t.Errorf("told %+v, want %+v", got, queue.Notice{Kind: "campaign", Key: "welcome"})
	}
}

// Stopping twice is no error: a stop that broke off is finished that way.
func TestStopTwice(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "acme")
	must(t, nil, "init", dir)
	must(t, nil, "-C", dir, "apply", "--author", "Ana")
	for _, want := range []string{"welcome is stopped for good\n", "welcome is stopped already\n"} {
		if got := must(t, nil, "-C", dir, "campaigns", "stop", "welcome", "--yes"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// A Redis that is away delays the news and loses nothing.
func TestPauseWithoutRedis(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "acme")
	must(t, nil, "init", dir)
	appendTo(t, filepath.Join(dir, "rapport.yaml"), "\nredis: redis://127.0.0.1:1\n")
	must(t, nil, "-C", dir, "apply", "--author", "Ana")
	a, out, errs := testApp(nil)
	if code := a.run(t.Context(), []string{"-C", dir, "campaigns", "pause", "welcome"}); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	if got := out.String(); got != "welcome is paused: nothing leaves until it is resumed\n" {
		t.Errorf("it said %q", got)
	}
	if !strings.HasPrefix(errs.String(), "the change is stored; running processes learn of it a little later: redis at 127.0.0.1:1 is unreachable") {
		t.Errorf("the note is %q", errs)
	}
}

// importBatch is how many rows of a file the store takes in one transaction.
const importBatch = 2000

// Importing needs memory for a batch, whatever the length of the file.
func TestImportStreams(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "acme")
	must(t, nil, "init", dir)
	a, out, errs := testApp(nil)
	const rows = 3*importBatch + 1
	read, written := io.Pipe()
	go func() {
		fmt.Fprintln(written, "email,city")
		for i := range rows {
			fmt.Fprintf(written, "p%d@example.com,Kiel\n", i)
		}
		written.Close()
	}()
	a.stdin = read
	if code := a.run(t.Context(), []string{"-C", dir, "contacts", "import", "-", "--json"}); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	if want := fmt.Sprintf(`"created": %d`, rows); !strings.Contains(out.String(), want) {
		t.Errorf("it said %s, want %s", out, want)
	}
}

// An import that is stopped says what it has stored.
func TestImportStopped(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "acme")
	must(t, nil, "init", dir)
	a, _, errs := testApp(nil)
	ctx, stop := context.WithCancel(t.Context())
	read, written := io.Pipe()
	go func() {
		fmt.Fprintln(written, "email,about")
		for i := range 2 * importBatch {
			// The rows are so long that what is read ahead is less than half a batch.
			fmt.Fprintf(written, "p%d@example.com,%s\n", i, strings.Repeat("x", 1000))
			if i == importBatch+importBatch/2 {
				stop()
			}
		}
		written.Close()
	}()
	a.stdin = read
	if code := a.run(ctx, []string{"-C", dir, "contacts", "import", "-"}); code != exitFailed {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	want := "rapport: cannot import all of standard input: stopped before the end\n  2,000 contacts stored so far; importing it again does no harm\n"
	if got := errs.String(); got != want {
		t.Errorf("it said %q, want %q", got, want)
	}
}

// What waits, how fast it goes, how long it takes.
func TestPace(t *testing.T) {
	a, _, _ := testApp(nil)
	s := &session{app: a}
	p := &store.Progress{Messages: map[campaigns.MessageState]int64{campaigns.Queued: 1200, campaigns.Sending: 4, campaigns.Sent: 90}}
	for want, k := range map[string]campaignStanding{
		"0":                     {Progress: &store.Progress{}},
		"1,204":                 {Progress: p},
		"1,204, 35/s, 34s left": {Progress: p, rate: 35.4, left: 34 * time.Second},
		"1,204, 0.2/s, 2h left": {Progress: p, rate: 0.17, left: 2 * time.Hour},
		"1,204, 9.5/s, 2m left": {Progress: p, rate: 9.5, left: 2 * time.Minute},
	} {
		if got := s.pace(k); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func appendTo(t *testing.T, name, text string) {
	t.Helper()
	old, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	write(t, name, string(old)+text)
}
