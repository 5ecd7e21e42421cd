package acceptance

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"rapport/internal/testenv"
)

// program is the rapport that the tests run.
var program string

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Println("skipped: whole installations take minutes, and this is -short")
		return
	}
	dir, err := os.MkdirTemp("", "rapport-acceptance-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer os.RemoveAll(dir)
	defer testenv.Stop()
	program = filepath.Join(dir, "rapport")
	build := exec.Command("go", "build", "-o", program, "./cmd/rapport")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "cannot build rapport: %v\n%s", err, out)
		os.RemoveAll(dir)
		os.Exit(1)
	}
	m.Run()
}

// eventually looks every few milliseconds whether something is so, and fails the
// test when it still is not after limit. state tells what there is instead.
func eventually(t *testing.T, limit time.Duration, what string, look func() (done bool, state string)) {
	t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		done, state := look()
		if done {
			return
		}
		select {
		case <-deadline.C:
			t.Fatalf("not within %s: %s; it is: %s", limit, what, state)
		case <-t.Context().Done():
			t.Fatalf("the test ended before: %s", what)
		case <-tick.C:
		}
	}
}
