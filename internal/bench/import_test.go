package bench

import "testing"

func TestImportCountsWhatItReads(t *testing.T) {
	for name, o := range map[string]Options{"servers": {Size: 2500}, "embedded": {Size: 2500, Embedded: true}} {
		t.Run(name, func(t *testing.T) {
			r := measure(t, Import, o)
			for _, round := range []string{"all are new", "every tenth has changed", "nothing has changed"} {
				if r.figure(t, "contacts, "+round) <= 0 {
					t.Errorf("no rate where %s", round)
				}
			}
		})
	}
}
