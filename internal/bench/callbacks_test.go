package bench

import "testing"

func TestCallbacksAreMeasuredAndCounted(t *testing.T) {
	for name, o := range map[string]Options{"servers": {Size: 1000}, "embedded": {Size: 1000, Embedded: true}} {
		t.Run(name, func(t *testing.T) {
			r := measure(t, Callbacks, o)
			r.expect(t, map[string]float64{"lost": 0, "stored twice": 0})
			for _, f := range []string{"answered", "single events", "batch events", "steady events", "steady stage follows p99"} {
				if r.figure(t, f) <= 0 {
					t.Errorf("%s is not measured", f)
				}
			}
		})
	}
}
