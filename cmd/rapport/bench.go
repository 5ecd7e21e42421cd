package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rapport/internal/bench"
)

func (a *app) benchCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "bench",
		Short: "See what this machine can carry, and what it survives",
		Long: `Measures Rapport on this machine: against a PostgreSQL and a Redis that it starts
or is given, or against the embedded default, and with a receiving mail server of
its own, which counts every copy. No mail leaves the machine.

A bench that loses or doubles a message fails. Figures depend on what else the
machine does: compare those of one run.`,
		Example: `  rapport bench send
  rapport bench send --embedded --contacts 20000
  rapport bench faults --short
  rapport bench send --database postgres://bench@127.0.0.1/bench`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, b := range bench.All {
		c.AddCommand(a.oneBench(b))
	}
	c.AddCommand(a.allBenches(), a.benchFaults(), a.receiverCommand())
	return c
}

// oneBench is the command of one bench.
func (a *app) oneBench(b bench.Bench) *cobra.Command {
	var o bench.Options
	c := &cobra.Command{
		Use:     b.Name,
		Short:   strings.ToUpper(b.Short[:1]) + b.Short[1:],
		Long:    b.Long,
		Example: b.Example,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.benchOptions(&o); err != nil {
				return err
			}
			report, err := a.measure(cmd.Context(), b, o)
			if a.json {
				return errors.Join(a.print(report), err)
			}
			a.benchReport(report)
			return err
		},
	}
	f := c.Flags()
	f.Int64Var(&o.Size, "contacts", b.Size, "how `many` contacts there are")
	if !b.Alone {
		f.BoolVar(&o.Force, "force", false, "use the database even if it has contacts in it")
		a.benchFlags(f, &o)
	}
	if b.Name == bench.Send.Name {
		f.StringVar(&o.DKIM, "dkim", "", "sign all messages: ed25519")
		f.BoolVar(&o.OnlyEngine, "only-engine", false, "leave out what it is compared with")
	}
	return c
}

// allBenches is the command that runs one bench after the other.
func (a *app) allBenches() *cobra.Command {
	var o bench.Options
	var part float64
	c := &cobra.Command{
		Use:   "all",
		Short: "Everything, one after the other",
		Long: `Runs every bench, each on servers of its own. One that fails does not keep the
others from running.`,
		Example: `  rapport bench all
  rapport bench all --embedded
  rapport bench all --scale 0.01 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.database != "" {
				return usagef("every bench wants an empty database: run them one by one with --database, or all on servers of their own")
			}
			if part <= 0 || part > 10 {
				return usagef("--scale takes a share of the usual sizes, as in 0.1")
			}
			if err := a.benchOptions(&o); err != nil {
				return err
			}
			return a.measureAll(cmd.Context(), o, part)
		},
	}
	a.benchFlags(c.Flags(), &o)
	c.Flags().Float64Var(&part, "scale", 1, "take this `share` of the usual number of contacts")
	return c
}

// benchFlags are the flags of every bench.
func (a *app) benchFlags(f *pflag.FlagSet, o *bench.Options) {
	f.BoolVar(&o.Embedded, "embedded", false, "measure the embedded default: one file, the queue in the process")
	f.StringVar(&o.Redis, "redis", "", "use this Redis: redis://…")
	f.IntVar(&o.Workers, "workers", 0, "how `many` processes send, where the bench does not choose it")
	f.IntVar(&o.Connections, "connections", 0, "how `many` connections there are to the receiving server")
}

// benchOptions completes the options, and refuses those that contradict each
// other.
func (a *app) benchOptions(o *bench.Options) error {
	switch {
	case o.Embedded && (a.database != "" || o.Redis != ""):
		return usagef("--embedded measures the embedded default: leave out --database and --redis")
	case o.Embedded && o.Workers > 1:
		return usagef("--embedded runs in one process: leave out --workers")
	case o.DKIM != "" && o.DKIM != "ed25519":
		return usagef("--dkim takes ed25519: signing with RSA in the engine costs 2 ms a message, let the relay do that")
	case o.Size < 0 || o.Workers < 0 || o.Connections < 0:
		return usagef("--contacts, --workers and --connections cannot be negative")
	}
	o.Database, o.Clock = a.database, a.now
	return nil
}

// measure runs a bench and shows what it is doing.
func (a *app) measure(ctx context.Context, b bench.Bench, o bench.Options) (bench.Report, error) {
	view := &benchView{app: a}
	defer view.end()
	o.Progress = view.tell
	return b.Do(ctx, o)
}

func (a *app) measureAll(ctx context.Context, o bench.Options, part float64) error {
	reports := []bench.Report{}
	var failed []error
	for i, b := range bench.All {
		o.Size = max(1, int64(part*float64(b.Size)))
		report, err := a.measure(ctx, b, o)
		reports = append(reports, report)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", b.Name, err))
		}
		if a.json {
			continue
		}
		if i > 0 {
			a.printf("\n")
		}
		a.benchReport(report)
	}
	if a.json {
		failed = append(failed, a.print(reports))
	}
	return errors.Join(failed...)
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
	c.Flags().DurationVar(&o.Latency, "latency", 0, "how long every reply is on its way")
	c.Flags().IntVar(&o.Connections, "connections", 0, "turn away more connections than that")
	return c
}
