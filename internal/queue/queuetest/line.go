package queuetest

import (
	"slices"
	"testing"
	"time"

	"rapport/internal/queue"
)

func rateLeast(t *testing.T, h Harness) {
	q := h.Open(t)
	rate := queue.Rate{Per: 100, Burst: 25}
	for _, step := range []struct {
		after       time.Duration
		least, most int
		granted     int
		retry       time.Duration
	}{
		{0, 10, 100, 25, 100 * time.Millisecond},
		{50 * time.Millisecond, 10, 100, 0, 50 * time.Millisecond},
		{100 * time.Millisecond, 10, 100, 10, 100 * time.Millisecond},
		{110 * time.Millisecond, 10, 1, 1, 0},                        // who wants less than the least gets that
		{900 * time.Millisecond, 90, 90, 25, 250 * time.Millisecond}, // a least above the burst is the burst
	} {
		granted, retry, err := q.Reserve(t.Context(), queue.Ask{Key: "k", Rate: rate, Least: step.least, Most: step.most}, start.Add(step.after))
		check(t, err)
		if granted != step.granted || retry != step.retry {
			t.Errorf("after %s: got %d, %s, want %d, %s", step.after, granted, retry, step.granted, step.retry)
		}
	}
}

func rateBack(t *testing.T, h Harness) {
	q := h.Open(t)
	rate := queue.Rate{Per: 10, Burst: 10}
	for _, step := range []struct {
		after      time.Duration
		back, most int
		granted    int
	}{
		{0, 0, 10, 10},
		{0, 4, 10, 4},
		{0, 0, 1, 0},
		{time.Second, 9, 20, 10}, // never above the burst
	} {
		granted, _, err := q.Reserve(t.Context(), queue.Ask{Key: "k", Rate: rate, Back: step.back, Most: step.most}, start.Add(step.after))
		check(t, err)
		equal(t, "granted", granted, step.granted)
	}
}

// rateOverMinutes has four processes work off a backlog for three minutes, each
// at its own moments, using only a part of some grants and giving back the rest,
// and then looks at every minute.
func rateOverMinutes(t *testing.T, h Harness) {
	for _, per := range []float64{100, 130.5, 900} {
		type process struct {
			queue.Queue
			next  time.Duration
			spare int
		}
		var all []*process
		for n := range 4 {
			all = append(all, &process{Queue: h.Open(t), next: time.Duration(n) * 3 * time.Millisecond})
		}
		rate := queue.Rate{Per: per, Burst: int(per / 4)}
		type sent struct {
			at time.Duration
			n  int
		}
		var log []sent
		for turn := 0; ; turn++ {
			p := slices.MinFunc(all, func(a, b *process) int { return int(a.next - b.next) })
			at := p.next
			if at > 3*time.Minute {
				break
			}
			ask := queue.Ask{Key: "provider:main", Rate: rate, Back: p.spare, Least: int(per / 10), Most: 100}
			granted, retry, err := p.Reserve(t.Context(), ask, start.Add(at))
			check(t, err)
			p.spare = 0
			if granted == 0 {
				p.next += retry
				continue
			}
			if turn%5 == 0 { // a small batch
				p.spare = granted / 2
			}
			log = append(log, sent{at, granted - p.spare})
			p.next += time.Duration(7+turn%11) * time.Millisecond // the work itself
		}
		first, sum := 0, 0
		for _, s := range log {
			sum += s.n
			for log[first].at < s.at-time.Minute {
				sum -= log[first].n
				first++
			}
			if s.at < time.Minute {
				continue
			}
			if off := float64(sum)/(per*60) - 1; off > 0.02 || off < -0.02 {
				t.Fatalf("%d messages in the minute before %s: %.2f %% off %.1f a second", sum, s.at, 100*off, per)
			}
		}
	}
}

func linePlaces(t *testing.T, h Harness) {
	a, b := h.Open(t), h.Open(t)
	rate := queue.Rate{Per: 20, Burst: 20}
	admit := func(q queue.Queue, after time.Duration, again, fresh int) queue.Admission {
		t.Helper()
		out, err := q.Admit(t.Context(), []queue.Arrival{{Key: "gmail.com", Rate: rate, Again: again, Fresh: fresh}}, start.Add(after))
		check(t, err)
		return out[0]
	}
	equal(t, "the burst passes", admit(a, 0, 0, 60), queue.Admission{Fresh: 20, Wait: 50 * time.Millisecond})
	equal(t, "the next stand behind those 40", admit(b, 0, 0, 20), queue.Admission{Wait: 2050 * time.Millisecond})
	equal(t, "a fresh one does not overtake", admit(b, 2*time.Second, 0, 1), queue.Admission{Wait: time.Second})
	equal(t, "who has stood takes the tokens", admit(a, 2*time.Second, 30, 0), queue.Admission{Again: 20, Wait: 1100 * time.Millisecond})
	equal(t, "when the line is empty all is as new", admit(a, time.Minute, 0, 20), queue.Admission{Fresh: 20})
	none, err := a.Admit(t.Context(), nil, start)
	check(t, err)
	equal(t, "nobody", len(none), 0)
}

// lineAgain works off a crowd: nobody is told to wait twice when he comes at
// his time, and the last one is through when the rate says so.
func lineAgain(t *testing.T, h Harness) {
	q := h.Open(t)
	const crowd = 1000
	rate := queue.Rate{Per: 50, Burst: 50}
	places := map[int]int{} // second to how many come then
	place := func(a queue.Admission, n int, now int) {
		for i := range n {
			at := float64(now) + a.Wait.Seconds() + float64(i)/rate.Per
			places[int(at+0.999999)]++
		}
	}
	passed, asked := 0, 0
	for second := 0; passed < crowd; second++ {
		if second > 30 {
			t.Fatalf("%d of %d have passed in %d seconds", passed, crowd, second)
		}
		again, fresh := places[second], 0
		if second < 10 {
			fresh = crowd / 10
		}
		out, err := q.Admit(t.Context(), []queue.Arrival{{Key: "k", Rate: rate, Again: again, Fresh: fresh}}, start.Add(time.Duration(second)*time.Second))
		check(t, err)
		passed, asked = passed+out[0].Again+out[0].Fresh, asked+again+fresh
		place(out[0], again+fresh-out[0].Again-out[0].Fresh, second)
	}
	if asked > 2*crowd+crowd/10 {
		t.Errorf("%d people asked %d times", crowd, asked)
	}
}
