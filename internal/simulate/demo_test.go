package simulate

import (
	"log/slog"
	"testing"
	"time"
)

func TestDemoRunsThrough(t *testing.T) {
	start := time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)
	d, err := NewDemo(t.Context(), Options{Contacts: 60, Days: 21, Seed: 1, Dir: t.TempDir(), Start: start, Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))})
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
	if r.Contacts != 60 || r.Messages["sent"] < 60 || r.Duplicates != 0 || r.Messages["unknown"] != 0 || r.StageChanges == 0 ||
		r.Events["email.clicked"] == 0 || r.Events["order.placed"] == 0 {
		t.Errorf("%+v", r)
	}
	t.Logf("%+v", r)
}
