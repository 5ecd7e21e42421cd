package main

import (
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"rapport/examples"
	"rapport/internal/workspace"
)

func (a *app) initCommand() *cobra.Command {
	var name, example string
	c := &cobra.Command{
		Use:   "init DIR",
		Short: "Make a workspace that works as it stands",
		Long: `Make a workspace in a new or empty folder: one campaign with its templates,
segments, ladder and a scenario. It validates as it stands, and the editor
completes its files. Nothing is mailed until delivery says live.

With --example it is one of the examples instead, each a whole company with its
campaigns, texts and scenarios, to look around in and to change into your own.`,
		Example: `  rapport init acme
  rapport init acme --name "Acme Tools"
  rapport init shop --example northwind`,
		Args: args("DIR"),
		RunE: func(_ *cobra.Command, given []string) error {
			dir := given[0]
			made, err := initialize(dir, name, example)
			if err != nil {
				return err
			}
			name = made
			if a.json {
				return a.print(map[string]string{"dir": dir, "company": name})
			}
			a.printf("Made the workspace of %s in %s.\n\nNext:\n", name, dir)
			next := a.newTable()
			next.row("  rapport -C "+dir+" validate", a.faint("check all files"))
			next.row("  rapport -C "+dir+" test", a.faint("run its scenarios"))
			next.row("  rapport -C "+dir+" simulate", a.faint("live through the coming weeks"))
			next.row("  rapport -C "+dir+" apply", a.faint("store it as the version that runs"))
			next.row("  rapport -C "+dir+" serve", a.faint("run it"))
			next.print()
			return nil
		},
	}
	c.Flags().StringVar(&name, "name", "", "name of the company (default: after the folder)")
	a.exampleFlag(c, &example, "", "begin with an `example`: ")
	return c
}

// initialize makes the workspace, and returns the company's name.
func initialize(dir, name, example string) (company string, err error) {
	if example == "" {
		if name == "" {
			name = companyOf(dir)
		}
		return name, workspace.Init(dir, name)
	}
	if name != "" {
		return "", usagef("--name and --example exclude each other: an example has its company, and rapport.yaml names it")
	}
	folder, err := examples.Open(example)
	if err != nil {
		return "", usagef("--example: %v", err)
	}
	if err := workspace.InitFrom(dir, folder); err != nil {
		return "", err
	}
	w, _ := workspace.Load(dir, nil)
	return w.Company.Name, nil
}

// exampleFlag is the flag that names an example.
func (a *app) exampleFlag(c *cobra.Command, name *string, usual, usage string) {
	c.Flags().StringVar(name, "example", usual, usage+strings.Join(examples.Names(), ", "))
	_ = c.RegisterFlagCompletionFunc("example", cobra.FixedCompletions(examples.Names(), cobra.ShellCompDirectiveNoFileComp)) // the flag is there
}

// companyOf makes a company's name of a folder's: "acme-tools" is Acme Tools.
func companyOf(dir string) string {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		absolute = dir
	}
	words := strings.FieldsFunc(filepath.Base(absolute), func(r rune) bool { return r == '-' || r == '_' || unicode.IsSpace(r) })
	for i, w := range words {
		first, size := utf8.DecodeRuneInString(w)
		words[i] = string(unicode.ToUpper(first)) + w[size:]
	}
	return strings.Join(words, " ")
}
