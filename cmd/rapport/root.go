package main

// What a command has at hand (see also output.go, table.go, bar.go, failure.go):
//
//	a.workspace()            reads the folder, prints all findings on stderr,
//	                         answers errFindings when some are errors
//	a.connections()          reads the folder for its database and Redis only:
//	                         a fault in a segment must not keep anybody from
//	                         pausing a campaign
//	a.databaseOf(w)          --database, else what the workspace names, else
//	                         DIR/.rapport/rapport.db
//	a.dataDir()              DIR/.rapport: journals and the embedded database
//	a.openStore(ctx, w)      that database, shared with a running serve
//	a.openForLooking(ctx, w) the same for plan: without a database it makes none
//	a.with(do)               RunE of a command that needs connections and store
//	a.when(t)                a moment for people, in the company's zone
//	a.print(v)               v as JSON on stdout; use it when a.json is set
//	a.note(format, …)        a line about the work on stderr, not with --json
//	a.confirm(question, yes) asks on a terminal, refuses elsewhere without --yes
//	a.newTable(heads…)       aligned columns: .row(cells…), .print()
//	a.newBar(total, what)    progress on stderr, silent when nobody looks
//	usagef(format, …)        an error with exit code 2
//	errFindings, exitWith(n) end with a code and without another line
//
// A new command is a method `func (a *app) xCommand() *cobra.Command` and one
// line in the list of commands below.

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"rapport/internal/calendar"
	"rapport/internal/clock"
	"rapport/internal/store"
	"rapport/internal/strict"
	"rapport/internal/workspace"
)

// app is the program with everything that it touches.
type app struct {
	dir      string // --dir
	json     bool   // --json
	database string // --database

	stdin          io.Reader
	stdout, stderr io.Writer
	env            func(string) (string, bool)
	now            clock.Clock
	isTerminal     func(stream any) bool
	columns        func() int // width of the terminal

	zone *time.Location // of the company, once its folder was read
}

// Groups of the help page, in its order.
const (
	groupWorkspace = "workspace"
	groupRun       = "run"
	groupPeople    = "people"
	groupLook      = "look"
)

// commands are all commands with the group they stand in, in the order of the
// help page.
func (a *app) commands() []*cobra.Command {
	group := func(id string, list ...*cobra.Command) []*cobra.Command {
		for _, c := range list {
			c.GroupID = id
		}
		return list
	}
	var all []*cobra.Command
	all = append(all, group(groupWorkspace, a.initCommand(), a.validateCommand(), a.testCommand(), a.simulateCommand(), a.schemaCommand(), a.templatesCommand())...)
	all = append(all, group(groupRun, a.demoCommand(), a.planCommand(), a.applyCommand(), a.approveCommand(), a.serveCommand())...)
	all = append(all, group(groupPeople, a.contactsCommand(), a.segmentsCommand(), a.suppressionsCommand(), a.partnersCommand(), a.predictionsCommand())...)
	all = append(all, group(groupLook, a.campaignsCommand(), a.providersCommand(), a.resultsCommand(), a.messagesCommand(), a.versionsCommand(), a.keysCommand(), a.doctorCommand(), a.benchCommand(), a.versionCommand())...)
	return all
}

func (a *app) root() *cobra.Command {
	cobra.EnableCommandSorting = false
	root := &cobra.Command{
		Use:   "rapport",
		Short: "Outreach as code: targeted mail from a folder of YAML and templates",
		Long: `Rapport turns a folder of YAML and templates into targeted mail: it enrols the
right contacts, sends, learns from every answer, and moves people up the ladder.

A command ends with 0 when it is done, 1 when the work failed, 2 when it cannot
be understood; plan with 3 when there is something to apply. With --json it prints
its answer for programs.`,
		Example: `  rapport demo                   see it all work, with nothing installed
  rapport init acme              begin a workspace
  rapport -C acme validate       check it`,
		Args:          unknownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.PersistentFlags().StringVarP(&a.dir, "dir", "C", ".", "`folder` of the workspace")
	root.PersistentFlags().StringVar(&a.database, "database", "", "use this database: postgres://… or a `file`")
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON, for programs")
	root.AddGroup(
		&cobra.Group{ID: groupWorkspace, Title: "Write and check:"},
		&cobra.Group{ID: groupRun, Title: "Run:"},
		&cobra.Group{ID: groupPeople, Title: "People:"},
		&cobra.Group{ID: groupLook, Title: "Look and steer:"},
	)
	root.AddCommand(a.commands()...)
	root.SetHelpCommandGroupID(groupLook)
	root.SetCompletionCommandGroupID(groupLook)
	root.SetUsageTemplate(usageTemplate)
	root.SetFlagErrorFunc(flagError)
	finish(root)
	return root
}

// usageTemplate is the help of every command: what there is to type, examples,
// commands by group, flags.
const usageTemplate = `Usage:
  {{if .HasAvailableSubCommands}}{{.CommandPath}} COMMAND{{else}}{{.UseLine}}{{end}}
{{- if .HasExample}}

Examples:
{{.Example}}{{end}}
{{- if .HasAvailableSubCommands}}{{$all := .Commands}}
{{- range $group := .Groups}}

{{.Title}}{{range $all}}{{if and (eq .GroupID $group.ID) .IsAvailableCommand}}
  {{rpad .Name .NamePadding}}  {{.Short}}{{end}}{{end}}{{end}}
{{- if not .Groups}}

Commands:{{range $all}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}}  {{.Short}}{{end}}{{end}}{{end}}{{end}}
{{- if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}
{{- if .HasAvailableInheritedFlags}}

Flags of every command:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}
{{- if .HasAvailableSubCommands}}

More about a command: {{.CommandPath}} COMMAND --help{{end}}
`

// run runs one command line and returns the exit code.
func (a *app) run(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	cmd, err := root.ExecuteContextC(ctx)
	return a.report(cmd, err)
}

// workspace reads the folder and prints every finding on standard error. With
// errors among them it answers errFindings.
func (a *app) workspace() (*workspace.Workspace, error) {
	w, findings := a.load()
	return w, a.findings(findings, func(strict.Finding) bool { return true })
}

// connections reads the folder for what it says about databases and servers.
// Findings elsewhere are left to validate. With --database there need not be a
// workspace at all.
func (a *app) connections() (*workspace.Workspace, error) {
	w, findings := a.load()
	if a.database != "" && missing(findings) {
		return &workspace.Workspace{Dir: a.dir}, nil
	}
	return w, a.findings(findings, func(f strict.Finding) bool { return f.File == "rapport.yaml" && !f.Warning })
}

// databaseOf names the database to open.
func (a *app) databaseOf(w *workspace.Workspace) string {
	switch {
	case a.database != "":
		return a.database
	case w != nil && w.Database != "":
		return w.Database
	}
	return filepath.Join(a.dataDir(), "rapport.db")
}

// dataDir is where the engine keeps what is not the marketer's.
func (a *app) dataDir() string { return filepath.Join(a.dir, ".rapport") }

// openStore opens the database so that it works beside a running serve.
func (a *app) openStore(ctx context.Context, w *workspace.Workspace) (*store.Store, error) {
	return store.Open(ctx, a.databaseOf(w), store.Options{Shared: true})
}

// openForLooking is openStore for what promises to write nothing: where there is
// no embedded file yet, it looks at an empty one that is forgotten with done.
func (a *app) openForLooking(ctx context.Context, w *workspace.Workspace) (s *store.Store, done func(), err error) {
	name, folder := a.databaseOf(w), ""
	if seen, err := store.Peek(ctx, name); err == nil && seen.Missing && seen.Clock.IsZero() {
		if folder, err = os.MkdirTemp("", "rapport-"); err != nil {
			return nil, nil, err
		}
		name = filepath.Join(folder, "rapport.db")
	}
	done = func() {
		if s != nil {
			s.Close()
		}
		if folder != "" {
			os.RemoveAll(folder)
		}
	}
	if s, err = store.Open(ctx, name, store.Options{Shared: true}); err != nil {
		done()
		return nil, nil, err
	}
	return s, done, nil
}

// session is what most commands work with.
type session struct {
	*app
	ctx   context.Context
	cmd   *cobra.Command
	work  *workspace.Workspace // of connections: it may have faults
	store *store.Store
}

// with makes the RunE of a command that needs the database.
func (a *app) with(do func(s *session, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		w, err := a.connections()
		if err != nil {
			return err
		}
		db, err := a.openStore(cmd.Context(), w)
		if err != nil {
			return err
		}
		defer db.Close()
		return do(&session{app: a, ctx: cmd.Context(), cmd: cmd, work: w, store: db}, args)
	}
}

// load reads the folder; from then on moments are shown in the company's zone.
func (a *app) load() (*workspace.Workspace, []strict.Finding) {
	w, findings := workspace.Load(a.dir, a.env)
	if zone, err := calendar.LoadZone(w.Company.Timezone); err == nil {
		a.zone = zone
	}
	return w, findings
}

// when writes a moment for people, in the company's zone where it is known.
func (a *app) when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(a.location()).Format("2006-01-02 15:04")
}

// soon is when in few characters, for wide tables: the day and time of this
// year, else the date.
func (a *app) soon(t time.Time) string {
	zone := a.location()
	switch {
	case t.IsZero():
		return ""
	case t.In(zone).Year() == a.now.Now().In(zone).Year():
		return t.In(zone).Format("Jan 02 15:04")
	}
	return t.In(zone).Format("2006-01-02")
}

func (a *app) location() *time.Location {
	if a.zone == nil {
		return time.UTC
	}
	return a.zone
}

// print writes a value as JSON on standard output.
func (a *app) print(v any) error {
	out := json.NewEncoder(a.stdout)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(v)
}

// printf writes text for people on standard output.
func (a *app) printf(format string, args ...any) {
	fmt.Fprintf(a.stdout, format, args...) // a closed pipe has nobody to tell
}
