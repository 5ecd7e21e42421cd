package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"rapport/internal/bench/faults"
)

func (a *app) benchFaults() *cobra.Command {
	o := faults.Options{}
	var parallel int
	var list bool
	c := &cobra.Command{
		Use:   "faults [SCENARIO]...",
		Short: "Break whole installations while they send, and count every copy",
		Long: `Makes installations of its own, with PostgreSQL, Redis and a mail server that
counts copies, and breaks them while they send: processes are killed, servers are
killed, emptied and cut off, the mail server misbehaves, clocks jump, disks are
full. Afterwards every contact must have one outcome for each step, nobody a
second copy, no answered callback may be lost, and no more messages may be
unknown than the fault explains. All that is unknown is settled.

A whole run takes about an hour, --short some minutes. The moments are random:
the same --seed chooses the same ones, but processes are not repeatable to the
microsecond. PostgreSQL and Redis must be installed, and root is needed for the
small disks; what cannot be tried is named and skipped. No mail leaves the
machine.`,
		Example: `  rapport bench faults --short
  rapport bench faults --list
  rapport bench faults kill-worker kill-web --seed 7`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, names []string) error {
			chosen, err := scenarios(names)
			if err != nil {
				return err
			}
			if list {
				return a.listScenarios(chosen)
			}
			if parallel < 1 {
				return usagef("--parallel must be at least 1")
			}
			if !cmd.Flags().Changed("seed") {
				o.Seed = uint64(a.now.Now().UnixNano()) % 1_000_000
			}
			return a.breakAll(cmd.Context(), o, chosen, parallel)
		},
	}
	c.Flags().BoolVar(&o.Short, "short", false, "a few faults of each kind, for a first look")
	c.Flags().BoolVar(&list, "list", false, "only tell what there is")
	c.Flags().Uint64Var(&o.Seed, "seed", 0, "`number` that chooses the moments; default: another one each time")
	c.Flags().IntVar(&parallel, "parallel", 2, "how `many` installations are broken at the same time")
	return c
}

// scenarios are those with the names; without names all.
func scenarios(names []string) ([]faults.Scenario, error) {
	all := faults.Scenarios()
	if len(names) == 0 {
		return all, nil
	}
	var known []string
	for _, s := range all {
		known = append(known, s.Name)
	}
	var chosen []faults.Scenario
	for _, name := range names {
		i := slices.Index(known, name)
		if i < 0 {
			return nil, usagef("there is no scenario %q%s", name, orOneOf(name, known))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

func (a *app) listScenarios(list []faults.Scenario) error {
	type scenario struct {
		Name   string `json:"name"`
		What   string `json:"what"`
		Faults int    `json:"faults"`
		Short  int    `json:"faults_short"`
	}
	out := []scenario{}
	t := a.newTable("SCENARIO", "FAULTS", "SHORT", "WHAT IS DONE")
	for _, s := range list {
		out = append(out, scenario{s.Name, s.Short, s.Long, s.Brief})
		t.row(s.Name, strconv.Itoa(s.Long), strconv.Itoa(s.Brief), s.Short)
	}
	if a.json {
		return a.print(out)
	}
	t.print()
	return nil
}

func (a *app) breakAll(ctx context.Context, o faults.Options, list []faults.Scenario, parallel int) (err error) {
	if o.Program, err = os.Executable(); err != nil {
		return err
	}
	if o.Dir, err = faults.Folder(""); err != nil {
		return err
	}
	defer faults.Stop()
	a.note("seed %d", o.Seed)
	if o.Short {
		list = slices.DeleteFunc(list, func(s faults.Scenario) bool { return s.Brief == 0 })
	}
	var one sync.Mutex
	o.Progress = func(scenario, what string) {
		one.Lock()
		defer one.Unlock()
		a.note("%s: %s", scenario, what)
	}
	results, err := faults.RunAll(ctx, o, list, parallel)
	if printErr := a.faultReport(o, results); err == nil {
		err = printErr
	}
	if err != nil {
		return err
	}
	if n := broken(results); n > 0 {
		return fmt.Errorf("%d of %d scenarios broke what is promised; their logs are in %s", n, len(results), o.Dir)
	}
	if err := os.Remove(o.Dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func broken(results []faults.Result) (n int) {
	for _, r := range results {
		if r.Broken {
			n++
		}
	}
	return n
}

// faultReport prints what came of the scenarios.
func (a *app) faultReport(o faults.Options, results []faults.Result) error {
	if a.json {
		return a.print(map[string]any{"seed": o.Seed, "short": o.Short, "results": results})
	}
	t := a.newTable("SCENARIO", "FAULTS", "SENT", "REFUSED", "UNKNOWN", "AT MOST", "SECOND COPIES", "LOST", "CALLBACKS", "SECONDS", "")
	for _, r := range results {
		n := strconv.Itoa
		verdict := "holds"
		switch {
		case r.Skipped != "":
			verdict = "skipped"
		case r.Broken:
			verdict = "broken"
		}
		t.row(r.Scenario, n(r.Faults), n(r.Sent), n(r.Failed), n(r.Unknown), n(r.Allowed), n(r.Second), n(r.Lost), n(r.Callbacks),
			strconv.FormatFloat(r.Seconds, 'f', 1, 64), verdict)
	}
	t.print()
	for _, r := range results {
		notes := r.Notes
		if r.Skipped != "" {
			notes = []string{r.Skipped}
		}
		if len(notes) > 0 {
			a.printf("\n%s\n  %s\n", r.Scenario, strings.Join(notes, "\n  "))
		}
	}
	return nil
}
