package bench

import (
	"regexp"
	"testing"
)

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

// Everybody has one event before anybody has a second one, however many
// connections bring them.
func TestCallbacksAreAboutEverybodyInTurn(t *testing.T) {
	const connections, length, people = 10, 2, 1000
	addresses := regexp.MustCompile(`p[0-9]{7}@`)
	next := (&callbackBench{}).orders("one", connections, length, people)
	seen := map[string]int{}
	for c := range connections {
		request := next(c)
		for range people / connections / length {
			for _, who := range addresses.FindAllString(string(request(nil)), -1) {
				seen[who]++
			}
		}
	}
	if len(seen) != people {
		t.Errorf("%d events were about %d people", people, len(seen))
	}
}
