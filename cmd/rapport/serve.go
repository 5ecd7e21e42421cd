package main

import (
	"context"
	"log/slog"
	"net"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rapport/internal/clock"
	"rapport/internal/delivery"
	"rapport/internal/engine"
	"rapport/internal/web"
)

func (a *app) serveCommand() *cobra.Command {
	var roles []string
	var listen string
	var logJSON bool
	var stopWithin time.Duration
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the engine: scheduler, workers and web",
		Long: `Runs what was applied, until it is told to stop. SIGTERM stops it cleanly: what
is in flight is sent and recorded first. Mail servers that have a message whole and
do not answer are waited for until the time of --stop-within is nearly over; then
those messages are recorded as unknown, at most one for each connection. Whatever
ends the process by force must wait longer than that: Kubernetes waits for 30 seconds
(terminationGracePeriodSeconds).

With --roles a process takes only some of the work, so that it can be spread over
machines: many schedulers, workers and web processes may run side by side on one
PostgreSQL and one Redis. Without a database in rapport.yaml everything runs in
this one process, on a file beside the workspace.`,
		Example: `  rapport serve
  rapport serve --listen :8080
  rapport serve --roles worker`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, r := range roles {
				if !slices.Contains(engine.Roles, r) {
					return usagef("there is no role %s: use %s", r, strings.Join(engine.Roles, ", "))
				}
			}
			if stopWithin < time.Second {
				return usagef("--stop-within %s: what is in flight needs a second at least", stopWithin)
			}
			w, err := a.connections()
			if err != nil {
				return err
			}
			password, _ := a.env("RAPPORT_PASSWORD")
			if slices.Contains(roles, engine.RoleWeb) {
				if err := web.CheckListen(listen, password); err != nil {
					return err
				}
			}
			o := engine.Options{Database: a.databaseOf(w), Redis: w.Redis, DataDir: a.dataDir(), Env: a.env, Folder: w, Secrets: w.Secrets,
				Clock: a.now, Watch: watchOf(a.env), Wall: clock.System{}.Now, Log: a.logger(logJSON), Roles: roles, Listen: listen, Password: password,
				Resolver: net.DefaultResolver, StopWithin: stopWithin}
			return a.serve(cmd.Context(), o)
		},
	}
	c.Flags().StringSliceVar(&roles, "roles", engine.Roles, "what this process does, separated by commas")
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "`address` of the dashboard, the HTTP interface and the links in mail")
	c.Flags().DurationVar(&stopWithin, "stop-within", delivery.StopWithin, "how long stopping takes at most; mail servers have most of it to answer")
	c.Flags().BoolVar(&logJSON, "log-json", false, "write the log as JSON lines")
	return c
}

// collectAt is how much larger than what lives the heap of a server grows before
// garbage is collected, in percent. What lives in one is a few megabytes, and with
// Go's 100 a sixth of the web's time went into collecting that again and again.
const collectAt = 400

// memory is where that ends, in bytes: from there on garbage is collected as often
// as it takes to stay below. It bounds nothing that is in use.
const memory = 96 << 20

func (a *app) serve(ctx context.Context, o engine.Options) error {
	if _, set := a.env("GOGC"); !set {
		debug.SetGCPercent(collectAt)
	}
	if _, set := a.env("GOMEMLIMIT"); !set {
		debug.SetMemoryLimit(memory)
	}
	e, err := engine.Open(ctx, o)
	if err != nil {
		if ctx.Err() != nil {
			return nil // it was told to stop before it had begun
		}
		return err
	}
	defer e.Close()
	if e.Catalog.Current() == nil {
		a.note("nothing is applied yet: rapport apply stores this folder, and this process takes it up")
	}
	if e.Has(engine.RoleWeb) {
		a.note("dashboard on http://%s", o.Listen)
	}
	return e.Run(ctx)
}

func (a *app) logger(json bool) *slog.Logger {
	if json {
		return slog.New(slog.NewJSONHandler(a.stderr, nil))
	}
	return slog.New(slog.NewTextHandler(a.stderr, nil))
}
