package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"rapport/campaigns"
	"rapport/internal/clock"
	"rapport/internal/contacts"
	"rapport/internal/engine"
	"rapport/internal/store"
)

var update = flag.Bool("update", false, "write what the commands print into the scripts")

// noon is a Monday: the time of day in scripts that set no NOW.
const noon = "2026-03-02T12:00:00Z"

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"rapport": func() {
			a := systemApp()
			a.now = clock.NewManual(scriptNow())
			os.Exit(a.run(context.Background(), os.Args[1:]))
		},
		"run": runEngine,
	})
}

// TestScripts runs testdata/script: every command as it is typed, on the
// embedded store, with what it prints and its exit code.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("NOW", noon)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "field": field, "bytes": writeBytes},
	})
}

// exits runs a command and checks its exit code: exits 2 rapport valdate.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARG…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// field keeps a word of the last output in a variable: field ID 2 1 is the
// first word of the second line.
func field(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: field NAME LINE WORD")
	}
	line, err := strconv.Atoi(args[1])
	ts.Check(err)
	word, err := strconv.Atoi(args[2])
	ts.Check(err)
	lines := strings.Split(ts.ReadFile("stdout"), "\n")
	if line > len(lines) || word > len(strings.Fields(lines[line-1])) {
		ts.Fatalf("there is no word %d in line %d", word, line)
	}
	ts.Setenv(args[0], strings.Fields(lines[line-1])[word-1])
}

// writeBytes writes a file of any bytes: bytes FILE 'text with \xf6 and \n'.
func writeBytes(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: bytes FILE TEXT")
	}
	text, err := strconv.Unquote(`"` + args[1] + `"`)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

func scriptNow() time.Time {
	now, err := time.Parse(time.RFC3339, os.Getenv("NOW"))
	if err != nil {
		panic(err)
	}
	return now
}

// runEngine does all there is to do at NOW in the workspace of a folder: "run
// DIR" with a worker, "run DIR queued" without one, so that mail stays queued,
// and "run DIR unknown" with one that falls silent over its first message.
func runEngine() {
	how := "sent"
	if len(os.Args) > 2 {
		how = os.Args[2]
	}
	if err := settle(context.Background(), os.Args[1], how); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func settle(ctx context.Context, dir, how string) error {
	data := filepath.Join(dir, ".rapport")
	o := engine.Options{Database: filepath.Join(data, "rapport.db"), DataDir: data, Clock: clock.NewManual(scriptNow()), Fleeting: true}
	if how != "sent" {
		o.Roles = []string{engine.RoleScheduler}
	}
	e, err := engine.Open(ctx, o)
	if err != nil {
		return err
	}
	defer e.Close()
	if _, err := e.Settle(ctx); err != nil {
		return err
	}
	if how == "unknown" {
		return loseOne(ctx, e)
	}
	return nil
}

// loseOne claims one message for a worker that is then given up.
func loseOne(ctx context.Context, e *engine.Engine) error {
	now := e.Clock.Now()
	w := store.Worker{ID: "worker-lost", Host: "test"}
	if err := e.Store.StartWorker(ctx, w, now); err != nil {
		return err
	}
	lanes, err := e.Store.OpenLanes(ctx)
	if err != nil {
		return err
	}
	entries, err := e.Queue.Take(ctx, w.ID, lanes, 1, 0)
	if err != nil || len(entries) == 0 {
		return fmt.Errorf("no batch is queued: %v", err)
	}
	_, err = e.Store.Claim(ctx, store.ClaimInput{Batches: []int64{entries[0].Batch}, Needs: func(campaigns.Enrolment) contacts.Needs { return contacts.Everything }, Worker: w.ID, Limit: 1, Now: now},
		func(list []store.Candidate) []store.Verdict {
			verdicts := make([]store.Verdict, len(list))
			for i := range verdicts {
				verdicts[i] = store.Verdict{Go: true}
			}
			return verdicts
		})
	if err != nil {
		return err
	}
	_, err = e.Store.GiveUp(ctx, w, now)
	return err
}
