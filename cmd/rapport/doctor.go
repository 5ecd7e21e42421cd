package main

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"rapport/internal/delivery"
	"rapport/internal/delivery/smtp"
	"rapport/internal/doctor"
	"rapport/internal/ident"
	"rapport/internal/queue/redisq"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Look whether all that a workspace needs is there",
		Long: `Look at database and queue, sign in at each mail server, ask the DNS for what
receivers ask it (SPF, DKIM, DMARC, reverse DNS), compare the clock with that of
the database, and call the public address. With PostgreSQL, compare what segments
are asked of with the events, for a sample of contacts. Each finding says what to do.
Nothing is changed, and nobody is mailed.

What only real mail needs is a warning while delivery is mailbox, and a fault once
mail leaves the house. What could not be asked, as without a network, is told as
such. The exit code is 1 when there is a fault.`,
		Example: `  rapport doctor
  rapport doctor --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w, err := a.connections()
			if err != nil {
				return err
			}
			return a.examine(cmd.Context(), w)
		},
	}
}

// loginPatience is how long a mail server may take over a step of its sign-in.
const loginPatience = 10 * time.Second

func (a *app) examine(ctx context.Context, w *workspace.Workspace) error {
	e := doctor.Examination{
		Workspace: w, DNS: net.DefaultResolver, Now: a.now.Now,
		HTTP: &http.Client{Timeout: loginPatience, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}},
		Database: func(ctx context.Context) (doctor.Database, error) {
			seen, err := store.Peek(ctx, a.databaseOf(w))
			return doctor.Database(seen), err
		},
		Login: func(ctx context.Context, p workspace.Provider) smtp.Result {
			config := delivery.Way(p)
			config.ConnectTimeout, config.CommandTimeout = loginPatience, loginPatience
			return smtp.Try(ctx, config)
		},
	}
	if name := a.databaseOf(w); store.OnPostgres(name) {
		e.Tallies = func(ctx context.Context) (doctor.Tallies, error) {
			c, err := store.SampleTallies(ctx, name, rand.Int64N)
			t := doctor.Tallies{Looked: c.Looked, Wrong: len(c.Wrong)}
			if t.Wrong > 0 {
				t.One = ident.Format(int64(c.Wrong[0]))
			}
			return t, err
		}
	}
	if w.Redis != "" {
		e.Queue = func(ctx context.Context) error {
			q, err := redisq.Open(redisq.Config{URL: w.Redis})
			if err != nil {
				return err
			}
			defer q.Close()
			return q.Ping(ctx)
		}
	}
	bar := a.bar(-1, "examining")
	found := e.Examine(ctx, func(check, of string) {
		bar.Describe(check + " " + of)
		_ = bar.Add(1) // drawing it does no harm
	})
	_ = bar.Finish()
	return a.showExamined(found)
}

func (a *app) showExamined(found []doctor.Finding) error {
	sick := doctor.Sick(found)
	if a.json {
		if err := a.print(struct {
			OK       bool             `json:"ok"`
			Findings []doctor.Finding `json:"findings"`
		}{!sick, found}); err != nil {
			return err
		}
	} else {
		paint := map[doctor.Level]func(string) string{doctor.OK: a.green, doctor.Warning: a.yellow, doctor.Unasked: a.faint,
			doctor.Fault: func(s string) string { return a.red(a.stdout, s) }}
		for _, f := range found {
			a.printf("%s\n", a.hung(paint[f.Level](string(f.Level))+" "+plain(joined(f.Check, f.Of)+": "+f.Found), 2))
			if f.Do != "" {
				a.printf("%s\n", a.hung("  "+plain(f.Do), 2))
			}
		}
	}
	if sick {
		return errFindings
	}
	return nil
}

func joined(check, of string) string {
	if of == "" {
		return check
	}
	return check + " " + of
}
