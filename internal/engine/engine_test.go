package engine

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/contacts"
	"rapport/internal/mailbox"
	"rapport/internal/store"
	"rapport/internal/strict"
	"rapport/internal/testenv"
	"rapport/internal/workspace"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// monday is the moment the tests start from, an hour before the firing at nine.
var monday = time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC)

func shop(t *testing.T) *workspace.Workspace {
	t.Helper()
	w, findings := workspace.Load("testdata/shop", nil)
	for _, f := range findings {
		if !f.Warning {
			t.Fatal(strict.Render(f, false))
		}
	}
	return w
}

// logs shows what goes wrong inside the engine in the test's output.
func logs(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Logf("%s", b)
	return len(b), nil
}

func openEngine(t *testing.T, o Options) *Engine {
	t.Helper()
	if o.Database == "" {
		o.Database = filepath.Join(t.TempDir(), "rapport.db")
	}
	if o.DataDir == "" {
		o.DataDir = t.TempDir()
	}
	o.Log, o.Fleeting = logs(t), true
	e, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func apply(t *testing.T, e *Engine, w *workspace.Workspace) {
	t.Helper()
	if _, err := Apply(t.Context(), e.Store, w, "test", e.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	if err := e.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func signUp(t *testing.T, s *store.Store, n int, now time.Time) {
	t.Helper()
	in := make([]store.ContactInput, n)
	for i := range in {
		in[i] = store.ContactInput{Source: "list.csv", Contact: contacts.Contact{Email: fmt.Sprintf("p%05d@example.com", i), FirstName: fmt.Sprintf("P%d", i)},
			Consents: []contacts.Consent{{Topic: "guides", State: contacts.ConsentGiven, Source: "list.csv", At: now}}}
	}
	if _, err := s.UpsertContacts(context.Background(), in, now); err != nil {
		t.Fatal(err)
	}
}

func settle(t *testing.T, e *Engine) {
	t.Helper()
	if _, err := e.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestASequenceGoesOut(t *testing.T) {
	now := clock.NewManual(monday)
	e := openEngine(t, Options{Clock: now})
	apply(t, e, shop(t))
	signUp(t, e.Store, 10, monday)
	settle(t, e)
	if n := e.Box.Counts().Messages; n != 0 {
		t.Fatalf("%d messages before the firing", n)
	}
	now.Set(monday.Add(61 * time.Minute))
	settle(t, e)
	if n := e.Box.Counts().Messages; n != 10 {
		t.Fatalf("%d messages after the firing, want 10", n)
	}
	m := e.Box.List(mailbox.Filter{}, 1)[0]
	t.Logf("%s", m.Raw)
	for day := range 5 {
		now.Set(monday.AddDate(0, 0, day+1).Add(2 * time.Hour))
		settle(t, e)
	}
	if c := e.Box.Counts(); c.Messages != 30 || c.Duplicates != 0 {
		t.Fatalf("%+v, want 30 messages and no duplicates", c)
	}
	totals, err := e.Store.Totals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", totals)
}
