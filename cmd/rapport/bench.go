package main

import (
	"context"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"rapport/internal/bench"
)

func (a *app) benchCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure it on this machine",
		Long: `Measures Rapport on this machine: against a PostgreSQL and a Redis that it starts
or is given, or against the embedded default, and with a receiving mail server of
its own, which counts every copy. No mail leaves the machine.

A bench that loses or doubles a message fails. Figures depend on what else the
machine does: compare those of one run.`,
		Example: `  rapport bench send
  rapport bench send --embedded --contacts 20000
  rapport bench send --database postgres://bench@127.0.0.1/bench --redis redis://127.0.0.1:6379/3`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, b := range bench.All {
		c.AddCommand(a.oneBench(b))
	}
	c.AddCommand(a.receiverCommand())
	return c
}

func (a *app) oneBench(b bench.Bench) *cobra.Command {
	var o bench.Options
	c := &cobra.Command{
		Use:     b.Name,
		Short:   strings.ToUpper(b.Short[:1]) + b.Short[1:],
		Long:    b.Long,
		Example: b.Example,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case o.Embedded && (a.database != "" || o.Redis != ""):
				return usagef("--embedded measures the embedded default: leave out --database and --redis")
			case o.DKIM != "" && o.DKIM != "ed25519":
				return usagef("--dkim takes ed25519: signing with RSA in the engine costs 2 ms a message, let the relay do that")
			case o.Size < 0 || o.Workers < 0 || o.Connections < 0:
				return usagef("--contacts, --workers and --connections cannot be negative")
			case o.Embedded && o.Workers > 1:
				return usagef("--embedded runs in one process: leave out --workers")
			}
			o.Database = a.database
			return a.bench(cmd.Context(), b, o)
		},
	}
	f := c.Flags()
	f.Int64Var(&o.Size, "contacts", b.Size, "how `many` contacts there are")
	f.BoolVar(&o.Embedded, "embedded", false, "measure the embedded default: one file, the queue in the process")
	f.StringVar(&o.Redis, "redis", "", "use this Redis: redis://…")
	f.BoolVar(&o.Force, "force", false, "use the database even if it has contacts in it")
	f.IntVar(&o.Workers, "workers", 0, "how `many` processes send")
	f.IntVar(&o.Connections, "connections", 0, "how `many` connections there are to the receiving server")
	f.StringVar(&o.DKIM, "dkim", "", "sign the messages: ed25519")
	if b.Name == bench.Send.Name {
		f.BoolVar(&o.OnlyEngine, "only-engine", false, "leave out what it is compared with")
	}
	return c
}

func (a *app) bench(ctx context.Context, b bench.Bench, o bench.Options) error {
	o.Clock = a.now
	view := &benchView{app: a}
	o.Progress = view.tell
	report, err := b.Do(ctx, o)
	view.end()
	if a.json {
		if printErr := a.print(report); err == nil {
			err = printErr
		}
		return err
	}
	a.benchReport(report)
	return err
}

// benchView shows what a bench does, with a bar for each part of it.
type benchView struct {
	*app
	what string
	bar  *progressbar.ProgressBar
}

func (v *benchView) tell(what string, done, total int64) {
	if total <= 0 {
		total = -1
	}
	if v.bar == nil || v.what != what {
		v.end()
		v.what, v.bar = what, v.newBar(total, what)
	}
	if v.bar.GetMax64() != total {
		v.bar.ChangeMax64(total)
	}
	_ = v.bar.Set64(done) // a bar that cannot be drawn is not worth an error
}

func (v *benchView) end() {
	if v.bar != nil {
		_ = v.bar.Finish() // as above
	}
}

// receiverCommand is the receiving server of a bench, in a process of its own.
func (a *app) receiverCommand() *cobra.Command {
	var o bench.ReceiverOptions
	c := &cobra.Command{
		Use:    "receiver",
		Short:  "The receiving server of a bench",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return bench.Receive(cmd.Context(), a.stdin, a.stdout, o)
		},
	}
	c.Flags().BoolVar(&o.Chunking, "chunking", false, "offer BDAT")
	c.Flags().DurationVar(&o.Latency, "latency", 0*time.Second, "how long every reply is on its way")
	c.Flags().IntVar(&o.Connections, "connections", 0, "turn away more connections than that")
	return c
}
