package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"rapport/internal/testenv"
)

// folder holds what the tests build.
var folder string

func TestMain(m *testing.M) {
	var err error
	if folder, err = os.MkdirTemp("", "rapport-bench-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer os.RemoveAll(folder)
	testenv.Main(m)
}

// built is the program, built once for all tests.
var built = sync.OnceValues(func() (string, error) {
	program := filepath.Join(folder, "rapport")
	out, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, "rapport/cmd/rapport").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("the program does not build: %w\n%s", err, out)
	}
	return program, nil
})

func program(t *testing.T) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
