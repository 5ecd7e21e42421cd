package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"rapport/internal/strict"
	"rapport/internal/workspace"
)

func (a *app) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate",
		Short: "Check all files of the workspace",
		Long: `Check every file of the workspace and print all that is wrong in one go, each
finding with its place, the line, and what to do. Parts that are read and
checked but do not run yet are listed; they are no errors.

The exit code is 1 when there are errors.`,
		Example: `  rapport validate
  rapport -C acme validate --json`,
		RunE: func(*cobra.Command, []string) error {
			w, findings := a.load()
			if a.json {
				return a.validateJSON(findings)
			}
			if missing(findings) {
				return a.findings(findings, func(strict.Finding) bool { return true })
			}
			return a.validatePeople(w, findings)
		},
	}
}

// isError says whether a finding makes the workspace wrong.
func isError(f strict.Finding) bool { return !f.Warning }

func (a *app) validateJSON(findings []strict.Finding) error {
	out := struct {
		OK       bool             `json:"ok"`
		Findings []strict.Finding `json:"findings"`
	}{true, findings}
	if findings == nil {
		out.Findings = []strict.Finding{}
	}
	for _, f := range findings {
		out.OK = out.OK && !isError(f)
	}
	if err := a.print(out); err != nil {
		return err
	}
	if !out.OK {
		return errFindings
	}
	return nil
}

func (a *app) validatePeople(w *workspace.Workspace, findings []strict.Finding) error {
	var errs, warnings int
	var later []strict.Finding
	for _, f := range findings {
		switch {
		case f.Code == strict.CodeNotRunYet:
			later = append(later, f)
			continue
		case isError(f):
			errs++
		default:
			warnings++
		}
		a.printf("%s\n", strict.Render(f, a.color(a.stdout)))
	}
	if len(later) > 0 {
		a.printf("%s\n", a.yellow("Used here, checked, and not running in this version:"))
		for _, f := range later {
			a.printf("  %s %s\n", a.faint(fmt.Sprintf("%s:%d:%d:", f.File, f.Line, f.Column)), plain(f.Message))
		}
		a.printf("\n")
	}
	what := fmt.Sprintf("%s: %s, %s, %s", of(len(w.Files), "file"), of(len(w.Campaigns), "campaign"),
		of(len(w.Segments), "segment"), of(len(w.Templates.Names()), "template"))
	if errs > 0 {
		a.printf("%s in %s\n", a.paint(a.stdout, styleRed, counted(errs, warnings)), of(len(w.Files), "file"))
		return errFindings
	}
	a.printf("%s %s", a.green("ok"), what)
	if warnings > 0 {
		a.printf("; %s", a.yellow(of(warnings, "warning")))
	}
	a.printf("\n")
	return nil
}

func counted(errs, warnings int) string {
	text := of(errs, "error")
	if warnings > 0 {
		text += " and " + of(warnings, "warning")
	}
	return text
}
