package results

import (
	"testing"
	"time"

	"rapport/internal/measure"
	"rapport/internal/store"
)

// Enrolments of versions that may have said something else are no test.
func TestASplitThatWasNeverNotedIsNotLookedAt(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	s := Split{Rule: &measure.Rule{After: 10, Certainty: 0.9}, Arms: []measure.Arm{{Name: "one", Of: 1000, Count: 900}, {Name: "two", Of: 1000}}}
	if l, due := s.Look(now); due || l.Winner != "" {
		t.Errorf("due %t, winner %q", due, l.Winner)
	}
	if got, want := s.Sentence(), "No winner yet: this split was applied before its arms were told apart by version, and is counted from the next apply on."; got != want {
		t.Errorf("got %s", got)
	}
	s.Test = store.Test{Version: 1, Since: now.Add(-time.Hour)}
	if l, due := s.Look(now); !due || l.Winner != "one" {
		t.Errorf("noted: due %t, winner %q", due, l.Winner)
	}
}
