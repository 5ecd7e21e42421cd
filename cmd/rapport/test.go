package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/spf13/cobra"

	"rapport/internal/simulate"
)

// testFlags are how scenarios are chosen and told of.
type testFlags struct {
	name, junit string
	verbose     bool
}

func (a *app) testCommand() *cobra.Command {
	var f testFlags
	c := &cobra.Command{
		Use:   "test [DIR]",
		Short: "Run the scenarios of the workspace",
		Long: `Runs every scenario of tests/*.yaml: the real engine enrols the contact, waits,
asks for permission, fills in the templates and sends, in virtual time and into a
mailbox that nobody reads. Where something else happens than the scenario says,
both are shown side by side, and the exit code is 1.

A workspace with errors is not tested: validate says what is wrong with it.`,
		Example: `  rapport test
  rapport test --run "who buys" -v
  rapport -C acme test --junit results.xml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				a.dir = args[0]
			}
			return a.test(cmd.Context(), f)
		},
	}
	c.Flags().StringVar(&f.name, "run", "", "run only scenarios whose name contains `NAME`")
	c.Flags().StringVar(&f.junit, "junit", "", "write the results to this `file`, for CI systems")
	c.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "show every scenario with its timeline")
	return c
}

func (a *app) test(ctx context.Context, f testFlags) error {
	w, findings := a.load()
	if err := a.findings(findings, isError); err != nil {
		return err
	}
	bar := a.newBar(int64(len(w.Scenarios)), "testing")
	verdicts, err := simulate.RunScenarios(ctx, simulate.Tests{
		Workspace: w, Env: a.env, Name: f.name,
		Log:  slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelError})),
		Done: func() { _ = bar.Add(1) }, // a bar that cannot be drawn is no loss
	})
	_ = bar.Finish()
	if err != nil {
		return err
	}
	if len(verdicts) == 0 && f.name != "" {
		return fmt.Errorf("no scenario has %q in its name", f.name)
	}
	if f.junit != "" {
		if err := writeJUnit(f.junit, verdicts); err != nil {
			return err
		}
	}
	if a.json {
		err = a.testJSON(verdicts)
	} else {
		a.testPeople(verdicts, f.verbose)
	}
	if err == nil && failedOf(verdicts) > 0 {
		return exitWith(exitFailed)
	}
	return err
}

func failedOf(verdicts []simulate.Verdict) (n int) {
	for i := range verdicts {
		if !verdicts[i].OK() {
			n++
		}
	}
	return n
}

func (a *app) testJSON(verdicts []simulate.Verdict) error {
	type scenario struct {
		File string `json:"file"`
		Name string `json:"name"`
		OK   bool   `json:"ok"`
		Diff string `json:"diff"`
	}
	failed := failedOf(verdicts)
	out := struct {
		Passed    int        `json:"passed"`
		Failed    int        `json:"failed"`
		Scenarios []scenario `json:"scenarios"`
	}{len(verdicts) - failed, failed, []scenario{}}
	for i := range verdicts {
		v := &verdicts[i]
		s := scenario{File: v.File, Name: v.Name, OK: v.OK()}
		if !s.OK {
			s.Diff = diffOf(v)
		}
		out.Scenarios = append(out.Scenarios, s)
	}
	return a.print(out)
}

func (a *app) testPeople(verdicts []simulate.Verdict, verbose bool) {
	paint := func(style lipgloss.Style, text string) string { return a.paint(a.stdout, style, text) }
	for i := range verdicts {
		v := &verdicts[i]
		switch {
		case !v.OK():
			a.printf("%s\n%s\n", a.hung(paint(styleRed, "FAIL")+" "+plain(v.File+": "+v.Name), len("FAIL ")), painted(v, paint, a.hung))
		case verbose:
			a.printf("%s\n%s\n", a.hung(paint(styleGreen, "ok")+"   "+plain(v.File+": "+v.Name), len("FAIL ")), painted(v, paint, a.hung))
		}
	}
	failed := failedOf(verdicts)
	switch {
	case len(verdicts) == 0:
		a.printf("There are no scenarios: write what must happen into tests/*.yaml.\n")
	case failed > 0:
		a.printf("%s of %s\n", paint(styleRed, fmt.Sprintf("%d failed", failed)), of(len(verdicts), "scenario"))
	default:
		a.printf("%s %s\n", paint(styleGreen, "ok"), of(len(verdicts), "scenario"))
	}
}

// diffOf is what is wrong with a scenario, and both sides of it, in plain text.
func diffOf(v *simulate.Verdict) string {
	return painted(v, func(_ lipgloss.Style, text string) string { return text }, func(text string, _ int) string { return text })
}

// painted is the text of a scenario: its problems, each with its place, and the
// timeline with what was expected beside what happened. hung fits a line to the
// terminal.
func painted(v *simulate.Verdict, paint func(lipgloss.Style, string) string, hung func(string, int) string) string {
	var b strings.Builder
	for _, p := range v.Problems {
		b.WriteString(hung("  "+paint(styleHead, fmt.Sprintf("%s:%d:%d:", p.File, p.Line, p.Column))+" "+plain(p.Message), 4) + "\n")
	}
	if !v.OK() {
		b.WriteString("\n")
	}
	width := len("expected")
	for _, r := range v.Timeline {
		width = max(width, lipgloss.Width(plain(r.Expected)))
	}
	cell := func(text string) string { return text + strings.Repeat(" ", width-lipgloss.Width(text)) }
	fmt.Fprintf(&b, "    %s\n", paint(styleFaint, fmt.Sprintf("%-16s  %s  %s", "", cell("expected"), "happened")))
	for _, r := range v.Timeline {
		mark, style := marks[r.Mark], styles[r.Mark]
		line := fmt.Sprintf("  %s %s  %s  %s", mark, r.At.In(v.Zone).Format("2006-01-02 15:04"), cell(plain(r.Expected)), plain(r.Happened))
		b.WriteString(paint(style, hung(strings.TrimRight(line, " "), len("  - 2006-01-02 15:04  ")+width+len("  "))) + "\n")
	}
	return b.String()
}

var (
	marks  = map[simulate.Mark]string{simulate.Plain: " ", simulate.Met: " ", simulate.Missing: "-", simulate.Unexpected: "+"}
	styles = map[simulate.Mark]lipgloss.Style{simulate.Plain: styleFaint, simulate.Met: styleGreen, simulate.Missing: styleRed, simulate.Unexpected: styleYellow}
)
