package queue

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLane(t *testing.T) {
	for want, got := range map[string]string{
		"50.mia.welcome": Lane(50, "mia", "welcome"), "05.mia.x": Lane(5, "mia", "x"), "100.a-b.c-d": Lane(100, "a-b", "c-d"),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for lane, want := range map[string]string{"50.mia.welcome": "mia", "50.mia.welcome.again": "mia", "50.mia": "mia", "none": ""} {
		if got := Sender(lane); got != want {
			t.Errorf("the sender of %s is %q, want %q", lane, got, want)
		}
	}
}

func TestOrder(t *testing.T) {
	lanes := []string{"50.tom", "9.low", "none", "90.high", "50.mia", "50.tom"}
	for _, test := range []struct {
		turn uint64
		want []string
	}{
		{0, []string{"90.high", "50.mia", "50.tom", "9.low", "none"}},
		{1, []string{"90.high", "50.tom", "50.mia", "9.low", "none"}}, // one band takes turns
		{7, []string{"90.high", "50.tom", "50.mia", "9.low", "none"}}, // an eighth take: the first leads
		{15, []string{"50.mia", "90.high", "50.tom", "9.low", "none"}},
		{23, []string{"50.tom", "90.high", "50.mia", "9.low", "none"}},
		{31, []string{"9.low", "90.high", "50.mia", "50.tom", "none"}},
		{39, []string{"none", "90.high", "50.tom", "50.mia", "9.low"}},
	} {
		if diff := cmp.Diff(test.want, Order(lanes, test.turn)); diff != "" {
			t.Errorf("turn %d (-want +got):\n%s", test.turn, diff)
		}
	}
	if got := Order(nil, 7); len(got) != 0 {
		t.Errorf("no lanes: %v", got)
	}
}

func TestOrderKeepsEveryLaneAndStarvesNone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lanes := rapid.SliceOfNDistinct(rapid.StringMatching(`[0-9]{1,2}\.[a-z]{1,3}`), 1, 9, rapid.ID).Draw(t, "lanes")
		turn := rapid.Uint64Max(1<<40).Draw(t, "turn")
		leads := map[string]bool{}
		for range lowTurn * len(lanes) * len(lanes) {
			order := Order(lanes, turn)
			leads[order[0]] = true
			slices.Sort(order)
			if want := slices.Sorted(slices.Values(lanes)); !slices.Equal(order, want) {
				t.Fatalf("order %v has other lanes than %v", order, want)
			}
			turn++
		}
		if len(leads) != len(lanes) {
			t.Fatalf("only %v of %v ever came first", leads, lanes)
		}
	})
}

// Whatever is asked for and whenever, no window of time holds more than the
// burst and the pace, and who waits as told gets a token.
func TestRateIsNeverExceededAndNeverRefusesForEver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := Rate{Per: rapid.Float64Range(0.01, 50_000).Draw(t, "per"), Burst: rapid.IntRange(1, 2000).Draw(t, "burst")}
		first := time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
		now, total := first, 0
		var bucket Bucket
		for range rapid.IntRange(1, 60).Draw(t, "calls") {
			after, granted, retry := rate.Reserve(bucket, now, Ask{Most: rapid.IntRange(0, 5000).Draw(t, "n")})
			bucket = after
			total += granted
			most := float64(rate.Burst) + now.Sub(first).Seconds()*rate.Per
			if float64(total) > most+1e-3 {
				t.Fatalf("%d tokens, at most %.3f are allowed", total, most)
			}
			if retry > 0 {
				if _, granted, _ := rate.Reserve(bucket, now.Add(retry), Ask{Most: 1}); granted != 1 {
					t.Fatalf("no token after the wait of %s", retry)
				}
				early := now.Add(retry - 2*time.Microsecond - time.Duration(2*rounding/rate.Per*1e9))
				if _, granted, _ := rate.Reserve(bucket, early, Ask{Most: 1}); granted != 0 {
					t.Fatalf("a token before the wait of %s is over", retry)
				}
			}
			if _, granted, _ := rate.Reserve(bucket, now.Add(rate.Full(bucket)+time.Microsecond), Ask{Most: 5000}); granted != rate.Burst {
				t.Fatalf("%d tokens after %s, want the whole burst of %d", granted, rate.Full(bucket), rate.Burst)
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 3_000_000).Draw(t, "pause")) * time.Microsecond)
		}
	})
}

// The rounding of millions of steps must not show, neither way.
func TestRateDoesNotDrift(t *testing.T) {
	rate := Rate{Per: 30_000, Burst: 1}
	first := time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)
	now, total := first, 0
	var bucket Bucket
	for range 3_000_000 {
		after, granted, _ := rate.Reserve(bucket, now, Ask{Most: 1})
		bucket = after
		total += granted
		now = now.Add(10 * time.Microsecond) // the token comes after 33.3
	}
	// A token is seen at the next call only, but the time is not lost.
	if elapsed := now.Sub(first).Seconds(); total < 749_999 || float64(total) > rate.Per*elapsed+1 {
		t.Errorf("%d tokens in %.1f s", total, elapsed)
	}
}

func TestFeedTellsTheSlowToResync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		f := NewFeed(ctx)
		for n := range 3 * feedLimit {
			f.Offer(Notice{Kind: "consent", Key: strconv.Itoa(n)})
		}
		synctest.Wait()
		f.Offer(Notice{Kind: "last"})
		var kinds []string
		for n := range f.C() {
			if len(kinds) == 0 || kinds[len(kinds)-1] != n.Kind {
				kinds = append(kinds, n.Kind)
			}
			if n.Kind == "last" {
				cancel()
			}
		}
		if !slices.Contains(kinds, Resync) || kinds[len(kinds)-1] != "last" {
			t.Errorf("kinds %v", kinds)
		}
	})
}
