package bench

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// measure runs a bench in a tiny size, as its command does.
func measure(t *testing.T, b Bench, o Options) Report {
	t.Helper()
	if testing.Short() {
		t.Skip("it builds and runs the program")
	}
	o.Program, o.Dir = program(t), t.TempDir()
	report, err := b.Do(t.Context(), o)
	if err != nil && strings.Contains(err.Error(), "is not installed on this machine") {
		t.Skip(err)
	}
	if err != nil {
		t.Fatalf("%v\nuntil then: %+v", err, report)
	}
	if left, err := os.ReadDir(o.Dir); err != nil || len(left) > 0 {
		t.Errorf("files are left behind: %v, %v", left, err)
	}
	return report
}

// figure is a figure by its name.
func (r Report) figure(t *testing.T, name string) float64 {
	t.Helper()
	i := slices.IndexFunc(r.Figures, func(f Figure) bool { return f.Name == name })
	if i < 0 {
		t.Fatalf("there is no figure %q in %+v", name, r.Figures)
	}
	return r.Figures[i].Value
}

func (r Report) expect(t *testing.T, figures map[string]float64) {
	t.Helper()
	for name, want := range figures {
		if got := r.figure(t, name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestSendCountsWhatItSends(t *testing.T) {
	for name, o := range map[string]Options{
		"servers":  {Size: 200},
		"embedded": {Size: 200, Embedded: true, OnlyEngine: true, DKIM: "ed25519"},
	} {
		t.Run(name, func(t *testing.T) {
			r := measure(t, Send, o)
			r.expect(t, map[string]float64{"messages received": float64(o.Size), "copies beyond the first": 0, "lost": 0})
			if measurable() {
				for _, f := range []string{"CPU of the engine", "peak memory of an engine process"} {
					if r.figure(t, f) <= 0 {
						t.Errorf("%s was not measured", f)
					}
				}
			}
			compared := slices.ContainsFunc(r.Figures, func(f Figure) bool { return f.Name == "in rounds: raw SMTP with ready bytes" })
			if compared == o.OnlyEngine {
				t.Errorf("compared with others: %v, and asked for the engine only: %v", compared, o.OnlyEngine)
			}
			if o.OnlyEngine {
				return
			}
			if size := r.figure(t, "size of a message"); size < 18_000 || size > 23_000 {
				t.Errorf("the message has %v bytes and not about 20 KB", size)
			}
			if !o.Embedded && (r.Machine.Postgres == "" || r.Machine.Redis == "") {
				t.Errorf("the report does not say on what it was measured: %+v", r.Machine)
			}
		})
	}
}

func TestMemoryIsWatchedToTheEnd(t *testing.T) {
	if !measurable() {
		t.Skip("this system does not tell how much memory a process has")
	}
	r := measure(t, Memory, Options{Size: 200, Embedded: true})
	r.expect(t, map[string]float64{"messages received": 200, "copies beyond the first": 0})
	most, peak := r.figure(t, "the most until 100 % were sent"), r.figure(t, "peak of any engine process in its life")
	if most <= 0 || most > peak {
		t.Errorf("the most while sending was %v MB and the peak %v MB", most, peak)
	}
}

func TestGrowthMeasuresProcessesAndTheirLimit(t *testing.T) {
	r := measure(t, Growth, Options{Size: 300})
	r.expect(t, map[string]float64{"4 processes limited to 200/s: messages": 300})
	for _, f := range []string{"at 30 contacts: CPU of engine and PostgreSQL", "at 300 contacts: CPU of engine and PostgreSQL",
		"with one process: CPU of engine and PostgreSQL", "with 2 processes: CPU of engine and PostgreSQL", "with 4 processes: CPU of engine and PostgreSQL"} {
		if measurable() {
			r.figure(t, f)
		}
	}
	if most := r.figure(t, "the most in any such time, to what is allowed"); most <= 0 {
		t.Errorf("the limited rate was %v %% of what is allowed", most)
	}
}

func TestAReportIsReadableByPrograms(t *testing.T) {
	r := Report{Bench: "send", Size: 2, Machine: Machine{System: "linux/amd64", Cores: 2, Memory: 1024, Go: "go1.26"},
		Figures: []Figure{{"rate", 1.5, "messages/s"}}}
	got, err := json.Marshal(r)
	want := `{"bench":"send","size":2,"machine":{"system":"linux/amd64","processor":"","cores":2,"memory":1024,"go":"go1.26"},` +
		`"figures":[{"name":"rate","value":1.5,"unit":"messages/s"}]}`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v\nwant %s", got, err, want)
	}
}

func TestBenchesAreFoundByName(t *testing.T) {
	for _, b := range All {
		if found, ok := Find(b.Name); !ok || found.Name != b.Name {
			t.Errorf("%s is not found", b.Name)
		}
		if b.Short == "" || b.Size == 0 {
			t.Errorf("%s does not say what it measures, or on how many contacts", b.Name)
		}
	}
	if _, ok := Find("nothing"); ok {
		t.Error("a bench is found that is not there")
	}
}
