package bench

import (
	"testing"

	"rapport/internal/clock"
	"rapport/internal/testenv"
)

// Every condition that is timed must find some of the people and leave some
// out, or the time says nothing.
func TestSegmentAsksWhatSomeAre(t *testing.T) {
	const size = 4000
	t.Cleanup(testenv.Stop)
	r := &Run{Options: Options{Database: testenv.Postgres(t), Size: size, Clock: clock.System{}}}
	if err := Segment.Run(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, f := range r.Report.Figures {
		found[f.Name] = f.Value
	}
	for _, h := range segmentHeads {
		rows, timed := found[h.name+" rows"]
		if !timed || rows < 1 || rows > size || rows == size && h.name != "attribute exists" {
			t.Errorf("%s: %v of %d contacts", h.name, rows, size)
		}
	}
	for _, name := range []string{"lapsing-clients", "refresh, first", "refresh, again", "load and match 1,000", "match one"} {
		if found[name] <= 0 {
			t.Errorf("%s was not measured", name)
		}
	}
}
