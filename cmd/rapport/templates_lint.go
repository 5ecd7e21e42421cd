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
	"rapport/templates"
)

func (a *app) templatesLint() *cobra.Command {
	var online bool
	c := &cobra.Command{
		Use:   "lint [NAME…]",
		Short: "Tell what readers and mail programs would mind",
		Long: `Look at templates as readers get them, in every language, and tell what they or
their mail programs would mind: a value that not everybody has, broken
addresses, pictures without words, more than Gmail shows, an empty text part, a
risky subject, a footer that hides, and text that is hard to read. Without a
name all templates of the folder are looked at. What is wrong, and stops a
template, is for rapport validate.

With --online each web address is asked too, a few at a time, for at most ten
seconds, whether its page or picture is there.

The exit code is 1 when there is something to tell.`,
		Example: `  rapport templates lint
  rapport templates lint --online
  rapport templates lint welcome --json`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeNames(templateNames),
		RunE: func(cmd *cobra.Command, names []string) error {
			w, findings := a.load()
			if err := a.findings(findings, isError); err != nil {
				return err
			}
			zone, err := calendar.LoadZone(w.Company.Timezone)
			if err != nil {
				return err
			}
			all, err := lintings(&catalog.Applied{Workspace: w, Zone: zone}, names, a.now.Now())
			if err != nil {
				return err
			}
			list := all.findings()
			if online {
				list = append(list, all.dead(func(addresses []string) map[string]string { return a.askAddresses(cmd.Context(), addresses) })...)
			}
			var found strict.Findings
			for _, f := range list {
				found.Add(all.show(f))
			}
			return a.showLint(all.count, found.All())
		},
	}
	c.Flags().BoolVar(&online, "online", false, "ask every web address whether it is there")
	return c
}

const templatesFolder = "templates/"

// linting is what lint looks at: templates, and whom for.
type linting struct {
	texts map[string]string // of the templates folder, by path
	count int               // how many templates are looked at
	each  []lintOne
}

type lintOne struct {
	template *templates.Template
	in       templates.LintInput
}

// lintings finds the named templates, or all.
func lintings(applied *catalog.Applied, names []string, now time.Time) (*linting, error) {
	l := &linting{texts: map[string]string{}}
	for _, f := range applied.Files {
		if name, ok := strings.CutPrefix(f.Path, templatesFolder); ok {
			l.texts[name] = string(f.Data)
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
	l.count = len(names)
	known := inventedFacts(applied, now)
	stranger := &contacts.Facts{Contact: contacts.Contact{Email: known.Contact.Email, Stage: known.Contact.Stage, CreatedAt: now}}
	for _, name := range names {
		d, _, err := sentBy(applied, name, "")
		if err != nil {
			return nil, err
		}
		input := func(f *contacts.Facts) templates.Input {
			return delivery.PreviewInput(applied, d, f, originOf(applied, d, now), now)
		}
		l.each = append(l.each, lintOne{applied.Templates.Template(name),
			templates.LintInput{Known: input(known), Stranger: input(stranger), Source: func(file string) string { return l.texts[file] }}})
	}
	return l, nil
}

func (l *linting) findings() (list []templates.Finding) {
	for _, one := range l.each {
		list = append(list, one.template.Lint(one.in)...)
	}
	return list
}

// dead asks every address once, and lists those that lead nowhere.
func (l *linting) dead(ask func(addresses []string) map[string]string) (list []templates.Finding) {
	var all []templates.Address
	var once []string
	for _, one := range l.each {
		for _, a := range one.template.Addresses(one.in) {
			all = append(all, a)
			if !slices.Contains(once, a.URL) {
				once = append(once, a.URL)
			}
		}
	}
	wrong := ask(once)
	for _, a := range all {
		if why := wrong[a.URL]; why != "" {
			list = append(list, templates.Finding{File: a.File, Line: a.Line, Column: a.Column, Code: codeDeadLink, Message: a.URL + ": " + why})
		}
	}
	return list
}

// show is a finding with the line that it is about.
func (l *linting) show(f templates.Finding) strict.Finding {
	line := ""
	if lines := strings.Split(l.texts[f.File], "\n"); f.Line <= len(lines) {
		line = strings.TrimSuffix(lines[f.Line-1], "\r")
	}
	return strict.Finding{File: templatesFolder + f.File, Line: f.Line, Column: f.Column, Code: f.Code, Message: f.Message, Hint: f.Hint, Source: line, Warning: true}
}

func (a *app) showLint(looked int, found []strict.Finding) error {
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
			a.printf("%s %s\n", a.green("ok"), of(looked, "template"))
		}
	}
	if len(found) > 0 {
		return errFindings
	}
	return nil
}
