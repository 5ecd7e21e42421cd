package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"rapport/internal/engine"
	"rapport/internal/store"
	"rapport/internal/strict"
	"rapport/internal/workspace"
)

// mailHouse is Rapport as somebody runs it to send mail: a workspace, a database with
// contacts, and processes that serve it.
type mailHouse struct {
	*Run
	shop
	contacts int64
	dir      string
	store    *store.Store // beside the processes
	engines  []*child
}

// install makes an installation of which nothing runs yet. Its campaigns are
// paused.
func (r *Run) install(ctx context.Context, o shop, contacts int64) (*mailHouse, error) {
	in := &mailHouse{Run: r, shop: o, dir: filepath.Join(r.Dir, "workspace")}
	// The start is the minute that has begun, and the workspace is applied before
	// it, so that a campaign starts as soon as it is no longer paused.
	in.once = r.Clock.Now().Truncate(time.Minute)
	if err := in.write(in.dir); err != nil {
		return nil, err
	}
	w, findings := workspace.Load(in.dir, in.lookup)
	for _, f := range findings {
		if !f.Warning {
			return nil, fmt.Errorf("the workspace of the bench is not valid:\n%s", strict.Render(f, false))
		}
	}
	var err error
	if in.store, err = store.Open(ctx, r.Database, store.Options{Shared: true, Connections: 4}); err != nil {
		return nil, err
	}
	r.atEnd(func() error { in.store.Close(); return nil })
	if err := in.grow(ctx, contacts); err != nil {
		return nil, err
	}
	if _, err := engine.Apply(ctx, in.store, w, "bench", in.once.Add(-time.Second)); err != nil {
		return nil, err
	}
	for _, m := range in.campaigns {
		if err := in.move(ctx, m.name, store.Paused, store.Running); err != nil {
			return nil, err
		}
	}
	return in, nil
}

// grow adds contacts until there are n.
func (in *mailHouse) grow(ctx context.Context, n int64) error {
	if n <= in.contacts {
		return nil
	}
	err := in.fill(ctx, in.store, in.contacts, n)
	in.contacts = n
	return err
}

// move changes the status of a campaign.
func (in *mailHouse) move(ctx context.Context, campaign string, to, from store.CampaignStatus) error {
	changed, err := in.store.SetCampaignStatus(ctx, campaign, to, []store.CampaignStatus{from}, in.Clock.Now())
	if err == nil && !changed {
		err = fmt.Errorf("the campaign %s is not %s", campaign, from)
	}
	return err
}

// variables point the workspace at its servers.
func (in *mailHouse) variables() []string {
	if in.Embedded {
		return nil
	}
	return []string{"DATABASE_URL=" + in.Database, "REDIS_URL=" + in.Redis}
}

func (in *mailHouse) lookup(name string) (string, bool) {
	for _, v := range in.variables() {
		if key, value, _ := strings.Cut(v, "="); key == name {
			return value, true
		}
	}
	return "", false
}

// serve starts processes that send until there are so many, and waits until each
// works. The first one has all roles.
func (in *mailHouse) serve(ctx context.Context, processes int) error {
	for len(in.engines) < processes {
		if err := in.serveOne(ctx, len(in.engines) == 0); err != nil {
			return err
		}
	}
	return nil
}

// readyTime is how long a process may take until it works.
const readyTime = time.Minute

// readyToSend is what a worker logs when it has settled what an earlier one left
// in doubt.
const readyToSend = "ready to send"

func (in *mailHouse) serveOne(ctx context.Context, all bool) error {
	roles, listen := []string{engine.RoleWorker}, ""
	arguments := []string{"--dir", in.dir, "serve"}
	if all {
		port, err := unusedPort()
		if err != nil {
			return err
		}
		roles, listen = engine.Roles, fmt.Sprintf("127.0.0.1:%d", port)
		arguments = append(arguments, "--listen", listen)
	}
	c := exec.Command(in.Program, append(arguments, "--roles", strings.Join(roles, ","))...)
	c.Env = environment(in.variables()...)
	p, err := start("rapport serve", c)
	if err != nil {
		return err
	}
	in.engines = append(in.engines, p)
	in.atEnd(p.stop)
	ctx, cancel := context.WithTimeoutCause(ctx, readyTime, fmt.Errorf("rapport serve did not work within %s", readyTime))
	defer cancel()
	return poll(ctx, 20*time.Millisecond, func() (bool, error) {
		if err := p.ended(); err != nil {
			return false, err
		}
		if listen == "" {
			return strings.Contains(p.output.String(), readyToSend), nil
		}
		answer, err := http.Get("http://" + listen + "/readyz")
		if err != nil {
			return false, nil // it does not listen yet
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK, nil
	})
}

// settle waits until everything that is known about the contacts has been looked
// at, as it is in an installation that has run for a while.
func (in *mailHouse) settle(ctx context.Context) error {
	total := int64(0)
	err := poll(ctx, 200*time.Millisecond, func() (bool, error) {
		waiting, err := in.store.TouchedWaiting(ctx)
		total = max(total, waiting)
		in.Step("looking at the contacts", total-waiting, total)
		return waiting == 0, errors.Join(err, in.alive())
	})
	if err != nil || in.Embedded {
		return err
	}
	return in.vacuum(ctx)
}

// pids are those of the processes.
func (in *mailHouse) pids() []int {
	pids := make([]int, len(in.engines))
	for i, p := range in.engines {
		pids[i] = p.pid()
	}
	return pids
}

// alive is an error when one of the processes is gone.
func (in *mailHouse) alive() error {
	for _, p := range in.engines {
		if err := p.ended(); err != nil {
			return err
		}
	}
	return nil
}

func unusedPort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
