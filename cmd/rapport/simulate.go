package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
	"rapport/internal/simulate"
	"rapport/internal/workspace"
)

// simulateFlags say what to live through.
type simulateFlags struct {
	contacts, days int
	from           string
	seed           uint64
	people         string
	copy           bool
}

func (a *app) simulateCommand() *cobra.Command {
	var f simulateFlags
	c := &cobra.Command{
		Use:   "simulate [DIR]",
		Short: "Live through the coming weeks with many contacts",
		Long: `Runs the workspace with the real engine in virtual time, over contacts who are
invented, read from a file, or an anonymised copy of those in the database. A
model of their answers, with a seed, decides who opens, clicks, buys and leaves.
Nothing is sent and nothing is stored.

Shows mail per day, who moves on the ladder, which limits bite, which campaigns
compete for the same people, and what the goals come to. The same seed gives the
same answer. With --copy the rates of answers are those of the database.`,
		Example: `  rapport simulate
  rapport simulate --contacts 10000 --days 90 --from 2026-03-02 --seed 7
  rapport -C acme simulate --people people.csv --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				a.dir = args[0]
			}
			switch {
			case f.contacts < 1 || f.contacts > mostSimulated || f.days < 1 || f.days > 3*366:
				return usagef("--contacts must be 1 to %s and --days 1 to 1,098", count(mostSimulated))
			case f.people != "" && f.copy:
				return usagef("--people and --copy exclude each other: each says who the contacts are")
			}
			return a.simulate(cmd.Context(), f)
		},
	}
	c.Flags().IntVar(&f.contacts, "contacts", 1000, "how `many` contacts there are, at most with --people and --copy")
	c.Flags().IntVar(&f.days, "days", 30, "how many `days` to live through")
	c.Flags().StringVar(&f.from, "from", "", "the first day, a `date` as in 2026-03-02 (default: today)")
	c.Flags().Uint64Var(&f.seed, "seed", 1, "another `number` makes other people and other answers")
	c.Flags().StringVar(&f.people, "people", "", "take the contacts of a CSV `file`")
	c.Flags().BoolVar(&f.copy, "copy", false, "take an anonymised copy of the contacts in the database")
	return c
}

// mostSimulated bounds what is kept in memory.
const mostSimulated = 200_000

func (a *app) simulate(ctx context.Context, f simulateFlags) error {
	w, findings := a.load()
	if err := a.findings(findings, isError); err != nil {
		return err
	}
	from := calendar.Of(a.now.Now(), a.location())
	if f.from != "" {
		var err error
		if from, err = calendar.ParseDate(f.from); err != nil {
			return usagef("--from: %v", err)
		}
	}
	s := simulate.Simulation{Workspace: w, Env: a.env, From: from, Days: f.days, Seed: f.seed, Contacts: f.contacts,
		Log: slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelError}))}
	if err := a.simulated(ctx, w, f, &s); err != nil {
		return err
	}
	// Much is made and soon forgotten, and memory is cheaper than time here.
	defer debug.SetGCPercent(debug.SetGCPercent(600))
	bar := a.newBar(int64(f.days), "simulating")
	start := from.At(0, a.location())
	s.Tell = func(now time.Time) { _ = bar.Set(int(now.Sub(start) / (24 * time.Hour))) } // a bar that cannot be drawn is no loss
	report, err := simulate.Simulate(ctx, s)
	_ = bar.Finish()
	if err != nil {
		return err
	}
	if a.json {
		return a.print(report)
	}
	a.showSimulation(w, report)
	return nil
}

// simulated finds out who the contacts are, unless they are to be invented.
func (a *app) simulated(ctx context.Context, w *workspace.Workspace, f simulateFlags, s *simulate.Simulation) (err error) {
	start := s.From.At(0, a.location())
	switch {
	case f.people != "":
		s.People, err = a.peopleOf(w, f, start)
	case f.copy:
		db, opened := a.openStore(ctx, w)
		if opened != nil {
			return opened
		}
		defer db.Close()
		from := simulate.Copy{Store: db, Trade: simulate.TradeOf(w), Size: f.contacts, Seed: f.seed, Start: start}
		if s.People, err = from.People(ctx); err != nil {
			return err
		}
		s.Rates, err = from.Rates(ctx)
	default:
		return nil
	}
	if err == nil && len(s.People) == 0 {
		return errors.New("there are no contacts to simulate with: import some, or leave them to be invented")
	}
	return err
}

// peopleOf reads contacts out of a file. It says nothing of consent, so everybody
// counts as having given it to every topic.
func (a *app) peopleOf(w *workspace.Workspace, f simulateFlags, start time.Time) (people []simulate.Person, err error) {
	file, err := os.Open(f.people)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	rows, err := contacts.NewImporter(file, contacts.ImportOptions{Types: w.Attributes, Now: start})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.people, err)
	}
	rejected := 0
	for len(people) < f.contacts {
		row, reject, err := rows.Next()
		switch {
		case errors.Is(err, io.EOF):
			if rejected > 0 {
				a.note("%s of %s cannot be read and are left out: rapport contacts import says why", of(rejected, "row"), f.people)
			}
			return people, nil
		case err != nil:
			return nil, fmt.Errorf("%s: %w", f.people, err)
		case reject != nil:
			rejected++
		case !row.Repeated:
			people = append(people, simulate.Known(f.seed, row.Contact, w.TopicOrder, start))
		}
	}
	a.note("the first %s of %s are taken: --contacts says how many", of(len(people), "contact"), f.people)
	return people, nil
}
