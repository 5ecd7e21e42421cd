package faults

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// program is the rapport that the tests break.
var program string

var seed = flag.Uint64("seed", 1, "of the random moments")

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Println("skipped: breaking whole installations takes minutes, and this is -short")
		return
	}
	dir, err := os.MkdirTemp("", "rapport-faults-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer os.RemoveAll(dir)
	defer Stop()
	program = filepath.Join(dir, "rapport")
	build := exec.Command("go", "build", "-o", program, "./cmd/rapport")
	build.Dir = filepath.Join("..", "..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "cannot build rapport: %v\n%s", err, out)
		os.RemoveAll(dir)
		os.Exit(1)
	}
	if err := flag.Set("test.parallel", "100"); err != nil { // see busy
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	m.Run()
}

// Every fault, a few times each.
func TestNothingIsLostAndNothingIsSentTwice(t *testing.T) {
	busy := make(chan struct{}, 3)
	for _, s := range Scenarios() {
		if s.Brief == 0 {
			continue // it takes minutes: rapport bench faults has it
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			if !s.Quick { // those wait for a silent worker to be given up, and do nothing else
				busy <- struct{}{}
				defer func() { <-busy }()
			}
			r, err := Run(t.Context(), Options{Program: program, Dir: t.TempDir(), Seed: *seed, Short: true}, s)
			if err == nil && len(r.Notes) > 0 && !promiseBroken(r) {
				t.Logf("this trial did not come to its end, and is made once more: %s", strings.Join(r.Notes, "; "))
				r, err = Run(t.Context(), Options{Program: program, Dir: t.TempDir(), Seed: *seed, Short: true}, s)
			}
			if err != nil {
				t.Fatal(err)
			}
			if r.Skipped != "" {
				t.Skip(r.Skipped)
			}
			t.Logf("%d faults, %d sent, %d failed, %d of at most %d unknown, %d second copies, %d losses, %d callbacks, %.1f s",
				r.Faults, r.Sent, r.Failed, r.Unknown, r.Allowed, r.Second, r.Lost, r.Callbacks, r.Seconds)
			for _, note := range r.Notes {
				t.Error(note)
			}
			if t.Failed() {
				showLogs(t, r.Files)
			}
		})
	}
}

// promiseBroken tells what the engine got wrong from what a busy machine spoils: a
// trial in which something took too long, or ran dry, may be made again, one with
// a copy too many, a loss or too much unknown never.
func promiseBroken(r Result) bool { return r.Second > 0 || r.Lost > 0 || r.Unknown > r.Allowed }

// showLogs prints the ends of the logs of a broken installation.
func showLogs(t *testing.T, dir string) {
	logs, _ := filepath.Glob(filepath.Join(dir, "*.log")) // the pattern is a constant
	for _, name := range logs {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Error(err)
		}
		const most = 4000
		t.Logf("the end of %s:\n%s", filepath.Base(name), text[max(0, len(text)-most):])
	}
}
