package buying

import (
	"encoding/csv"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// cdnow reads a file of the CDNOW data set, whose figures are published.
func cdnow(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "data", "cdnow", name))
	if err != nil {
		t.Skipf("the CDNOW data is not here, so the published figures are not checked: %s", err)
	}
	return string(data)
}

// cdnowSummaries are x, t_x and T (and the mean spend) of 2,357 customers, in weeks.
func cdnowSummaries(t *testing.T, name string) []Summary {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(cdnow(t, name))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []Summary
	for _, row := range rows[1:] {
		n := make([]float64, len(row))
		for i := range row {
			if n[i], err = strconv.ParseFloat(row[i], 64); err != nil {
				t.Fatal(err)
			}
		}
		s := Summary{X: n[1], Tx: n[2], T: n[3]}
		if len(n) > 4 {
			s.M = n[4]
		}
		out = append(out, s)
	}
	return out
}

func close(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance {
		t.Errorf("%s is %v, want %v ± %v", what, got, want, tolerance)
	}
}

var published = BGNBD{R: 0.243, Alpha: 4.414, A: 0.793, B: 2.426}

func TestBGNBDFitsTheCDNOWCustomersAsPublished(t *testing.T) {
	all := cdnowSummaries(t, "cdnow_customers_summary.csv")
	m, ok := FitBGNBD(all)
	if !ok {
		t.Fatal("nothing fits")
	}
	close(t, "r", m.R, 0.243, 0.001)
	close(t, "alpha", m.Alpha, 4.414, 0.005)
	close(t, "a", m.A, 0.793, 0.003)
	close(t, "b", m.B, 2.426, 0.01)
	close(t, "the log-likelihood", m.LogLikelihood(all), -9582.43, 0.02)
}

func TestBGNBDSaysWhatIsPublishedOfACustomer(t *testing.T) {
	close(t, "E[Y(39) | 2, 30.43, 38.86]", published.Expected(Summary{X: 2, Tx: 30.43, T: 38.86}, 39), 1.226, 0.001)
	close(t, "P(alive | 2, 30.43, 38.86)", published.PAlive(Summary{X: 2, Tx: 30.43, T: 38.86}), 0.7266, 0.0005)
	close(t, "P(alive | 1, 1.71, 38.86)", published.PAlive(Summary{X: 1, Tx: 1.71, T: 38.86}), 0.2122, 0.0005)
	close(t, "P(alive) of who bought once", published.PAlive(Summary{T: 38.86}), 1, 0)
}

func TestGammaGammaFitsTheCDNOWCustomersAsPublished(t *testing.T) {
	all := cdnowSummaries(t, "cdnow_customers_summary_with_transactions.csv")
	g, ok := FitGammaGamma(all)
	if !ok {
		t.Fatal("nothing fits")
	}
	close(t, "p", g.P, 6.25, 0.02)
	close(t, "q", g.Q, 3.74, 0.02)
	close(t, "v", g.V, 15.44, 0.1)
	for i, want := range []float64{24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17} {
		close(t, "the mean of customer "+strconv.Itoa(i+1), g.Mean(all[i]), want, 0.02)
	}
}

// cdnowHistories are the purchases themselves: master id, id, day, discs, dollars.
func cdnowHistories(t *testing.T) []History {
	t.Helper()
	var out []History
	last := ""
	for line := range strings.Lines(cdnow(t, "CDNOW_sample.txt")) {
		f := strings.Fields(line)
		if len(f) < 5 {
			continue
		}
		at, err := time.Parse("20060102", f[2])
		if err != nil {
			t.Fatal(err)
		}
		value, err := strconv.ParseFloat(f[4], 64)
		if err != nil {
			t.Fatal(err)
		}
		if f[1] != last {
			last = f[1]
			out = append(out, History{})
		}
		out[len(out)-1].Add(Purchase{at, value})
	}
	return out
}

// The customers of the first 39 weeks foretell the next 39, a little low: it was
// winter, with Christmas, of which the model knows nothing.
func TestTheModelForetellsTheSecondHalfOfCDNOW(t *testing.T) {
	all := cdnowHistories(t)
	middle := DayOf(time.Date(1997, 9, 30, 0, 0, 0, 0, time.UTC))
	end := middle + 39*week
	var known []History
	came := 0
	for _, h := range all {
		before := h.Until(middle)
		known = append(known, before)
		came += len(h.Until(end).Days) - len(before.Days)
	}
	m, ok := FitBGNBD(summaries(known, middle))
	if !ok {
		t.Fatal("nothing fits")
	}
	foreseen := 0.0
	for i := range known {
		foreseen += m.Expected(known[i].Summary(middle), 39)
	}
	t.Logf("%d customers: foreseen %.0f days with a purchase, came %d", len(known), foreseen, came)
	if off := math.Abs(foreseen/float64(came) - 1); off > 0.15 {
		t.Errorf("foreseen %.0f, came %d: %.0f%% off", foreseen, came, off*100)
	}
}

// invented customers behave as the model says, so that a fit must find it again.
func invented(m BGNBD, g GammaGamma, n int, now Day, random *rand.Rand) []History {
	var out []History
	for range n {
		rate, leave := gammaDraw(random, m.R)/m.Alpha, betaDraw(random, m.A, m.B)
		mean := g.P / (gammaDraw(random, g.Q) / g.V)
		var h History
		for at := float64(now) - 30 - 700*random.Float64(); at < float64(now)+1; {
			h.Add(Purchase{Day(at).Start(), mean * gammaDraw(random, g.P) / g.P})
			if random.Float64() < leave && len(h.Days) > 1 {
				break
			}
			at += max(1, random.ExpFloat64()/rate*week)
		}
		out = append(out, h)
	}
	return out
}

// gammaDraw is by Marsaglia and Tsang (2000).
func gammaDraw(random *rand.Rand, shape float64) float64 {
	if shape < 1 {
		return gammaDraw(random, shape+1) * math.Pow(random.Float64(), 1/shape)
	}
	d := shape - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := random.NormFloat64()
		v := math.Pow(1+c*x, 3)
		if v > 0 && math.Log(1-random.Float64()) < x*x/2+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}

func betaDraw(random *rand.Rand, a, b float64) float64 {
	x, y := gammaDraw(random, a), gammaDraw(random, b)
	return x / (x + y)
}

const today = Day(20_000)

func TestAModelIsLearntAndChecked(t *testing.T) {
	sample := invented(published, GammaGamma{6, 4, 15}, 5000, today, rand.New(rand.NewPCG(1, 2)))
	m := Fit(Population{Customers: 1_000_000, Repeat: 400_000, Since: today - 730, Sample: sample}, today, nil)
	if m.Orders == nil || m.Amounts == nil || m.Ranks == nil {
		t.Fatalf("a part is missing: %+v", m)
	}
	close(t, "alpha", m.Orders.Alpha, published.Alpha, 1)
	close(t, "r", m.Orders.R, published.R, 0.05)
	close(t, "q", m.Amounts.Q, 4, 0.8)
	again := Fit(Population{Customers: 1_000_000, Repeat: 400_000, Since: today - 730, Sample: sample}, today, &m)
	close(t, "the likelihood from there", again.Evidence.Likelihood, m.Evidence.Likelihood, 1e-6)
	e := m.Evidence
	if e.Held != 182 || math.Abs(e.Foreseen/float64(e.Came)-1) > 0.15 {
		t.Errorf("the check is off: %+v", e)
	}
}

func TestTooLittleIsSaid(t *testing.T) {
	sample := invented(published, GammaGamma{6, 4, 15}, 600, today, rand.New(rand.NewPCG(3, 4)))
	for _, c := range []struct {
		from   Population
		ranked bool
		want   string
	}{
		{Population{}, false, "0 of the 500 customers that predictions need"},
		{Population{Customers: 49, Repeat: 20, Since: today - 300, Sample: sample[:49]}, false, "49 of the 500 customers that predictions need"},
		{Population{Customers: 499, Repeat: 200, Since: today - 300, Sample: sample[:499]}, true, "499 of the 500 customers that predictions need"},
		{Population{Customers: 600, Repeat: 99, Since: today - 300, Sample: sample}, true, "99 of the 100 customers who bought on more than one day that predictions need"},
		{Population{Customers: 600, Repeat: 200, Since: today - 179, Sample: sample}, true, "179 of the 180 days of purchases that predictions need"},
		{Population{Customers: 600, Repeat: 200, Since: today - 730, Sample: sample}, true, ""},
	} {
		m := Fit(c.from, today, nil)
		if m.Evidence.Missing != c.want || (m.Orders == nil) != (c.want != "") || (m.Ranks != nil) != c.ranked {
			t.Errorf("%d customers: %q, orders %v, ranks %v", c.from.Customers, m.Evidence.Missing, m.Orders, m.Ranks)
		}
	}
}

// However odd the purchases, a fit ends, and what is predicted are numbers within
// their bounds.
func TestOddPurchasesArePredictedWithinBounds(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	crowds := map[string]func(i int) History{
		"everybody buys once": func(int) (h History) {
			h.Add(Purchase{(today - Day(random.IntN(700))).Start(), 10})
			return h
		},
		"everybody buys every week for ever": func(int) (h History) {
			for d := today - 700; d <= today; d += 7 {
				h.Add(Purchase{d.Start(), 10})
			}
			return h
		},
		"everybody buys twice and no more, for nothing": func(int) (h History) {
			first := today - 700 + Day(random.IntN(300))
			h.Add(Purchase{first.Start(), 0})
			h.Add(Purchase{(first + 10).Start(), 0})
			return h
		},
		"one buys each day, and returns more than was bought": func(i int) (h History) {
			for d := today - 700; d <= today && (i == 0 || d < today-690); d++ {
				h.Add(Purchase{d.Start(), -5})
			}
			return h
		},
	}
	for name, make := range crowds {
		t.Run(name, func(t *testing.T) {
			var sample []History
			for i := range 600 {
				sample = append(sample, make(i))
			}
			m := Fit(Population{Customers: 600, Repeat: 600, Since: today - 700, Sample: sample}, today, nil)
			t.Logf("%+v %q", m.Orders, m.Evidence.Missing)
			for _, later := range []Day{0, 1, 30, 365, 3650} {
				for _, h := range sample[:20] {
					p := m.Predict(h, today+later)
					for what, v := range map[string]*float64{"p_alive": p.PAlive, "expected": p.Expected, "lifetime": p.Lifetime, "rfm": p.RFM} {
						if v != nil && (math.IsNaN(*v) || math.IsInf(*v, 0) || *v < 0) || what == "p_alive" && v != nil && *v > 1 {
							t.Errorf("%s is %v", what, *v)
						}
					}
				}
			}
		})
	}
}

// Silence makes nobody more alive, and nobody is expected to buy more for it.
func TestSilenceOnlyLowersWhatIsPredicted(t *testing.T) {
	for x := range 60 {
		s := Summary{X: float64(x), Tx: float64(x) * 2, T: float64(x) * 2}
		alive, expected := 2.0, math.Inf(1)
		for range 100 {
			a, e := published.PAlive(s), published.Expected(s, 52)
			if a > alive || e > expected || math.IsNaN(e) {
				t.Fatalf("%+v: alive %v after %v, expected %v after %v", s, a, alive, e, expected)
			}
			alive, expected = a, e
			s.T += 4
		}
	}
}

func TestPurchasesOfADayAreOne(t *testing.T) {
	var h History
	morning := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	for _, p := range []Purchase{{morning, 10}, {morning.Add(time.Hour), 5}, {morning.AddDate(0, 0, 14), 30}, {morning.AddDate(0, 0, 15), -4}} {
		h.Add(p)
	}
	s := h.Summary(DayOf(morning.AddDate(0, 0, 28)))
	if want := (Summary{X: 2, Tx: 15.0 / 7, T: 4, M: 15}); s != want {
		t.Errorf("%+v, want %+v", s, want)
	}
	if h.Spent() != 45 {
		t.Errorf("spent %v", h.Spent())
	}
}

func TestRanks(t *testing.T) {
	var all []History
	for i := range 100 {
		var h History
		h.Add(Purchase{(today - Day(i)).Start(), float64(100 - i)})
		if i < 20 { // who bought lately came back
			h.Add(Purchase{(today - Day(i) + 1).Start(), 0})
		}
		all = append(all, h)
	}
	r := ranksOf(all)
	for _, c := range []struct{ customer, want int }{{0, 555}, {19, 555}, {20, 414}, {39, 414}, {40, 313}, {99, 111}} {
		if got := r.RFM(&all[c.customer]); got != c.want {
			t.Errorf("customer %d is %d, want %d", c.customer, got, c.want)
		}
	}
}

func TestMinimumFindsTheValleyOfRosenbrock(t *testing.T) {
	at, least, found := minimum(func(p []float64) float64 {
		return math.Pow(1-p[0], 2) + 100*math.Pow(p[1]-p[0]*p[0], 2)
	}, []float64{-1.2, 1}, 4000)
	if !found {
		t.Fatal("not found")
	}
	close(t, "x", at[0], 1, 1e-4)
	close(t, "y", at[1], 1, 1e-4)
	close(t, "the least", least, 0, 1e-8)
	if _, _, found := minimum(func(p []float64) float64 { return p[0] }, []float64{0}, 1000); found {
		t.Error("what falls for ever has no minimum")
	}
}

func BenchmarkFit(b *testing.B) {
	sample := invented(published, GammaGamma{6, 4, 15}, 20_000, today, rand.New(rand.NewPCG(7, 8)))
	for b.Loop() {
		Fit(Population{Customers: len(sample), Repeat: 8000, Since: today - 730, Sample: sample}, today, nil)
	}
}

func BenchmarkPredict(b *testing.B) {
	m := Model{Orders: &published, Amounts: &GammaGamma{6, 4, 15}}
	sample := invented(published, *m.Amounts, 1000, today, rand.New(rand.NewPCG(9, 10)))
	for i := 0; b.Loop(); i++ {
		m.Predict(sample[i%len(sample)], today)
	}
}
