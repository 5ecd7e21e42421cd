package simulate

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/campaigns"
	"rapport/examples"
	"rapport/internal/calendar"
	"rapport/internal/contacts"
	"rapport/internal/store"
	"rapport/internal/strict"
	"rapport/internal/workspace"
)

// eachExample goes over all folders of examples/.
func eachExample(t *testing.T, do func(t *testing.T, name string, w *workspace.Workspace)) {
	for _, name := range examples.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder, err := examples.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			files, err := workspace.ReadFS(folder)
			if err != nil {
				t.Fatal(err)
			}
			w, findings := workspace.FromFiles(files, secrets)
			for _, f := range findings {
				t.Errorf("%s", strict.Render(f, false))
			}
			do(t, name, w)
		})
	}
}

// secrets has a value for whatever an example has a secret for.
func secrets(name string) (string, bool) {
	return "0123456789abcdef0123456789abcdef", strings.HasSuffix(name, "_SECRET")
}

var purposes = []string{"acquire", "grow", "retain", "win-back"}

func TestRule28_EveryScenarioOfTheExamplesHolds(t *testing.T) {
	eachExample(t, func(t *testing.T, _ string, w *workspace.Workspace) {
		tested := map[string]bool{}
		for _, s := range w.Scenarios {
			tested[s.Campaign] = true
		}
		for _, topic := range w.TopicOrder {
			tested[workspace.ConfirmCampaign(topic)] = true // it is the engine's
		}
		have := map[string]bool{}
		for name, d := range w.Campaigns {
			have[d.Purpose] = true
			if !tested[name] {
				t.Errorf("no scenario is about campaign %s", name)
			}
		}
		for _, purpose := range purposes {
			if !have[purpose] {
				t.Errorf("no campaign is there to %s", purpose)
			}
		}
		for name, s := range w.Segments {
			if s.Description == "" {
				t.Errorf("segment %s has no description", name)
			}
		}
		for name, problems := range problemsOf(t, w) {
			if len(problems) > 0 {
				t.Errorf("%s: %v", name, problems)
			}
		}
	})
}

// A simulation of each example mails for every purpose, keeps the limits of
// everybody, and fails to write nothing.
func TestEveryExampleIsSimulated(t *testing.T) {
	eachExample(t, func(t *testing.T, _ string, w *workspace.Workspace) {
		mailed := map[string]int64{}
		s := Simulation{Workspace: w, Env: secrets, Log: quiet(t), From: calendar.Date{Year: 2026, Month: 3, Day: 2}, Days: 65, Seed: 7, Contacts: 150,
			inspect: func(ctx context.Context, db *store.Store) error { return keepsLimits(ctx, t, w, db) }}
		r, err := Simulate(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range r.Campaigns {
			mailed[w.Campaigns[name].Purpose] += c.Sent
		}
		for _, purpose := range purposes {
			if mailed[purpose] == 0 {
				t.Errorf("nothing was mailed to %s", purpose)
			}
		}
		for _, d := range r.Days {
			if d.Failed > 0 {
				t.Errorf("%s: %d messages failed", d.Date, d.Failed)
			}
		}
		s.Contacts, s.Days, s.inspect = 30, 9, nil
		first, err := Simulate(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Simulate(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if bytesOf(t, first) != bytesOf(t, again) {
			t.Error("the same seed gives other bytes")
		}
	})
}

// keepsLimits counts the marketing mail of each contact by days of its own zone.
func keepsLimits(ctx context.Context, t *testing.T, w *workspace.Workspace, db *store.Store) error {
	kinds := map[int64]string{}
	list, err := db.Campaigns(ctx)
	if err != nil {
		return err
	}
	for name, c := range list {
		kinds[c.ID] = w.Campaigns[name].Kind
	}
	sent := map[contacts.ID][]time.Time{}
	err = db.EachSettled(ctx, func(l store.LedgerLine) {
		if campaigns.MessageState(l.State) == campaigns.Sent && kinds[l.Campaign] == campaigns.Marketing {
			sent[l.Contact] = append(sent[l.Contact], l.At)
		}
	})
	if err != nil {
		return err
	}
	ids := make([]contacts.ID, 0, len(sent))
	for id := range sent {
		ids = append(ids, id)
	}
	facts, err := db.LoadFacts(ctx, ids)
	if err != nil {
		return err
	}
	if len(facts) == 0 {
		return fmt.Errorf("nobody was mailed")
	}
	for id, times := range sent {
		zone, err := calendar.LoadZone(facts[id].Contact.Timezone)
		if err != nil {
			return err
		}
		for i, at := range times {
			for _, limit := range w.Limits.PerContact {
				from := calendar.Of(at, zone).AddDays(1-limit.Per.Days).At(0, zone)
				if limit.Per.Days == 0 {
					from = at.Add(time.Millisecond - limit.Per.Clock)
				}
				n := len(slices.DeleteFunc(slices.Clone(times[:i+1]), from.After))
				if n > limit.Max {
					t.Errorf("%s: %d mails by %s, and the limit is %d", facts[id].Contact.Email, n, at.In(zone), limit.Max)
				}
			}
		}
	}
	return nil
}

// The people of a demo answer all that an example asks them.
func TestEveryExampleHasADemo(t *testing.T) {
	start := time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)
	eachExample(t, func(t *testing.T, name string, w *workspace.Workspace) {
		d, err := NewDemo(t.Context(), Options{Example: name, Contacts: 60, Days: 21, Seed: 1, Dir: t.TempDir(), Start: start,
			Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Engine.Close()
		if err := d.Run(t.Context(), func(time.Time) {}); err != nil {
			t.Fatal(err)
		}
		r, err := Sum(t.Context(), d.Engine)
		if err != nil {
			t.Fatal(err)
		}
		if r.Contacts != 60 || r.Messages["sent"] < 60 || r.Duplicates != 0 || r.Messages["unknown"] != 0 || r.StageChanges == 0 || r.Events["email.clicked"] == 0 {
			t.Errorf("%+v", r)
		}
		t.Logf("%+v", r)
	})
}
