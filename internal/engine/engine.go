package engine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/delivery"
	"rapport/internal/delivery/journal"
	"rapport/internal/delivery/smtp"
	"rapport/internal/mailbox"
	"rapport/internal/outbox"
	"rapport/internal/queue"
	"rapport/internal/queue/memory"
	"rapport/internal/queue/redisq"
	"rapport/internal/responses"
	"rapport/internal/store"
	"rapport/internal/token"
	"rapport/internal/workspace"
	"rapport/scheduler"
)

// Roles of a process.
const (
	RoleScheduler = "scheduler"
	RoleWorker    = "worker"
	RoleWeb       = "web"
)

// Roles are all roles, in the order in which they start.
var Roles = []string{RoleScheduler, RoleWorker, RoleWeb}

// Options say what to open.
type Options struct {
	Database string // postgres://… or the path of an embedded file
	Redis    string // redis://…; "" means the in-process queue
	DataDir  string // for the send journal
	Env      func(string) (string, bool)
	// Folder is the workspace on the disk, of which connections count; nil:
	// those of the applied version.
	Folder   *workspace.Workspace
	Secrets  []string // that sign links, newest first; none: one kept in the database
	Clock    clock.Clock
	Watch    clock.Clock      // by which workers are given up: it never jumps; nil: the machine's
	Wall     func() time.Time // of other people, where Clock runs fast; nil: Clock's
	Log      *slog.Logger
	Roles    []string // none: all
	Mailbox  int      // port of the built-in mailbox; 0: any free one
	Lean     bool     // nobody looks at contacts: see scheduler.Config
	Fleeting bool     // the embedded file need not survive a power cut
	Listen   string   // address of the web role
	Password string   // of the dashboard; needed where Listen is not loopback
	Note     string   // stands on top of every page of the dashboard
	// Catcher takes all mail in the process, and no mailbox listens: for virtual
	// time.
	Catcher delivery.Provider
	// Held hears why messages wait; nil: nobody listens. It is called with rows
	// under lock, so it must be quick and ask for nothing.
	Held func(message, campaign int64, reason string)
	// Ready is the workspace that will be applied, read already. What stands in
	// it runs in place of the version with its hash, so that a test can do
	// without lots and hours.
	Ready *workspace.Workspace
	// Resolver tells whose servers take a domain's mail; nil: nobody is asked.
	Resolver delivery.Resolver
	Idle     time.Duration // how long a scheduler that found nothing to do waits; 0: 100 ms
	// StopWithin is how long Run and Close take at most, from the end of Run's
	// context; 0: see delivery.StopWithin. Servers that do not take leave have two
	// seconds also where it is short.
	StopWithin time.Duration
}

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if len(o.Roles) == 0 {
		o.Roles = Roles
	}
	if o.Env == nil {
		o.Env = os.LookupEnv
	}
	if o.Idle == 0 {
		o.Idle = 100 * time.Millisecond
	}
	if o.StopWithin == 0 {
		o.StopWithin = delivery.StopWithin
	}
	return o
}

// Has reports whether the process has a role.
func (o Options) Has(role string) bool { return slices.Contains(o.Roles, role) }

// Engine is everything of one process, open.
type Engine struct {
	Options
	Store     *store.Store
	Queue     queue.Queue
	Catalog   *catalog.Catalog
	Scheduler *scheduler.Scheduler
	Worker    *delivery.Worker // nil without the role
	Box       *mailbox.Mailbox // nil without the worker role, and with a Catcher
	Tokens    *token.Signer
	outbox    *outbox.Outbox       // nil without the worker role
	responses *responses.Responses // nil without the web role
	settings  atomic.Pointer[settingsOf]
	handler   http.Handler
	routes    *delivery.Routes
	domains   *delivery.Domains
	live      atomic.Bool // mail may leave: see store.Live
	journal   *journal.Journal
}

// Open opens the store and the queue and makes the parts of the roles. Nothing
// runs yet.
func Open(ctx context.Context, o Options) (e *Engine, err error) {
	o = o.withDefaults()
	e = &Engine{Options: o}
	defer func() {
		if err != nil {
			e.Close()
			e = nil
		}
	}()
	if e.Store, err = store.Open(ctx, o.Database, store.Options{Fleeting: o.Fleeting}); err != nil {
		return e, err
	}
	if e.Queue, err = openQueue(o); err != nil {
		return e, err
	}
	if o.Redis == "" {
		if !e.Store.Embedded() && len(o.Roles) < len(Roles) {
			return e, errors.New("several processes need a queue between them: name a redis in rapport.yaml, or run all roles in one process")
		}
		// What an earlier process had queued went with it.
		if err = e.Store.RequeueAll(ctx); err != nil {
			return e, err
		}
	}
	e.Catalog = catalog.New(e.Store, o.Env, o.Folder)
	e.Catalog.Ready = o.Ready
	if e.Tokens, err = e.signer(ctx); err != nil {
		return e, err
	}
	if err = e.Refresh(ctx); err != nil {
		return e, err
	}
	process := processID()
	e.Scheduler = scheduler.New(scheduler.Config{
		ID: process, Store: e.Store, Queue: e.Queue, Catalog: e.Catalog, Clock: o.Clock, Watch: o.Watch,
		Log: o.Log.With("role", RoleScheduler), Lean: o.Lean, Silence: delivery.Config{}.Silence(), Changed: e.campaignChanged, Held: o.Held,
	})
	if o.Has(RoleWorker) {
		if err = e.openWorker(ctx); err != nil {
			return e, err
		}
	}
	if o.Has(RoleWeb) {
		e.openWeb()
	}
	return e, nil
}

func openQueue(o Options) (queue.Queue, error) {
	if o.Redis == "" {
		return memory.New(o.Clock.Now), nil
	}
	return redisq.Open(redisq.Config{URL: o.Redis})
}

// signer signs links with the workspace's secrets, or with one that the
// database keeps from its first day on.
func (e *Engine) signer(ctx context.Context) (*token.Signer, error) {
	if len(e.Secrets) > 0 {
		return token.NewSigner(e.Secrets)
	}
	secret, err := e.Store.LinkSecret(ctx)
	if err != nil {
		return nil, err
	}
	return token.NewSigner([]string{secret})
}

// openWorker finds the journals that earlier workers left in the data folder,
// settles all of them, and works on with the first.
func (e *Engine) openWorker(ctx context.Context) (err error) {
	e.domains = &delivery.Domains{Resolver: e.Resolver}
	e.routes = &delivery.Routes{Live: e.live.Load, Log: e.Log, Clock: e.Clock, Catcher: e.Catcher, Patience: delivery.Patience(e.StopWithin)}
	if e.Catcher == nil {
		if e.Box, err = mailbox.Start(mailbox.Config{Port: e.Mailbox, Now: e.Clock.Now, Log: e.Log}); err != nil {
			return err
		}
		e.routes.Caught = smtp.Config{Host: e.Box.Host(), Port: e.Box.Port(), TLS: smtp.Plain, Connections: 4}
	}
	e.outbox = outbox.New(outbox.Config{Store: e.Store, Applied: e.Catalog.Current, Clock: e.Clock, Leaves: e.routes.Leaves,
		Log: e.Log.With("role", RoleWorker)})
	left, err := workersIn(e.journals())
	if err != nil {
		return err
	}
	for _, name := range left {
		if err := e.takeOver(ctx, name); err != nil {
			return err
		}
	}
	for e.Worker == nil { // another process may take a new journal for one that was left
		if err := e.takeOver(ctx, "worker-"+processID()); err != nil {
			return err
		}
	}
	return nil
}

// takeOver settles a journal, unless its worker is alive. The first one becomes
// the worker of this process, the others end.
func (e *Engine) takeOver(ctx context.Context, name string) error {
	j, err := journal.Open(journal.Config{Dir: filepath.Join(e.journals(), name), Now: e.Clock.Now})
	if errors.Is(err, journal.ErrInUse) {
		return nil
	}
	if err != nil {
		return err
	}
	w := e.newWorker(name, j)
	if err := w.Start(ctx, hostname()); err != nil {
		j.Close()
		return fmt.Errorf("cannot start sending: %w", err)
	}
	if e.Worker == nil {
		e.Worker, e.journal = w, j
		return nil
	}
	return e.retire(ctx, name, j)
}

func (e *Engine) newWorker(id string, j *journal.Journal) *delivery.Worker {
	return delivery.New(delivery.Config{
		ID: id, Store: e.Store, Queue: e.Queue, Catalog: e.Catalog, Router: e.routes, Tokens: e.Tokens,
		Journal: j, Step: e.Scheduler.Machine, Clock: e.Clock, Domains: e.domains, Watch: e.Watch, Log: e.Log.With("role", RoleWorker),
		Held: e.Held, StopWithin: e.finishWithin(),
	})
}

// retire ends a worker whose journal is settled and not needed any more.
func (e *Engine) retire(ctx context.Context, name string, j *journal.Journal) error {
	if err := e.Store.StopWorker(ctx, name); err != nil {
		return err
	}
	// Removed while it is locked: another process that starts just now must not
	// take it for its own and lose it.
	return errors.Join(os.RemoveAll(filepath.Join(e.journals(), name)), j.Close())
}

func (e *Engine) journals() string { return filepath.Join(e.DataDir, "journal") }

// workersIn lists the workers that have a journal in a folder.
func workersIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the send journals: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() && strings.HasPrefix(entry.Name(), "worker-") {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// Close ends everything that is open. Run has waited for what is in flight; the
// servers have a moment to take leave, all of them the same one.
func (e *Engine) Close() {
	var all sync.WaitGroup
	defer all.Wait()
	if e.routes != nil {
		all.Go(e.routes.Close)
		all.Go(e.domains.Close)
	}
	if e.Store != nil {
		all.Go(e.Store.Close)
	}
	if e.journal != nil {
		if err := e.journal.Close(); err != nil {
			e.Log.Error("cannot close the send journal", "error", err)
		}
	}
	if e.Box != nil {
		e.Box.Close()
	}
	if e.Queue != nil {
		e.Queue.Close()
	}
}

func processID() string {
	var b [4]byte
	rand.Read(b[:]) // never fails
	return hostname() + "-" + hex.EncodeToString(b[:])
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "host"
	}
	return name
}

// Refresh reads what was applied, and whether mail may leave the house.
func (e *Engine) Refresh(ctx context.Context) error {
	if _, err := e.Catalog.Refresh(ctx); err != nil {
		return fmt.Errorf("cannot read what was applied: %w", err)
	}
	live, err := e.Store.Live(ctx)
	if err != nil {
		return err
	}
	e.live.Store(live)
	return nil
}

// Settle does everything there is to do at this moment of the clock, until
// nothing is left: for virtual time. It returns how much there was.
func (e *Engine) Settle(ctx context.Context) (did int, err error) {
	for {
		n, err := e.Scheduler.Tick(ctx)
		if err != nil {
			return did, err
		}
		if e.Worker != nil {
			sent, err := e.Worker.Drain(ctx)
			if err != nil {
				return did, err
			}
			told, err := e.outbox.Tick(ctx)
			if err != nil {
				return did, err
			}
			n += sent + told
		}
		if e.responses != nil {
			e.responses.Tick(ctx)
		}
		did += n
		if n == 0 || ctx.Err() != nil {
			return did, ctx.Err()
		}
	}
}

// refreshEvery is how soon a process notices an apply, a pause or a stop.
const refreshEvery = 200 * time.Millisecond
