package acceptance

import (
	"fmt"
	"testing"
	"time"
)

// everybody is how many contacts the scenario has.
const everybody = 2000

// The main job from end to end: the same workspace and the same people on both
// backends, with a clean stop of every process in the middle, end the same for
// every single contact.
func TestTheSameEndOnBothBackends(t *testing.T) {
	ends := map[string][]end{}
	results := make(chan func(), len(backends))
	t.Run("backends", func(t *testing.T) {
		for _, b := range backends {
			t.Run(b.name, func(t *testing.T) {
				t.Parallel()
				got := scenario(t, b)
				results <- func() { ends[b.name] = got }
			})
		}
	})
	close(results)
	for note := range results {
		note()
	}
	a, b := ends[embedded.name], ends[servers.name]
	if len(a) == 0 || len(b) == 0 {
		return // skipped, or failed already
	}
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("%s ends on %s as\n%+v\nand on %s as\n%+v", addressOf(i), embedded.name, a[i], servers.name, b[i])
		}
	}
}

func scenario(t *testing.T, b backend) []end {
	begun := time.Now()
	s := newSink(t).start()
	in := install(t, options{backend: b, smtp: s.port})
	in.prepare(everybody)
	in.serve()
	r := newResponder(in)
	s.follow(r.take)
	t.Logf("installed and serving after %s", time.Since(begun).Round(time.Millisecond))

	// In the middle of the first and of the second mail every process is asked
	// to stop, ends cleanly, and starts again.
	for _, copies := range []int{everybody / 4, everybody + everybody/4} {
		eventually(t, 90*time.Second, fmt.Sprintf("%d messages are there", copies), func() (bool, string) {
			return s.taken() >= copies, fmt.Sprint(s.taken())
		})
		for i := range in.running {
			took := in.running[i].stop(t, 20*time.Second)
			in.restart(i)
			t.Logf("%s stopped at %d messages within %s", in.running[i].name, s.taken(), took.Round(time.Millisecond))
		}
	}
	in.over(everybody, s, r, 150*time.Second)
	t.Logf("over after %s; %d messages, %d answers, %d of them repeated", time.Since(begun).Round(time.Millisecond), s.count(), len(r.taken()), r.again)
	r.done()
	in.noErrors()

	if unknown := in.checkLedger(in.ledger(), s.received()); unknown != 0 {
		t.Errorf("%d messages are unknown after clean stops", unknown)
	}
	got := in.compare(everybody, nil)
	if b.name == embedded.name {
		t.Run("replay", func(t *testing.T) { in.replayHere(t, r) })
		t.Run("replay elsewhere", func(t *testing.T) { in.replayElsewhere(t) })
	}
	return got
}

// compare fails the test for contacts whose end is not that of their habit, but
// for those excused. It returns all ends.
func (in *installation) compare(n int, excused map[int]bool) []end {
	in.Helper()
	ends := make([]end, n)
	wrong := map[string]int{}
	for i, p := range in.people(n) {
		h := habits[i%len(habits)]
		ends[i] = in.endOf(p)
		if ends[i] == h.want || excused[i] {
			continue
		}
		if wrong[h.name]++; wrong[h.name] == 1 {
			in.Errorf("%s, who %s, ends as\n%+v, not\n%+v", p.Contact.Email, h.name, ends[i], h.want)
		}
	}
	for name, n := range wrong {
		in.Errorf("%d contacts, whose habit is %q, end otherwise", n, name)
	}
	return ends
}
