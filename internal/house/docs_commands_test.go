package house

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/testenv"
)

// notRun are the commands that cannot run in a test, by how they begin.
var notRun = map[string]string{
	"./test.sh":              "it runs this test",
	"go test":                "it runs this test",
	"rapport bench":          "it takes minutes; internal/bench runs each in a tiny size",
	"rapport templates send": "it mails somebody; its own test has a mail server",
	"export DATABASE_URL=":   "the test has servers of its own",
	"export REDIS_URL=":      "the test has servers of its own",
}

// shorter makes what takes long take less.
var shorter = strings.NewReplacer(
	"--days 90", "--days 2 --contacts 30",
	"go run ./cmd/rapport", "rapport",
)

// fromNothing are the pages that begin in a folder with nothing but the
// examples, as those of the examples do; the others begin in a workspace that
// `rapport init` made.
var fromNothing = []string{"README.md", "docs/quick-start.md", "docs/operate.md", "CONTRIBUTING.md", "docs/testing.md"}

// readyWhen tells that a process works which neither listens nor says so.
var readyWhen = map[string]string{
	"--roles scheduler": "rapport contacts show ana@example.com | grep 'stage  *prospect' >/dev/null",
}

// patience is how long one command may take.
const patience = 60 * time.Second

func TestEveryCommandOfTheDocumentationWorks(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds and runs the program")
	}
	for _, tool := range []string{"bash", "curl", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed, and the documentation uses it", tool)
		}
	}
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(bin, "rapport"), root+"/cmd/rapport").CombinedOutput(); err != nil {
		t.Fatalf("the program does not build: %v\n%s", err, out)
	}
	for _, s := range all(t, isPage) {
		if blocks := commandsOf(s); len(blocks) > 0 {
			t.Run(s.path, func(t *testing.T) {
				t.Parallel()
				newSession(t, s.path, bin).all(blocks)
			})
		}
	}
}

// commandsOf are the blocks of a page that run.
func commandsOf(s source) []block {
	return slices.DeleteFunc(blocksOf(s), func(b block) bool { return b.lang != "sh" && b.lang != "console" })
}

func TestEveryCommandThatDoesNotRunIsStillShown(t *testing.T) {
	var shown strings.Builder
	for _, s := range all(t, isPage) {
		for _, b := range commandsOf(s) {
			shown.WriteString("\n" + b.text)
		}
	}
	for prefix, reason := range notRun {
		if !strings.Contains(shown.String(), "\n"+prefix) {
			t.Errorf("no page shows %s any more (%s): take it out of notRun", prefix, reason)
		}
	}
}

// session is one page read by somebody who types what it says.
type session struct {
	t       *testing.T
	dir     string // holds what a shell leaves to the next: where it was, what it exported
	path    string
	port    string
	running []*background
}

func newSession(t *testing.T, page, bin string) *session {
	dir := t.TempDir()
	s := &session{t: t, dir: dir, path: bin + ":" + os.Getenv("PATH"), port: freePort(t)}
	t.Cleanup(s.stop)
	home := filepath.Join(dir, "home")
	if err := os.CopyFS(filepath.Join(home, "examples"), os.DirFS(root+"/examples")); err != nil {
		t.Fatal(err)
	}
	s.write("cwd", home)
	s.write("env", "")
	if !slices.Contains(fromNothing, page) && !strings.HasPrefix(page, "examples/") {
		s.run("the beginning", "rapport init acme\ncd acme")
	}
	return s
}

func (s *session) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// longRunning are the commands that last until they are told to stop.
var longRunning = regexp.MustCompile(`(?m)^(?:[A-Z_]+=\S+ )*rapport (?:serve|demo)\b.*$`)

func (s *session) all(blocks []block) {
	for _, b := range blocks {
		at := fmt.Sprintf("%s:%d", b.page, b.line)
		s.servers(b.words)
		text := shorter.Replace(s.without(b.text))
		text = regexp.MustCompile(`(127\.0\.0\.1)?:8080\b`).ReplaceAllString(text, "127.0.0.1:"+s.port)
		if b.lang == "console" {
			s.shown(at, text)
			continue
		}
		before := s.running
		for _, m := range longRunning.FindAllString(text, -1) {
			if strings.Contains(m, "--exit") {
				continue
			}
			first, rest, _ := strings.Cut(text, m)
			s.run(at, first)
			if len(before) > 0 { // a reader has pressed Ctrl-C since
				s.stop()
				before = nil
			}
			s.start(at, m)
			text = rest
		}
		s.run(at, text)
	}
	s.stop()
}

// without takes out what does not run here.
func (s *session) without(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		for prefix := range notRun {
			if strings.HasPrefix(l, prefix) {
				lines[i] = ""
			}
		}
	}
	return strings.Join(lines, "\n")
}

// servers gives a block the servers that it names.
func (s *session) servers(words []string) {
	var env string
	for _, w := range words {
		switch w {
		case "postgres":
			env += "export DATABASE_URL='" + testenv.Postgres(s.t) + "'\n"
		case "redis":
			env += "export REDIS_URL='" + testenv.Redis(s.t) + "'\n"
		default:
			s.t.Fatalf("there is no server %q for a block", w)
		}
	}
	if env != "" {
		s.run("servers", env)
	}
}

// script is commands in the place and with the variables that earlier ones left.
func (s *session) script(commands string) *exec.Cmd {
	c := exec.Command("bash", "-c", `cd "$(cat "$STATE/cwd")"; . "$STATE/env"; set -eo pipefail
`+commands+`
pwd > "$STATE/cwd"; export -p | grep -v '^declare -x \(STATE\|PATH\|PWD\|OLDPWD\|SHLVL\)=' > "$STATE/env" || true`)
	c.Env = []string{"PATH=" + s.path, "STATE=" + s.dir, "HOME=" + s.dir, "LANG=C.UTF-8"}
	return c
}

// run runs commands and returns what they printed.
func (s *session) run(at, commands string) string {
	s.t.Helper()
	if strings.TrimSpace(commands) == "" {
		return ""
	}
	c := s.script(commands)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Start(); err != nil {
		s.t.Fatal(err)
	}
	late := time.AfterFunc(patience, func() { _ = c.Process.Kill() })
	defer late.Stop()
	if err := c.Wait(); err != nil {
		s.t.Fatalf("%s: %v\n%s\n--- standard output\n%s--- standard error\n%s", at, err, commands, stdout.String(), stderr.String())
	}
	return stdout.String() + stderr.String()
}

// shown runs the commands of a console block and looks for what it shows.
func (s *session) shown(at, text string) {
	s.t.Helper()
	var command, got string
	var want []string
	check := func() {
		if command == "" {
			return
		}
		got = s.run(at, command)
		if missing := absent(got, want); missing != "" {
			s.t.Errorf("%s: %s\n--- does not print\n%s\n--- but\n%s", at, command, missing, got)
		}
	}
	for l := range strings.Lines(text) {
		if typed, ok := strings.CutPrefix(l, "$ "); ok {
			check()
			command, want = strings.TrimSpace(typed), nil
			continue
		}
		want = append(want, l)
	}
	check()
}

// absent is the first line of what is wanted that does not come in its turn.
func absent(got string, want []string) string {
	lines := strings.Split(got, "\n")
	for _, w := range want {
		fields := strings.Fields(w)
		if len(fields) == 0 {
			continue
		}
		pattern := regexp.MustCompile(`^` + strings.ReplaceAll(regexp.QuoteMeta(strings.Join(fields, " ")), "…", ".*") + `$`)
		i := slices.IndexFunc(lines, func(l string) bool { return pattern.MatchString(strings.Join(strings.Fields(l), " ")) })
		if i < 0 {
			return w
		}
		lines = lines[i+1:]
	}
	return ""
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
