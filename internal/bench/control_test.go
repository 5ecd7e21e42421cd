package bench

import "testing"

func TestControlMeasuresEachCommand(t *testing.T) {
	r := measure(t, Control, Options{Size: 30_000})
	r.expect(t, map[string]float64{"messages of the small campaign": 1000})
	for _, f := range []string{"small campaign alone: from its start to its last outcome", "small campaign behind a large one: the same",
		"resumed: from the command's answer to the next message"} {
		if r.figure(t, f) <= 0 {
			t.Errorf("%s was not measured", f)
		}
	}
	for _, f := range []string{"paused: messages that came after its answer", "stopped: messages that came after its answer"} {
		if r.figure(t, f) < 0 {
			t.Errorf("%s is below zero", f)
		}
	}
}
