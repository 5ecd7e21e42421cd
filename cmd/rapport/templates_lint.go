package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rapport/internal/calendar"
	"rapport/internal/catalog"
	"rapport/internal/contacts"
	"rapport/internal/delivery"
	"rapport/internal/strict"
	"rapport/internal/workspace"
	"rapport/templates"
)

func (a *app) templatesLint() *cobra.Command {
	return &cobra.Command{
		Use:   "lint [NAME…]",
		Short: "Tell what readers and mail programs would mind",
		Long: `Look at templates as readers get them, in every language, and tell what they or
their mail programs would mind: a value that not everybody has, broken
addresses, pictures without words, more than Gmail shows, an empty text part, a
risky subject, a footer that hides, and text that is hard to read. Without a
name all templates of the folder are looked at. What is wrong, and stops a
template, is for rapport validate.

The exit code is 1 when there is something to tell.`,
		Example: `  rapport templates lint
  rapport templates lint welcome --json`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeNames(templateNames),
		RunE: func(_ *cobra.Command, names []string) error {
			w, findings := a.load()
			if err := a.findings(findings, isError); err != nil {
				return err
			}
			zone, err := calendar.LoadZone(w.Company.Timezone)
			if err != nil {
				return err
			}
			found, err := lintTemplates(&catalog.Applied{Workspace: w, Zone: zone}, names, a.now.Now())
			if err != nil {
				return err
			}
			return a.showLint(w, found)
		},
	}
}

// lintTemplates looks at the named templates, or at all.
func lintTemplates(applied *catalog.Applied, names []string, now time.Time) (found []strict.Finding, err error) {
	const folder = "templates/"
	texts := map[string]string{}
	for _, f := range applied.Files {
		if name, ok := strings.CutPrefix(f.Path, folder); ok {
			texts[name] = string(f.Data)
		}
	}
	all := applied.Templates.Names()
	for _, name := range names {
		if !slices.Contains(all, name) {
			return nil, fmt.Errorf("there is no template %q%s", name, orOneOf(name, all))
		}
	}
	if len(names) == 0 {
		names = all
	}
	known := inventedFacts(applied, now)
	stranger := &contacts.Facts{Contact: contacts.Contact{Email: known.Contact.Email, Stage: known.Contact.Stage, CreatedAt: now}}
	var list strict.Findings
	for _, name := range names {
		d, _, err := sentBy(applied, name, "")
		if err != nil {
			return nil, err
		}
		t := applied.Templates.Template(name)
		input := func(f *contacts.Facts) templates.Input {
			return delivery.PreviewInput(applied, d, f, originOf(applied, d, now), now)
		}
		for _, f := range t.Lint(templates.LintInput{Known: input(known), Stranger: input(stranger), Source: func(file string) string { return texts[file] }}) {
			line := ""
			if lines := strings.Split(texts[f.File], "\n"); f.Line <= len(lines) {
				line = strings.TrimSuffix(lines[f.Line-1], "\r")
			}
			list.Add(strict.Finding{File: folder + f.File, Line: f.Line, Column: f.Column, Code: f.Code, Message: f.Message, Hint: f.Hint, Source: line, Warning: true})
		}
	}
	return list.All(), nil
}

func (a *app) showLint(w *workspace.Workspace, found []strict.Finding) error {
	if a.json {
		out := struct {
			OK       bool             `json:"ok"`
			Findings []strict.Finding `json:"findings"`
		}{len(found) == 0, append([]strict.Finding{}, found...)}
		if err := a.print(out); err != nil {
			return err
		}
	} else {
		for _, f := range found {
			a.printf("%s\n", strict.Render(f, a.color(a.stdout)))
		}
		if len(found) == 0 {
			a.printf("%s %s\n", a.green("ok"), of(len(w.Templates.Names()), "template"))
		}
	}
	if len(found) > 0 {
		return errFindings
	}
	return nil
}
