package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"rapport/examples"
	"rapport/internal/simulate"
)

func (a *app) demoCommand() *cobra.Command {
	o := simulate.Options{Start: time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)}
	var speed string
	var exit bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "See it all work: a bike shop, its customers, and fast time",
		Long: `Runs an example, the bike shop Northwind unless --example names another, with
invented contacts who sign up, read, click, buy, answer and complain. Everything is in this one program: database, queue and a
mailbox that catches all mail. A day takes two seconds unless --speed says
otherwise. The dashboard shows it on http://127.0.0.1:8080.`,
		Example: `  rapport demo
  rapport demo --example fernlight
  rapport demo --contacts 2000 --speed 500ms
  rapport demo --days 90 --speed max --exit --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			day, err := speedOf(speed)
			if err != nil {
				return err
			}
			o.Day = day
			if _, err := examples.Open(o.Example); err != nil {
				return usagef("--example: %v", err)
			}
			if o.Contacts < 1 || o.Days < 1 {
				return usagef("--contacts and --days must be at least 1")
			}
			return a.demo(cmd.Context(), o, exit)
		},
	}
	a.exampleFlag(c, &o.Example, examples.Northwind, "which `example` to run: ")
	c.Flags().IntVar(&o.Contacts, "contacts", 500, "how `many` people there are")
	c.Flags().IntVar(&o.Days, "days", 90, "how many `days` to live through")
	c.Flags().StringVar(&speed, "speed", "2s", "how long a `day` takes, such as 2s or 500ms, or max")
	c.Flags().Uint64Var(&o.Seed, "seed", 1, "another `number` makes other people")
	c.Flags().StringVar(&o.Listen, "listen", "127.0.0.1:8080", "`address` of the dashboard")
	c.Flags().BoolVar(&exit, "exit", false, "end when the days are over, instead of leaving the dashboard open")
	return c
}

func speedOf(text string) (time.Duration, error) {
	if text == "max" {
		return 0, nil
	}
	day, err := time.ParseDuration(text)
	if err != nil || day < 50*time.Millisecond {
		return 0, usagef("--speed %s: write how long a day takes, at least 50ms, such as 2s; or max", text)
	}
	return day, nil
}

func (a *app) demo(ctx context.Context, o simulate.Options, exit bool) error {
	dir, err := os.MkdirTemp("", "rapport-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	o.Dir, o.Listen = dir, freeNear(o.Listen)
	o.Log = slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelError}))

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	d, err := simulate.NewDemo(ctx, o)
	if err != nil {
		return err
	}
	defer d.Engine.Close()

	// In virtual time the engine is driven step by step; only the dashboard
	// runs beside it.
	var background sync.WaitGroup
	failed := make(chan error, 1)
	background.Go(func() {
		if o.Day == 0 {
			failed <- d.Engine.RunWeb(ctx)
			return
		}
		failed <- d.Engine.Run(ctx)
	})
	began := a.now.Now()
	view := a.newDemoView(d)
	err = d.Run(ctx, view.tell)
	view.end()
	if err == nil && ctx.Err() == nil && !exit && !a.json {
		a.note("The %s are over. The dashboard stays open on http://%s until Ctrl-C.", of(o.Days, "day"), o.Listen)
		<-ctx.Done()
	}
	result, sumErr := simulate.Sum(context.WithoutCancel(ctx), d.Engine)
	stop()
	background.Wait()
	if err := errors.Join(ignoreCancel(err), ignoreCancel(<-failed), sumErr); err != nil {
		return err
	}
	result.SimulatedDays = view.days()
	result.Seconds = float64(a.now.Now().Sub(began).Milliseconds()) / 1000
	if a.json {
		return a.print(result)
	}
	a.demoSummary(result)
	return nil
}

func ignoreCancel(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// freeNear is the address, or the same with the next free port.
func freeNear(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	for range 20 {
		l, err := net.Listen("tcp", net.JoinHostPort(host, port))
		if err == nil {
			l.Close()
			return net.JoinHostPort(host, port)
		}
		var n int
		if _, err := fmt.Sscan(port, &n); err != nil {
			return address
		}
		port = fmt.Sprint(n + 1)
	}
	return address
}

func (a *app) demoSummary(r simulate.Result) {
	a.printf("\n%s, %s, in %.1f s\n", a.head(of(r.SimulatedDays, "day")), of(r.Contacts, "contact"), r.Seconds)
	a.printf("  mail      %s\n", counts(r.Messages))
	a.printf("  answers   %s\n", counts(r.Events))
	a.printf("  ladder    %s\n", counts(r.Stages))
	a.printf("  moves     %s\n", count(r.StageChanges))
	a.printf("  sent twice %s\n", count(r.Duplicates))
}

// counts writes a map of counts, the largest first.
func counts(m map[string]int64) string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if m[a] != m[b] {
			return int(m[b] - m[a])
		}
		return strings.Compare(a, b)
	})
	for i, name := range names {
		names[i] = name + " " + count(m[name])
	}
	return strings.Join(names, ", ")
}

// demoView shows the demo while it runs: redrawn in place on a terminal, a line
// a week elsewhere, nothing with --json.
type demoView struct {
	a     *app
	d     *simulate.Demo
	out   io.Writer
	live  bool
	drawn time.Time // real time of the last picture
	lines int
	now   time.Time // of the demo
	week  int
}

func (a *app) newDemoView(d *simulate.Demo) *demoView {
	v := &demoView{a: a, d: d, out: a.stderr, live: a.isTerminal(a.stderr) && !a.json, now: d.Start}
	a.note("%s, %s. Dashboard: http://%s", d.Workspace.Company.Name, of(d.Contacts, "contact"), d.Listen)
	return v
}

func (v *demoView) days() int { return int(v.now.Sub(v.d.Start) / (24 * time.Hour)) }

func (v *demoView) tell(now time.Time) {
	v.now = now
	if v.a.json {
		return
	}
	real := v.a.now.Now()
	switch {
	case v.live:
		if real.Sub(v.drawn) < 200*time.Millisecond {
			return
		}
	case v.days()/7 == v.week:
		return
	}
	v.drawn, v.week = real, v.days()/7
	picture, err := v.picture()
	if err != nil {
		return // the next one will do
	}
	if !v.live {
		v.a.note("day %3d  %s", v.days(), picture[0])
		return
	}
	v.erase()
	fmt.Fprint(v.out, strings.Join(picture, "\n")+"\n")
	v.lines = len(picture)
}

func (v *demoView) erase() {
	if v.lines > 0 {
		fmt.Fprintf(v.out, "\x1b[%dA\x1b[J", v.lines)
	}
}

func (v *demoView) end() {
	if v.live {
		v.drawn = time.Time{}
		v.tell(v.now)
	}
}

// picture is what there is to see, as lines. Without a terminal only the first
// is shown.
func (v *demoView) picture() ([]string, error) {
	t, err := v.d.Engine.Store.Totals(context.Background())
	if err != nil {
		return nil, err
	}
	if !v.live {
		return []string{fmt.Sprintf("%s  mail: %s  ladder: %s", v.now.Format("Mon 2 Jan"), counts(t.Messages), counts(t.Stages))}, nil
	}
	a := v.a
	lines := []string{
		"",
		fmt.Sprintf("%s  %s  %s", a.head(fmt.Sprintf("day %d of %d", v.days(), v.d.Days)), v.now.Format("Monday 2 January 2006, 15:04"), a.faint("http://"+v.d.Listen)),
		"",
	}
	most := int64(1)
	for _, n := range t.Stages {
		most = max(most, n)
	}
	stages := []string{}
	if applied := v.d.Engine.Catalog.Current(); applied != nil {
		stages = applied.Relationship.Stages()
	}
	slices.Reverse(stages)
	width := max(10, min(40, a.columns()-30))
	for _, s := range stages {
		n := t.Stages[s]
		bar := int(n * int64(width) / most)
		if n > 0 && bar == 0 {
			bar = 1
		}
		lines = append(lines, fmt.Sprintf("  %-10s %s%s %s", s, a.cyan(strings.Repeat("█", bar)), strings.Repeat(" ", width-bar), count(n)))
	}
	lines = append(lines, "",
		fmt.Sprintf("  mail     %s sent, %s waiting, %s skipped, %s failed", a.green(count(t.Messages["sent"])), count(t.Messages["queued"]+t.Messages["sending"]), count(t.Messages["skipped"]), count(t.Messages["failed"])),
		fmt.Sprintf("  answers  %s opens, %s clicks, %s purchases, %s replies, %s left", count(t.Events["email.opened"]), count(t.Events["email.clicked"]), count(t.Events[v.d.World.Model.Trade.Purchase]), count(t.Events["email.replied"]), count(t.Events["email.unsubscribed"]+t.Events["email.complained"])),
		fmt.Sprintf("  twice    %s", count(v.d.Engine.Box.Counts().Duplicates)),
		"")
	return lines, nil
}
