package measure

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// near compares with a figure that was computed elsewhere.
func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance*max(1e-12, math.Abs(want)) {
		t.Errorf("%s: %.12g, and %.12g was expected", what, got, want)
	}
}

// The expected values are exact fractions (Python's fractions and math.comb),
// rounded at the end; the first two are those of R's fisher.test, whose
// documentation has the tea taster.
func TestFisherIsExact(t *testing.T) {
	for _, c := range []struct {
		a, n, b, m int64
		want       float64
	}{
		{3, 4, 1, 4, 0.24285714285714285},
		{8, 9, 2, 7, 0.024475524475524476},
		{50, 500, 35, 500, 0.05597829986489047},
		{35, 500, 50, 500, 0.9654448921621334},
		{5, 500, 0, 500, 0.030937657818299744},
		{0, 500, 0, 500, 1},
		{0, 500, 5, 500, 1},
		{120, 1000, 90, 1000, 0.017101254853484356},
		{1200, 20000, 1050, 20000, 0.0006093582700604602},
		{500, 500, 480, 500, 7.85665260224658e-07},
		{41, 8000, 22, 8000, 0.01115592402409671},
		{1, 3, 0, 3, 0.5},
		{0, 0, 3, 9, 1},
		{3, 9, 0, 0, 1},
	} {
		got := Better(Arm{Count: c.a, Of: c.n}, Arm{Count: c.b, Of: c.m})
		near(t, fmt.Sprintf("%d of %d against %d of %d", c.a, c.n, c.b, c.m), got, c.want, 1e-9)
	}
	if p := Better(Arm{Count: 100, Of: 100_000}, Arm{Count: 90_000, Of: 100_000}); p != 1 {
		t.Errorf("who is far behind is better with a probability of %g", p)
	}
	if p := Better(Arm{Count: 90_000, Of: 100_000}, Arm{Count: 100, Of: 100_000}); p > 1e-300 {
		t.Errorf("who is far ahead is so by chance with a probability of %g", p)
	}
}

// The shares are those of Newcombe's paper of 1998 on the single proportion
// (table I, method 3), the differences those of the one on two (table II, method 10).
func TestIntervalsAreThoseOfTheLiterature(t *testing.T) {
	for _, c := range []struct {
		k, n      int64
		low, high float64
	}{{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718}} {
		r := Share(c.k, c.n)
		if math.Abs(r.Low-c.low) > 5e-5 || math.Abs(r.High-c.high) > 5e-5 {
			t.Errorf("%d of %d: %+v", c.k, c.n, r)
		}
	}
	for _, c := range []struct {
		a, n, b, m int64
		low, high  float64
	}{{56, 70, 48, 80, 0.0524, 0.3339}, {9, 10, 3, 10, 0.1705, 0.8090}, {6, 7, 2, 7, 0.0582, 0.8062}, {5, 56, 0, 29, -0.0381, 0.1926},
		{0, 10, 0, 20, -0.1611, 0.2775}, {10, 10, 0, 10, 0.6075, 1}} {
		r := Difference(Share(c.a, c.n), Share(c.b, c.m))
		if math.Abs(r.Low-c.low) > 5e-5 || math.Abs(r.High-c.high) > 5e-5 {
			t.Errorf("%d of %d less %d of %d: %+v", c.a, c.n, c.b, c.m, r)
		}
	}
}

// Ninety zeros and ten amounts against 117 zeros and three, by Python's
// statistics.variance and NormalDist.
func TestMeansAreWelchs(t *testing.T) {
	a, b := Sum{563.4, 80099.26}, Sum{155, 9325}
	d := Means(a, 100, b, 120)
	near(t, "difference", d.Value, 4.342333333333333, 1e-6)
	near(t, "low", d.Low, -1.3412917195245075, 1e-6)
	near(t, "high", d.High, 10.025958386191174, 1e-6)
	m := a.Mean(100)
	near(t, "mean", m.Value, 5.634, 1e-6)
	near(t, "half", m.High-m.Value, 5.463417984921526, 1e-6)
	if got := Means(a, 100, b, 0); got != (Range{}) {
		t.Errorf("against nobody: %+v", got)
	}
}

func TestFourDifferencesOfAHundredIntervalsMissTheTruth(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		treated, control float64
		n, m             int64
	}{{0.08, 0.06, 900, 100}, {0.02, 0.02, 2000, 200}, {0.5, 0.4, 300, 300}} {
		const rounds = 4000
		missed := 0
		for range rounds {
			d := Difference(Share(drawn(random, c.n, c.treated), c.n), Share(drawn(random, c.m, c.control), c.m))
			if truth := c.treated - c.control; d.Low > truth || d.High < truth {
				missed++
			}
		}
		if share := float64(missed) / rounds; share > 0.06 {
			t.Errorf("%+v: %.1f %% of the intervals of 95 %% miss the truth", c, 100*share)
		}
	}
}

// drawn is how many of n do what each does with probability p.
func drawn(random *rand.Rand, n int64, p float64) (k int64) {
	for range n {
		if random.Float64() < p {
			k++
		}
	}
	return k
}

// experiment lets contacts come to the arms of a split, chance having made their
// shares, and looks as the rule says. It returns who was called.
func experiment(random *rand.Rand, r Rule, shares []float64, looks int) string {
	arms := make([]Arm, len(shares))
	for i := range arms {
		arms[i].Name = string(rune('a' + i))
	}
	for look := 1; look <= looks; look++ {
		for i := range arms {
			more := r.Needed(look) - arms[i].Of
			arms[i].Of += more
			arms[i].Count += drawn(random, more, shares[i])
		}
		if e := r.Look(look, arms); e.Winner != "" {
			return e.Winner
		}
	}
	return ""
}

// However often it is looked at, where nothing is better a winner is called no
// more often than the certainty allows. Who looks after every fifty contacts and
// stops at the first certain moment is wrong many times as often.
func TestNoMoreWinnersAreCalledByChanceThanTheCertaintyAllows(t *testing.T) {
	const rounds = 2000
	rule := Rule{After: 200, Certainty: 0.9}
	for _, shares := range [][]float64{{0.08, 0.08}, {0.3, 0.3}, {0.08, 0.08, 0.08}, {0.1, 0.1, 0.1, 0.1}, {0.02, 0.02}, {0.12, 0.12, 0.03}, {0.12, 0.12, 0.03, 0.03, 0.03}} {
		random := rand.New(rand.NewPCG(3, uint64(len(shares))))
		called := 0
		for range rounds {
			if experiment(random, rule, shares, 5) != "" {
				called++
			}
		}
		share := float64(called) / rounds
		t.Logf("%v: %.1f %% of %d experiments without a difference had a winner", shares, 100*share, rounds)
		if share > 0.1 {
			t.Errorf("%v: a winner was called in %.1f %% of the cases without a difference, and 10 %% are allowed", shares, 100*share)
		}
	}
	random := rand.New(rand.NewPCG(5, 6))
	peeked := 0
	for range rounds / 4 {
		if peeks(random, rule, 0.08) {
			peeked++
		}
	}
	share := float64(peeked) / (rounds / 4)
	t.Logf("who looks after every fifty contacts calls a winner in %.1f %% of them", 100*share)
	if share < 0.2 {
		t.Errorf("the impatient are wrong in %.1f %% only: this test shows nothing", 100*share)
	}
}

// peeks is the same experiment with a look after every fifty contacts of each arm.
func peeks(random *rand.Rand, r Rule, share float64) bool {
	a, b := Arm{}, Arm{}
	for a.Of < r.Needed(5) {
		a.Of, b.Of = a.Of+50, b.Of+50
		a.Count, b.Count = a.Count+drawn(random, 50, share), b.Count+drawn(random, 50, share)
		if a.Of >= r.After && 2*min(Better(a, b), Better(b, a)) <= 1-r.Certainty {
			return true
		}
	}
	return false
}

func TestABetterArmIsFound(t *testing.T) {
	const rounds = 300
	rule := Rule{After: 500, Certainty: 0.9}
	for _, c := range []struct {
		shares []float64
		least  float64
	}{{[]float64{0.06, 0.10}, 0.95}, {[]float64{0.05, 0.05, 0.09}, 0.9}} {
		random := rand.New(rand.NewPCG(7, 8))
		found, wrong := 0, 0
		for range rounds {
			switch experiment(random, rule, c.shares, 4) {
			case string(rune('a' + len(c.shares) - 1)):
				found++
			case "":
			default:
				wrong++
			}
		}
		t.Logf("%v: found in %d of %d, wrong in %d", c.shares, found, rounds, wrong)
		if float64(found)/rounds < c.least || wrong > rounds/100 {
			t.Errorf("%v: found in %d of %d, wrong in %d", c.shares, found, rounds, wrong)
		}
	}
}

func TestALookWaitsForItsNumber(t *testing.T) {
	rule := Rule{After: 500, Certainty: 0.9}
	far := []Arm{{Name: "discount", Of: 499, Count: 90}, {Name: "service", Of: 700, Count: 40}}
	if e := rule.Look(1, far); e.Winner != "" || e.Leader != "discount" || e.Doubt > 0.001 {
		t.Errorf("%+v", e)
	}
	far[0].Of = 500
	e := rule.Look(1, far)
	if e.Winner != "discount" || e.Against != "service" {
		t.Errorf("%+v", e)
	}
	if got := []any{rule.Needed(1), rule.Needed(3), rule.Needed(400)}; fmt.Sprint(got) != "[500 2000 9007199254740992]" {
		t.Error(got)
	}
	sum := 0.0
	for look := 1; look < 60; look++ {
		sum += rule.Allowed(look)
	}
	if sum > 0.1 {
		t.Errorf("all looks together allow a doubt of %g", sum)
	}
	if e := rule.Look(1, []Arm{{Name: "a", Of: 900}, {Name: "b", Of: 900}}); e.Winner != "" || e.Doubt != 1 {
		t.Errorf("nobody did it, and %+v", e)
	}
	// Of three, the leader must be certain against the one that comes nearest.
	three := []Arm{{Name: "a", Of: 1000, Count: 90}, {Name: "b", Of: 1000, Count: 88}, {Name: "c", Of: 1000, Count: 10}}
	if e := rule.Look(1, three); e.Winner != "" || e.Against != "b" {
		t.Errorf("%+v", e)
	}
}

func TestStandingSaysWhatIsMissing(t *testing.T) {
	rule := Rule{After: 500, Certainty: 0.9}
	now := []Arm{{Name: "discount", Of: 212, Count: 17}, {Name: "service", Of: 508, Count: 31}}
	check := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s\nand not\n%s", got, want)
		}
	}
	check(rule.Standing(nil, now), "No winner yet. The next look is at 500 in each arm: it needs 288 more in discount.")
	now[0] = Arm{Name: "discount", Of: 500, Count: 40}
	check(rule.Standing(nil, now), "No winner yet. There are enough for the next look: it is taken within a day.")
	first := rule.Look(1, now)
	check(rule.Standing([]Evidence{first}, now),
		"No winner yet: with 500 in each arm discount led by +1.9 points, certain to 70.8 %, where 95.0 % was asked for. The next look is at 1000 in each arm: it needs 500 more in discount, 492 more in service.")
	second := rule.Look(2, []Arm{{Name: "discount", Of: 1000, Count: 95}, {Name: "service", Of: 1010, Count: 60}})
	check(rule.Standing([]Evidence{first, second}, nil),
		"discount has won: +3.6 points ahead of service (+1.2 to +5.9 points), certain to 99.6 %, where 97.5 % was asked for. Who comes to the split now takes it.")
}

func TestUpliftIsSaidInPlainWords(t *testing.T) {
	for _, c := range []struct {
		u    Uplift
		want string
	}{
		{Uplift{Treated: Group{Of: 40}}, "There is nobody to compare with yet."},
		{Uplift{Treated: Group{Of: 900, Count: 90}, Control: Group{Of: 99, Count: 3}}, "Too few to say anything: it takes 100 contacts on each side, and 10 who did it."},
		{Uplift{Treated: Group{Of: 9000, Count: 9}, Control: Group{Of: 1000}}, "Too few to say anything: it takes 100 contacts on each side, and 10 who did it."},
		{Uplift{Treated: Group{Of: 9000, Count: 900}, Control: Group{Of: 1000, Count: 60}}, "It works: of 100 contacts, 2.2 to 5.5 more do it because they are mailed."},
		{Uplift{Treated: Group{Of: 9000, Count: 300}, Control: Group{Of: 1000, Count: 60}}, "It does harm: of 100 contacts, 1.3 to 4.4 fewer do it because they are mailed."},
		{Uplift{Treated: Group{Of: 900, Count: 60}, Control: Group{Of: 100, Count: 6}}, "No effect can be told from chance: anything from 6.0 fewer to 4.4 more of 100 contacts fits these figures."},
	} {
		if got := c.u.Sentence(); got != c.want {
			t.Errorf("%+v: %s\nand not\n%s", c.u, got, c.want)
		}
	}
	if _, _, _, ok := (Uplift{Valued: true, Treated: Group{Of: 900, Count: 90}, Control: Group{Of: 100, Count: 29}}).Values(); ok {
		t.Error("a value was spoken of with 29 buyers")
	}
}

func TestFiguresForPeople(t *testing.T) {
	got := strings.Join([]string{Percent(0.0812), Points(0.0321), Points(-0.0321), Points(-0.0001), Amount(1.8), Amount(-12.345), Amount(0),
		certainty(0.5), certainty(0.0004), certainty(0)}, " | ")
	if want := "8.1 % | +3.2 points | −3.2 points | 0.0 points | +1.80 | −12.35 | 0.00 | 50.0 % | 99.96 % | over 99.99 %"; got != want {
		t.Errorf("%s\nand not\n%s", got, want)
	}
}
