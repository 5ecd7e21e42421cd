package scheduler

import (
	"testing"
	"time"

	"rapport/internal/measure"
	"rapport/internal/results"
	"rapport/internal/store"
)

func TestASplitIsCountedAgainWhenItMayBeDue(t *testing.T) {
	began := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	rule := measure.Rule{After: 500, Certainty: 0.9}
	for _, c := range []struct {
		age   time.Duration
		has   int64
		looks int
		want  time.Duration
	}{
		{time.Hour, 0, 0, time.Hour},             // nobody counts yet
		{40 * time.Hour, 0, 0, 5 * time.Hour},    //
		{30 * 24 * time.Hour, 0, 0, winnersLate}, //
		{40 * time.Hour, 400, 0, 5 * time.Hour},  // a hundred take ten hours
		{40 * time.Hour, 499, 0, winnersEvery},   //
		{40 * time.Hour, 500, 1, 20 * time.Hour}, // to a thousand
		{40 * 24 * time.Hour, 1, 0, winnersLate}, //
	} {
		s := results.Split{Test: store.Test{Since: began}, Looks: make([]store.Look, c.looks), Arms: []measure.Arm{{Of: c.has + 7}, {Of: c.has}}}
		if got := again(rule, s, began.Add(c.age)); got != c.want {
			t.Errorf("%d contacts after %s and %d looks: counted again after %s, want %s", c.has, c.age, c.looks, got, c.want)
		}
	}
}
