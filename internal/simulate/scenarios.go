package simulate

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"rapport/campaigns"
	"rapport/internal/calendar"
	"rapport/internal/strict"
	"rapport/internal/workspace"
)

// Tests says which scenarios of a workspace are run, and how.
type Tests struct {
	Workspace *workspace.Workspace // without errors among its findings
	Env       func(string) (string, bool)
	Log       *slog.Logger
	Name      string // only those whose name contains it, whatever the case; "" is all
	Done      func() // after each scenario, from any goroutine; may be nil
}

// Verdict is what a scenario came to.
type Verdict struct {
	workspace.Scenario
	Problems []Problem // none: it holds
	Timeline []Row     // what was expected beside what happened, by time
	Zone     *time.Location
	Took     time.Duration
}

// OK reports whether everything happened that had to, and nothing else.
func (v *Verdict) OK() bool { return len(v.Problems) == 0 }

// Problem is one thing that a scenario says and that is not so.
type Problem struct {
	File         string
	Line, Column int
	Message      string
}

// RunScenarios runs the scenarios of a workspace, each with an engine and a
// database of its own (semantics.md, rule 28). The verdicts are in the order of
// the files.
func RunScenarios(ctx context.Context, t Tests) ([]Verdict, error) {
	var list []workspace.Scenario
	for _, s := range t.Workspace.Scenarios {
		if strings.Contains(strings.ToLower(s.Name), strings.ToLower(t.Name)) {
			list = append(list, s)
		}
	}
	zone, err := calendar.LoadZone(t.Workspace.Company.Timezone)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "rapport-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	empty, err := emptyDatabase(ctx, dir)
	if err != nil {
		return nil, err
	}
	verdicts := make([]Verdict, len(list))
	next := make(chan int, len(list))
	for i := range list {
		next <- i
	}
	close(next)
	group, ctx := errgroup.WithContext(ctx)
	for range min(runtime.GOMAXPROCS(0), len(list)) {
		group.Go(func() error {
			ready, err := withoutLots(t.Workspace, t.Env)
			if err != nil {
				return err
			}
			for i := range next {
				trial := trial{scenario: list[i], zone: zone, setup: labSetup{Ready: ready, Env: t.Env, Log: t.Log, Empty: empty}}
				if verdicts[i], err = trial.run(ctx); err != nil {
					return fmt.Errorf("%s:%d:%d: %w", list[i].File, list[i].Line, list[i].Column, err)
				}
				if t.Done != nil {
					t.Done()
				}
			}
			return nil
		})
	}
	return verdicts, group.Wait()
}

// withoutLots reads the workspace once more and takes out what a scenario leaves
// out: nobody is held out, mail goes as planned, and a segment is looked at
// whenever anything happens.
func withoutLots(w *workspace.Workspace, env func(string) (string, bool)) (*workspace.Workspace, error) {
	ready, findings := workspace.FromFiles(w.Files, env)
	for _, f := range findings {
		if !f.Warning {
			return nil, fmt.Errorf("the workspace has faults: %s", strict.Render(f, false))
		}
	}
	for _, d := range ready.Campaigns {
		d.Control, d.Apart = 0, 0
		d.Deliver.SendTime = campaigns.AsPlanned
	}
	ready.RefreshSegments = time.Nanosecond
	return ready, nil
}
