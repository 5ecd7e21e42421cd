package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"rapport/internal/clock"
	"rapport/internal/contacts"
	"rapport/internal/engine"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

// installation is a workspace with people in it, and the processes that serve it.
type installation struct {
	dir      string
	database string // "" for the embedded file
	listen   string
	store    *store.Store // to look at the results
	ids      []contacts.ID
	served   []*served
}

// served is a process of the program at work.
type served struct {
	*exec.Cmd
	name string
	log  string        // the file its output goes to
	gone chan struct{} // closed when it has ended
}

const benchWorkspace = `company:
  name: Northwind Bikes
  address: Hafenstrasse 12, 20457 Hamburg, Germany
  website: https://northwind.example
  timezone: UTC
public_url: https://go.northwind.example
%sproviders:
  main:
    smtp: { host: 127.0.0.1, port: 2525, tls: none }
    webhook: { kind: generic, secret: %q }
senders:
  mia: { from: Mia from Northwind <mia@news.northwind.example> }
topics:
  guides: { title: Ideas and guides, sender: mia }
delivery: mailbox
secrets: [ %q ]
`

func newCallbackBench(ctx context.Context, r *Run) (*callbackBench, error) {
	in := &installation{}
	b := &callbackBench{Run: r, installation: in}
	if err := b.prepare(ctx); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

// prepare fills a database and starts the processes. On servers the web and the
// scheduler are two, so that each one's CPU can be told; the embedded default is
// one process.
func (b *callbackBench) prepare(ctx context.Context) (err error) {
	b.dir = filepath.Join(b.Dir, "workspace")
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return err
	}
	connections := ""
	roles := [][]string{engine.Roles}
	name := filepath.Join(b.dir, ".rapport", "rapport.db")
	if !b.Embedded {
		b.database, name = b.Database, b.Database
		connections = fmt.Sprintf("database: %q\nredis: %q\n", b.Database, b.Redis)
		roles = [][]string{{engine.RoleWeb}, {engine.RoleScheduler}}
	}
	text := fmt.Sprintf(benchWorkspace, connections, hookSecret, linkSecret)
	if err := os.WriteFile(filepath.Join(b.dir, "rapport.yaml"), []byte(text), 0o600); err != nil {
		return err
	}
	if b.store, err = store.Open(ctx, name, store.Options{Shared: true, Connections: 4}); err != nil {
		return err
	}
	if err := b.apply(ctx); err != nil {
		return err
	}
	if err := b.fill(ctx); err != nil {
		return err
	}
	port, err := unusedPort()
	if err != nil {
		return err
	}
	b.listen = fmt.Sprintf("127.0.0.1:%d", port)
	for _, r := range roles {
		if err := b.serve(r); err != nil {
			return err
		}
	}
	if err := b.ready(ctx); err != nil {
		return err
	}
	_, err = b.catchUp(ctx)
	return err
}

func (b *callbackBench) apply(ctx context.Context) error {
	w, findings := workspace.Load(b.dir, os.LookupEnv)
	for _, f := range findings {
		if !f.Warning {
			return fmt.Errorf("the workspace of the bench: line %d: %s", f.Line, f.Message)
		}
	}
	_, err := engine.Apply(ctx, b.store, w, "bench", clock.System{}.Now())
	return err
}

// fill brings the contacts in.
func (b *callbackBench) fill(ctx context.Context) error {
	const at = 5000
	now := clock.System{}.Now()
	for from := int64(0); from < b.Report.Size; from += at {
		var list []store.ContactInput
		for n := from; n < min(from+at, b.Report.Size); n++ {
			list = append(list, store.ContactInput{Contact: contacts.Contact{Email: address(n), FirstName: "Ana", Language: "en"}, Source: "bench"})
		}
		done, err := b.store.UpsertContacts(ctx, list, now)
		if err != nil {
			return err
		}
		for _, d := range done {
			b.ids = append(b.ids, d.ID)
		}
		b.Step("contacts", from+at, b.Report.Size)
	}
	return nil
}

// serve starts a process of the program with some roles.
func (b *callbackBench) serve(roles []string) error {
	args := []string{"--dir", b.dir, "serve", "--listen", b.listen}
	name := "engine"
	if len(roles) == 1 {
		args, name = append(args, "--roles", roles[0]), roles[0]
	}
	c := exec.Command(b.Program, args...)
	c.Env, c.SysProcAttr = environment(), attributes()
	log, err := os.Create(filepath.Join(b.dir, name+".log"))
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own copy
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		return err
	}
	p := &served{Cmd: c, name: name, log: log.Name(), gone: make(chan struct{})}
	go func() {
		_ = c.Wait() // how it ended is asked of it later
		close(p.gone)
	}()
	b.served = append(b.served, p)
	return nil
}

// ended says how a process ended, with the end of its log.
func (p *served) ended() error {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err
	}
	return fmt.Errorf("the process %s ended (%s); its log ends: %s", p.name, p.ProcessState, text[max(0, len(text)-500):])
}

// ready waits until the web answers.
func (b *callbackBench) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+b.listen+"/readyz", nil)
		if err != nil {
			return err
		}
		if answer, err := http.DefaultClient.Do(q); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		for _, p := range b.served {
			select {
			case <-p.gone:
				return p.ended()
			default:
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the engine does not answer on %s", b.listen)
		case <-tick.C:
		}
	}
}

// execute runs one statement on the PostgreSQL of the bench.
func (b *callbackBench) execute(ctx context.Context, text string, args ...any) error {
	c, err := pgx.Connect(ctx, b.database)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	_, err = c.Exec(ctx, text, args...)
	return err
}

func (b *callbackBench) close() error {
	var failed []error
	for _, p := range b.served {
		_ = p.Process.Signal(os.Interrupt) // it may have ended by itself
		<-p.gone
		if !p.ProcessState.Success() {
			failed = append(failed, p.ended())
		}
	}
	if b.store != nil {
		b.store.Close()
	}
	return errors.Join(failed...)
}
