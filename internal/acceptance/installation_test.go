package acceptance

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/engine"
	"rapport/internal/store"
	"rapport/internal/testenv"
)

const (
	// speed is how fast time runs in an installation: a day in 18 seconds, so
	// that a contact who answers within a second answers within 80 minutes.
	speed = 4800

	// publicURL is what links in mail begin with. Requests to it are taken to
	// the web role, as the proxy in front of an installation does.
	publicURL = "https://go.northwind.example"

	webhookSecret = "the webhook's secret, long enough"
	linkSecret    = "the secret that signs links, long enough"
)

// backend is what an installation keeps its data in.
type backend struct {
	name string
	// open returns the addresses of a fresh database and queue; both are
	// empty for the embedded ones.
	open func(t *testing.T) (database, redis string)
	// processes are the roles of each process; the first one has the web.
	processes [][]string
}

var (
	embedded = backend{"sqlite", func(*testing.T) (string, string) { return "", "" }, [][]string{engine.Roles}}
	servers  = backend{"postgres", func(t *testing.T) (string, string) { return testenv.Postgres(t), testenv.Redis(t) },
		[][]string{{engine.RoleScheduler, engine.RoleWeb}, {engine.RoleWorker}, {engine.RoleWorker}}}
	backends = []backend{embedded, servers}
)

// installation is a workspace with a database and the processes that serve it.
type installation struct {
	*testing.T
	backend
	dir     string
	env     []string
	url     string // of the web role
	listen  string
	anchor  int64 // from when on its time runs fast
	clock   clock.Clock
	store   *store.Store // to look at the results
	key     string       // of the HTTP interface
	running []*process   // one for each of backend.processes, once served
	ever    []*process   // those that were stopped or killed too
}

// options of an installation.
type options struct {
	backend backend
	smtp    int   // port of its mail server
	anchor  int64 // 0: it is night, some hours before the campaign fires
	edit    func(dir string)
}

// install makes an installation that has a workspace and an empty database.
// Nothing runs yet.
func install(t *testing.T, o options) *installation {
	t.Helper()
	in := &installation{T: t, backend: o.backend, dir: filepath.Join(t.TempDir(), "shop"), anchor: o.anchor}
	if err := os.CopyFS(in.dir, os.DirFS("testdata/shop")); err != nil {
		t.Fatal(err)
	}
	if o.edit != nil {
		o.edit(in.dir)
	}
	if in.anchor == 0 {
		in.anchor = anchorAtNight(time.Now())
	}
	in.clock = clock.Since(time.Unix(in.anchor, 0), speed)
	in.listen = fmt.Sprintf("127.0.0.1:%d", freePort(t))
	in.url = "http://" + in.listen
	database, redis := o.backend.open(t)
	in.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.Getenv("TMPDIR"),
		fmt.Sprintf("RAPPORT_TEST_SPEED=%d@%d", speed, in.anchor),
		fmt.Sprintf("SMTP_PORT=%d", o.smtp),
		"WEBHOOK_SECRET=" + webhookSecret, "LINK_SECRET=" + linkSecret,
	}
	name := filepath.Join(in.dir, ".rapport", "rapport.db")
	if database != "" {
		in.env = append(in.env, "DATABASE_URL="+database, "REDIS_URL="+redis)
		name = database
	}
	s, err := store.Open(t.Context(), name, store.Options{Shared: true, Connections: 4})
	if err != nil {
		t.Fatal(err)
	}
	in.store = s
	t.Cleanup(s.Close)
	return in
}

// anchorAtNight chooses the second from which on time runs fast so that it is
// now between three and half past four in the morning of some coming day: the
// anchor is a whole second, which is 80 minutes.
func anchorAtNight(now time.Time) int64 {
	night := now.UTC().Truncate(24 * time.Hour).Add(27 * time.Hour)
	back := night.Sub(now).Seconds() / (speed - 1)
	return int64(math.Floor(float64(now.UnixMilli())/1000 - back))
}

// command is a rapport command line in the workspace.
func (in *installation) command(args ...string) *exec.Cmd {
	c := exec.Command(program, append([]string{"--dir", in.dir}, args...)...)
	c.Env = in.env
	return c
}

// must runs a command that must succeed and returns what it printed.
func (in *installation) must(args ...string) string {
	in.Helper()
	r := run(in.T, in.command(args...))
	if r.code != 0 {
		in.Fatalf("rapport %s: exit code %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// prepare imports n contacts, applies the workspace and makes a key.
func (in *installation) prepare(n int) {
	in.Helper()
	in.must("contacts", "import", contactsFile(in.T, n), "--topic", "guides", "--source", "stand at Eurobike", "--at", consentDate)
	in.must("apply", "--author", "acceptance")
	var key struct{ Key string }
	if err := json.Unmarshal([]byte(in.must("keys", "create", "shop", "--scope", "events:write", "--json")), &key); err != nil || key.Key == "" {
		in.Fatalf("keys create answered no key: %v", err)
	}
	in.key = key.Key
}

// serve starts all processes and waits until they work.
func (in *installation) serve() {
	in.Helper()
	in.running = make([]*process, len(in.processes))
	for i := range in.processes {
		in.restart(i)
	}
}

// restart starts process i, again if it ran before, and waits until it works.
func (in *installation) restart(i int) {
	in.Helper()
	roles := in.processes[i]
	p := start(in.T, in.name+"-"+strings.Join(roles, "-"), in.command("serve", "--listen", in.listen, "--roles", strings.Join(roles, ",")))
	in.running[i], in.ever = p, append(in.ever, p)
	eventually(in.T, 30*time.Second, p.name+" works", func() (bool, string) {
		select {
		case <-p.exited:
			in.Fatalf("%s ended with exit code %d:\n%s", p.name, p.code, p.tail())
		default:
		}
		if slices.Contains(roles, engine.RoleWorker) && !strings.Contains(p.output(), readyToSend) {
			return false, "it is not ready to send"
		}
		if !slices.Contains(roles, engine.RoleWeb) {
			return true, ""
		}
		answer, err := http.Get(in.url + "/readyz")
		if err != nil {
			return false, err.Error()
		}
		defer answer.Body.Close()
		return answer.StatusCode == http.StatusOK, answer.Status
	})
}

// readyToSend is what a worker logs when it has settled what an earlier one
// left in doubt.
const readyToSend = "ready to send"

// workers are the places in running of the processes that send.
func (in *installation) workers() (list []int) {
	for i, roles := range in.processes {
		if slices.Contains(roles, engine.RoleWorker) {
			list = append(list, i)
		}
	}
	return list
}

// noErrors fails the test for errors in the logs.
func (in *installation) noErrors() {
	in.Helper()
	for _, p := range in.ever {
		for line := range strings.Lines(p.output()) {
			if strings.Contains(line, "level=ERROR") || strings.Contains(line, "panic") {
				in.Errorf("%s: %s", p.name, line)
			}
		}
	}
}
