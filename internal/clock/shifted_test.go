package clock

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestShiftedJumpsWithItsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shift")
	base := NewManual(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC))
	c := NewShifted(base, file)
	for _, step := range []struct {
		text string
		want time.Duration
	}{{"", 0}, {"1h", time.Hour}, {"-1h0m0s\n", -time.Hour}, {"-1", -time.Hour}, {"0s", 0}} {
		if step.text != "" {
			if err := os.WriteFile(file, []byte(step.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		deadline := time.NewTimer(5 * time.Second)
		defer deadline.Stop()
		tick := time.NewTicker(shiftedFor)
		defer tick.Stop()
		for range 3 { // what was read just now may count on for a moment
			<-tick.C
		}
		for c.Now() != base.Now().Add(step.want) {
			select {
			case <-tick.C:
			case <-deadline.C:
				t.Fatalf("%q shifts by %s, want %s", step.text, c.Now().Sub(base.Now()), step.want)
			}
		}
	}
}
