package bench

import (
	"os/exec"
	"path/filepath"
	"testing"

	"rapport/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// program builds the rapport that benches measure.
func program(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("it runs whole installations, and this is -short")
	}
	name := filepath.Join(t.TempDir(), "rapport")
	build := exec.Command("go", "build", "-o", name, "./cmd/rapport")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("cannot build rapport: %v\n%s", err, out)
	}
	return name
}

func TestCallbacksAreMeasuredAndCounted(t *testing.T) {
	t.Parallel()
	built := program(t)
	for name, o := range map[string]Options{
		"postgres": {Database: testenv.Postgres(t), Redis: testenv.Redis(t)},
		"sqlite":   {Embedded: true},
	} {
		t.Run(name, func(t *testing.T) {
			o.Dir, o.Size, o.Program = t.TempDir(), 1000, built
			r := &Run{Options: o}
			if err := Callbacks.Run(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			got := map[string]float64{}
			for _, f := range r.Report.Figures {
				got[f.Name] = f.Value
			}
			if got["answered"] == 0 || got["lost"] != 0 || got["single events"] == 0 || got["steady events"] == 0 {
				t.Errorf("the figures are %v; notes: %q", got, r.Report.Notes)
			}
		})
	}
}
