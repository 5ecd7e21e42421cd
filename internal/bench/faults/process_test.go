package faults

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Who is told to stop before it has begun ends as every program does; who has begun
// must end by itself.
func TestOnlyWhoHasBegunMustStopByItself(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	for _, c := range []struct{ script, want string }{
		{"exec sleep 1000", ""},
		{"echo ready; exec sleep 1000", "it ended with exit code -1 after SIGTERM"},
		{"exec sleep 1000", ""}, // although an earlier one has said something
		{"trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done", ""},
		{"trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done", "it ended with exit code 3 after SIGTERM"},
	} {
		p, err := start("it", log, exec.Command("/bin/sh", "-c", c.script))
		if err != nil {
			t.Fatal(err)
		}
		if c.script[0] != 'e' || c.script[:4] == "echo" {
			err = until(t.Context(), 20*time.Second, "it speaks", func() (bool, string) {
				now, err := os.Stat(log)
				return err == nil && now.Size() > p.silent, "silent"
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		got := ""
		if err := p.stop(t.Context()); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.script, got, c.want)
		}
	}
}
