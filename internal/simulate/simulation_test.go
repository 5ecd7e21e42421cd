package simulate

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/calendar"
)

func simulateNorthwind(t testing.TB, s Simulation) *Report {
	t.Helper()
	s.Workspace, s.Log, s.From = northwindWith(t, nil), quiet(t), calendar.Date{Year: 2026, Month: 3, Day: 2}
	r, err := Simulate(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func bytesOf(t *testing.T, r *Report) string {
	t.Helper()
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheSameSeedGivesTheSameBytes(t *testing.T) {
	for _, engines := range []int{1, 2} {
		s := Simulation{Contacts: 60, Days: 12, Seed: 7, engines: engines}
		first := bytesOf(t, simulateNorthwind(t, s))
		if diff := cmp.Diff(first, bytesOf(t, simulateNorthwind(t, s))); diff != "" {
			t.Fatalf("%d engines, another run of the same seed (-first +now):\n%s", engines, diff)
		}
		if s.Seed = 8; first == bytesOf(t, simulateNorthwind(t, s)) {
			t.Error("another seed gives the same report")
		}
	}
}

// What is reported adds up, also when the people were dealt out.
func TestAReportAddsUp(t *testing.T) {
	r := simulateNorthwind(t, Simulation{Contacts: 60, Days: 25, Seed: 3, engines: 2})
	var days, campaigns, end int64
	for _, d := range r.Days {
		days += d.Sent
	}
	for name, c := range r.Campaigns {
		campaigns += c.Sent
		if c.Goal != nil && c.Goal.Treated.Of != c.Enrolled {
			t.Errorf("%s: the goal is asked of %d, and %d were enrolled", name, c.Goal.Treated.Of, c.Enrolled)
		}
		if c.Goal != nil && c.Goal.Control != nil && c.Goal.Control.Of != c.Control {
			t.Errorf("%s: the goal is asked of %d in control, and there are %d", name, c.Goal.Control.Of, c.Control)
		}
	}
	for _, n := range r.Stages.End {
		end += n
	}
	if len(r.Days) != 25 || r.Days[0].Date != "2026-03-02" || r.Days[24].Date != "2026-03-26" {
		t.Errorf("%d days, from %s to %s", len(r.Days), r.Days[0].Date, r.Days[len(r.Days)-1].Date)
	}
	if days == 0 || days != campaigns {
		t.Errorf("%d mails by day, %d by campaign", days, campaigns)
	}
	if end != r.Contacts {
		t.Errorf("%d contacts stand on the ladder, and there are %d", end, r.Contacts)
	}
	moved := map[string]int64{}
	for _, m := range r.Stages.Months {
		for _, way := range m.Moves {
			moved[way.To] += way.Count
			moved[way.From] -= way.Count
		}
	}
	for stage, n := range r.Stages.End {
		// Who joins on the way begins as a stranger, and was not there at the start.
		if stage != "stranger" && r.Stages.Start[stage]+moved[stage] != n {
			t.Errorf("%s: %d at the start, %+d by moves, and %d at the end", stage, r.Stages.Start[stage], moved[stage], n)
		}
	}
}

func BenchmarkSimulate(b *testing.B) {
	for b.Loop() {
		r := simulateNorthwind(b, Simulation{Contacts: 2000, Days: 10, Seed: 1})
		sent := int64(0)
		for _, d := range r.Days {
			sent += d.Sent
		}
		b.ReportMetric(float64(sent), "mails")
	}
}
