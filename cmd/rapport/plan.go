package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"rapport/internal/plan"
	"rapport/internal/workspace"
)

// exitChanges says that there is something to apply.
const exitChanges = 3

// planDays is how many coming days a plan estimates.
const planDays = 7

func (a *app) planCommand() *cobra.Command {
	var days int
	var ways plan.Ways
	var exact bool
	var out string
	c := &cobra.Command{
		Use:   "plan [DIR]",
		Short: "Say what applying the folder would do, and do nothing",
		Long: `Compares the folder with the version that runs: what is new, changed and removed;
whom each campaign would enrol and mail on the coming days; which limits would
hold mail back; and what becomes of those who are on their way. It writes nothing.

The exit code is 0 when there is nothing to apply, 3 when there is, and 1 when
the plan could not be made.`,
		Example: `  rapport plan
  rapport plan acme --days 14
  rapport plan --migrate --out plan.json
  rapport apply --plan plan.json`,
		Args: func(_ *cobra.Command, given []string) error {
			if len(given) > 1 {
				return usagef("plan does not know what to do with %q", given[1])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, given []string) error {
			if days < 0 || days > 366 {
				return usagef("--days takes a number from 0 to 366")
			}
			if len(given) == 1 {
				a.dir = given[0]
			}
			w, err := a.workspace()
			if err != nil {
				return err
			}
			s, done, err := a.openForLooking(cmd.Context(), w)
			if err != nil {
				return err
			}
			defer done()
			p, err := plan.Make(cmd.Context(), plan.Input{Store: s, Folder: w, Now: a.now.Now(), Days: days, Exact: exact, Ways: ways})
			if err != nil {
				return err
			}
			if out != "" {
				if err := writePlan(out, p); err != nil {
					return err
				}
			}
			if a.json {
				err = a.print(p)
			} else {
				a.showPlan(p)
			}
			if err == nil && !p.Same() {
				err = exitWith(exitChanges)
			}
			return err
		},
	}
	c.Flags().IntVar(&days, "days", planDays, "estimate so many coming `days`, today included")
	c.Flags().BoolVar(&exact, "exact", false, "ask everybody whom a campaign would enrol, and not a sample of many")
	c.Flags().BoolVar(&ways.Migrate, "migrate", false, "plan for an apply with --migrate")
	c.Flags().BoolVar(&ways.Stop, "stop", false, "plan for an apply with --stop")
	c.Flags().StringVar(&out, "out", "", "write the plan as JSON into a `file`, for apply --plan")
	return c
}

func writePlan(file string, p *plan.Plan) error {
	raw, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(raw, '\n'), 0o644)
}

// readPlan reads what apply --plan was given: a file, or the name of a plan.
func readPlan(given string) (*plan.Plan, error) {
	raw, err := os.ReadFile(given)
	if errors.Is(err, os.ErrNotExist) {
		if hash, base, ok := strings.Cut(given, "-"); ok && len(hash) >= 6 && base != "" {
			return &plan.Plan{ID: given}, nil
		}
		return nil, usagef("%q is neither a file nor a plan: give what rapport plan shows after \"plan\", or the file of plan --out", given)
	}
	if err != nil {
		return nil, err
	}
	var p plan.Plan
	if err := json.Unmarshal(raw, &p); err != nil || p.ID == "" {
		return nil, fmt.Errorf("%s is no plan: make it with rapport plan --out", given)
	}
	return &p, nil
}

// signs stand before what differs.
func (a *app) sign(what string) string {
	switch what {
	case workspace.Added:
		return a.green("+")
	case workspace.Removed:
		return a.paint(a.stdout, styleRed, "-")
	}
	return a.yellow("~")
}

// showPlan writes a plan for people.
func (a *app) showPlan(p *plan.Plan) {
	if p.Base == nil {
		a.printf("%s\n\n", a.head("Nothing is applied yet: everything is new."))
	} else {
		by := ""
		if p.Base.Author != "" {
			by = " by " + plain(p.Base.Author)
		}
		a.printf("%s\n\n", a.head(fmt.Sprintf("Against version %s, applied %s%s", p.Base.Version, a.when(p.Base.Applied), by)))
	}
	if p.Same() {
		a.printf("Nothing has changed.\n\n")
	}
	a.showDiff(p.Changes)
	a.showForecast(p)
	a.showOnTheirWay(p)
	for _, reason := range p.Refused {
		a.printf("%s %s\n", a.paint(a.stdout, styleRed, "apply refuses:"), plain(reason))
	}
	if p.Approval && !p.Same() {
		a.printf("%s rapport approve %s\n", a.yellow("apply needs an approval:"), plan.Short(p.Hash))
	}
	a.printf("%s %s\n", a.faint("plan"), p.ID)
}

// mostFields is how many fields of one file are shown; --json has all.
const mostFields = 12

// showDiff writes what differs.
func (a *app) showDiff(changes []workspace.Change) {
	for i := 0; i < len(changes); i++ {
		c := changes[i]
		// What is new or gone as a whole is one line for each kind.
		names := []string{plain(c.Name)}
		for c.What != workspace.Changed && i+1 < len(changes) && changes[i+1].Kind == c.Kind && changes[i+1].What == c.What {
			i++
			names = append(names, plain(changes[i].Name))
		}
		label := c.Kind
		if len(names) > 1 {
			label = of(len(names), c.Kind)
		}
		t := a.newTable()
		if c.What == workspace.Changed && len(c.Fields) == 0 {
			names = append(names, a.faint("(comments or layout only)"))
		}
		t.row(strings.TrimSpace(a.sign(c.What)+" "+label), strings.Join(names, ", "))
		t.print()
		a.showFields(c.Fields)
	}
	if len(changes) > 0 {
		a.printf("\n")
	}
}

func (a *app) showFields(fields []workspace.Field) {
	t := a.newTable()
	for i, f := range fields {
		if i == mostFields {
			t.row("    " + a.faint(fmt.Sprintf("and %s more, see --json", of(len(fields)-i, "field"))))
			break
		}
		t.row("    "+a.sign(f.What)+" "+plain(f.Path), brief(f))
	}
	t.print()
}

// mostText is how much of a value is shown.
const mostText = 60

func brief(f workspace.Field) string {
	cut := func(s string) string {
		s = plain(strings.TrimSuffix(strings.TrimPrefix(s, "{ "), " }"))
		if r := []rune(s); len(r) > mostText {
			return string(r[:mostText-1]) + "…"
		}
		return s
	}
	switch f.What {
	case workspace.Added:
		return cut(f.To)
	case workspace.Removed:
		return cut(f.From)
	}
	return cut(f.From) + " → " + cut(f.To)
}

func (a *app) showForecast(p *plan.Plan) {
	if len(p.Days) == 0 {
		return
	}
	heads := []string{"EXPECTED", ""}
	for _, d := range p.Days[:min(len(p.Days), planDays)] {
		heads = append(heads, d.Date[5:])
	}
	if len(p.Days) > 1 {
		heads = append(heads, "SUM")
	}
	t := a.newTable(heads...)
	quiet := 0
	for _, c := range p.Campaigns {
		if !a.forecastRows(t, c.Name, c.Days) {
			quiet++
		}
	}
	if len(t.rows) == 0 {
		a.printf("Nobody would be enrolled or mailed %s.\n\n", within(len(p.Days)))
	} else {
		if len(p.Campaigns)-quiet > 1 {
			a.forecastRows(t, "all campaigns", p.Days)
		}
		t.print()
		a.printf("\n")
	}
	if p.Sampled {
		a.printf("counted in a sample of the contacts and scaled; --exact asks everybody\n")
	}
	for _, c := range p.Campaigns {
		if c.Baseline > 0 {
			a.printf("%s: %s in its segment now are the baseline, and are not enrolled\n", plain(c.Name), of(c.Baseline, "contact"))
		}
	}
	for _, b := range p.Limits {
		where := strings.TrimSpace(b.Campaign + " " + b.Date)
		a.printf("%s %s: %s %s\n", a.yellow("limit"), plain(where), count(b.Count), plain(b.Text))
	}
	if len(p.Limits) > 0 {
		a.printf("\n")
	}
}

// forecastRows writes whom a campaign enrols and mails; false: nobody.
func (a *app) forecastRows(t *table, name string, days []plan.Day) bool {
	rows := [2][]string{{plain(name), a.faint("enrol")}, {"", a.faint("mail")}}
	var sums [2]int64
	for i, d := range days {
		for n, x := range []int64{d.Enrol, d.Mail} {
			sums[n] += x
			if i < planDays {
				rows[n] = append(rows[n], count(x))
			}
		}
	}
	for n := range rows {
		if sums[0]+sums[1] > 0 {
			if len(days) > 1 {
				rows[n] = append(rows[n], count(sums[n]))
			}
			t.row(rows[n]...)
		}
	}
	return sums[0]+sums[1] > 0
}

func within(days int) string {
	if days == 1 {
		return "today"
	}
	return fmt.Sprintf("within %d days", days)
}

func (a *app) showOnTheirWay(p *plan.Plan) {
	told := false
	for _, c := range p.Campaigns {
		if c.OldSteps == 0 {
			continue
		}
		told = true
		if !p.Migrate {
			a.printf("%s: %s on their way keep the steps that they started with; --migrate moves them\n", plain(c.Name), of(c.OldSteps, "contact"))
			continue
		}
		a.printf("%s: %s on their way go on with the new steps\n", plain(c.Name), of(c.OldSteps, "contact"))
		t := a.newTable()
		for _, move := range c.Moves {
			to := move.To
			switch {
			case move.Change == "" && move.From == move.To:
				to = a.faint("stays")
			case move.Change == "wait counted anew":
				to = a.yellow(move.Change)
			}
			from := move.From
			if from == "" {
				from, to = "(start)", a.faint("stays")
			}
			t.row("    "+plain(from), "→ "+to, count(move.Contacts))
		}
		t.print()
	}
	if len(p.AtOnce) > 0 {
		told = true
		a.printf("at once, also for those on their way: %s\n", plain(strings.Join(p.AtOnce, "; ")))
	}
	if told {
		a.printf("\n")
	}
}
