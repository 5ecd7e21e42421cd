package bench

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"rapport/internal/engine"
	"rapport/internal/store"
	"rapport/internal/strict"
	"rapport/internal/workspace"
)

// installation is Rapport as somebody runs it: a workspace, a database with
// contacts, and processes that serve it.
type installation struct {
	*Run
	*services
	dir     string
	store   *store.Store // beside the processes
	engines []*child
}

// setup says what to install.
type setup struct {
	shop
	contacts int64
	workers  int // processes that send; the first one has all roles
	dkim     bool
}

// install makes an installation of which nothing runs yet. Its campaigns are
// paused, and its contacts have not been looked at.
func (r *Run) install(ctx context.Context, s *services, o setup) (*installation, error) {
	in := &installation{Run: r, services: s, dir: filepath.Join(r.Dir, "workspace")}
	if o.dkim {
		o.key = filepath.Join(r.Dir, "dkim.pem")
		if err := writeKey(o.key); err != nil {
			return nil, err
		}
	}
	// The start is the minute that has begun, and the workspace is applied before
	// it, so that a campaign starts as soon as it is no longer paused.
	o.once = r.Clock.Now().Truncate(time.Minute)
	if err := o.shop.write(in.dir); err != nil {
		return nil, err
	}
	w, findings := workspace.Load(in.dir, in.lookup)
	for _, f := range findings {
		if !f.Warning {
			return nil, fmt.Errorf("the workspace of the bench is not valid:\n%s", strict.Render(f, false))
		}
	}
	var err error
	if in.store, err = store.Open(ctx, s.database, store.Options{Shared: true, Connections: 4}); err != nil {
		return nil, err
	}
	r.atEnd(func() error { in.store.Close(); return nil })
	if err := in.mayFill(ctx); err != nil {
		return nil, err
	}
	if err := r.fill(ctx, in.store, o.contacts, o.campaigns); err != nil {
		return nil, err
	}
	if _, err := engine.Apply(ctx, in.store, w, "bench", o.once.Add(-time.Second)); err != nil {
		return nil, err
	}
	for i := range o.campaigns {
		if err := in.move(ctx, i, store.Paused, store.Running); err != nil {
			return nil, err
		}
	}
	return in, nil
}

// mayFill refuses a database that holds somebody's contacts.
func (in *installation) mayFill(ctx context.Context) error {
	if in.Force {
		return nil
	}
	if any, err := in.store.ContactIDs(ctx, 0, 1); err != nil || len(any) == 0 {
		return err
	}
	return errFull
}

// move changes the status of a campaign.
func (in *installation) move(ctx context.Context, campaign int, to, from store.CampaignStatus) error {
	changed, err := in.store.SetCampaignStatus(ctx, campaignName(campaign), to, []store.CampaignStatus{from}, in.Clock.Now())
	if err == nil && !changed {
		err = fmt.Errorf("the campaign %s is not %s", campaignName(campaign), from)
	}
	return err
}

// variables point the workspace at its servers.
func (in *installation) variables() []string {
	if in.Embedded {
		return nil
	}
	return []string{"DATABASE_URL=" + in.database, "REDIS_URL=" + in.redis}
}

func (in *installation) lookup(name string) (string, bool) {
	for _, v := range in.variables() {
		if key, value, _ := strings.Cut(v, "="); key == name {
			return value, true
		}
	}
	return "", false
}

// serve starts the processes and waits until each works.
func (in *installation) serve(ctx context.Context, workers int) error {
	for i := range workers {
		if err := in.serveOne(ctx, i == 0); err != nil {
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

func (in *installation) serveOne(ctx context.Context, all bool) error {
	roles, listen := []string{engine.RoleWorker}, ""
	arguments := []string{"--dir", in.dir, "serve"}
	if all {
		port, err := freePort()
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
func (in *installation) settle(ctx context.Context) error {
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

// alive is an error when one of the processes is gone.
func (in *installation) alive() error {
	for _, p := range in.engines {
		if err := p.ended(); err != nil {
			return err
		}
	}
	return nil
}

func writeKey(file string) error {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
