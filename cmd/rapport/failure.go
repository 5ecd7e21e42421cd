package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rapport/internal/strict"
	"rapport/internal/workspace"
)

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
)

// usageError is a command line that cannot be understood.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// usagef makes an error with exit code 2.
func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// exitWith ends the program with a code: everything has been said already.
type exitWith int

func (e exitWith) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// errFindings says that the findings were printed and some are errors.
var errFindings error = exitWith(exitFailed)

// report prints an error and gives the exit code.
func (a *app) report(cmd *cobra.Command, err error) int {
	var code exitWith
	var usage *usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	case errors.As(err, &usage):
		fmt.Fprintf(a.stderr, "%s %s\n", a.red(a.stderr, "rapport:"), usage)
		if !strings.Contains(usage.text, "\n") {
			fmt.Fprintf(a.stderr, "  see: %s --help\n", cmd.CommandPath())
		}
		return exitUsage
	case errors.Is(err, context.Canceled):
		fmt.Fprintf(a.stderr, "%s stopped before the end\n", a.red(a.stderr, "rapport:"))
		return exitFailed
	}
	fmt.Fprintf(a.stderr, "%s %s\n", a.red(a.stderr, "rapport:"), err)
	return exitFailed
}

// missing says whether there is no workspace at all.
func missing(findings []strict.Finding) bool {
	return slices.ContainsFunc(findings, func(f strict.Finding) bool { return f.Code == workspace.CodeNoWorkspace })
}

// findings prints those findings that count and says whether some are errors.
func (a *app) findings(list []strict.Finding, counts func(strict.Finding) bool) error {
	for _, f := range list {
		if f.Code == workspace.CodeNoWorkspace {
			return fmt.Errorf("%s\n  make a workspace with: rapport init DIR, or name its folder with --dir", f.Message)
		}
	}
	errs := 0
	for _, f := range list {
		if !counts(f) {
			continue
		}
		fmt.Fprint(a.stderr, strict.Render(f, a.color(a.stderr)))
		if !f.Warning {
			errs++
		}
	}
	if errs > 0 {
		return errFindings
	}
	return nil
}

// unknownCommand is the Args of commands that only hold other commands.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return usagef("there is no command %q%s", strings.TrimSpace(pathOf(cmd)+" "+args[0]), didYouMean(args[0], names))
}

// pathOf is a command as it is typed after the program's name.
func pathOf(cmd *cobra.Command) string {
	return strings.TrimSpace(strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()))
}

// didYouMean suggests a name, or says nothing.
func didYouMean(word string, known []string) string {
	if meant := strict.Suggest(word, known); meant != "" {
		return fmt.Sprintf("; did you mean %q?", meant)
	}
	return ""
}

// flagError explains a flag that cannot be understood.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var empty *pflag.ValueRequiredError
	var value *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		name := unknown.GetSpecifiedName()
		if len(name) == 1 {
			return usagef("there is no flag -%s", name)
		}
		return usagef("there is no flag --%s%s", name, didYouMean("--"+name, names))
	case errors.As(err, &empty):
		return usagef("the flag --%s needs a value", empty.GetFlag().Name)
	case errors.As(err, &value):
		return usagef("the flag --%s cannot be %q: it takes %s", value.GetFlag().Name, value.GetValue(), typeName(value.GetFlag()))
	}
	return usagef("%s", err)
}

// typeName is the type of a flag's value in words.
func typeName(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "int", "int64", "uint64":
		return "a whole number"
	case "bool":
		return "true or false"
	case "duration":
		return "a length of time, as in 2s"
	}
	return "a " + f.Value.Type()
}

// fromOne checks a --limit.
func fromOne(limit int) error {
	if limit < 1 {
		return usagef("--limit takes a number from 1")
	}
	return nil
}

// args checks how many arguments a command got; names are those of its Use
// line, and one that ends in … may come many times.
func args(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		many := len(names) > 0 && strings.HasSuffix(names[len(names)-1], "…")
		switch {
		case len(given) < len(names):
			return usagef("%s needs %s", pathOf(cmd), strings.Join(names[len(given):], " and "))
		case len(given) > len(names) && !many:
			return usagef("%s does not know what to do with %q", pathOf(cmd), given[len(names)])
		}
		return nil
	}
}

// finish gives commands that say nothing about their arguments the rule that
// they take none, and keeps flags in the order in which they are explained.
func finish(cmd *cobra.Command) {
	for _, c := range cmd.Commands() {
		c.Flags().SortFlags = false
		if c.Args == nil && !c.HasSubCommands() {
			c.Args = args()
		}
		finish(c)
	}
}

// groupOf makes a command that only holds other commands.
func groupOf(c *cobra.Command, parts ...*cobra.Command) *cobra.Command {
	c.Args = unknownCommand
	c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	c.AddCommand(parts...)
	return c
}
