package engine

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"rapport/internal/clock"
	"rapport/internal/testenv"
)

// What the machines of an installation can do in the middle of sending: the
// database is killed and comes back, Redis is wiped, Redis is killed and comes
// back. Everybody gets the mail, and nobody two.
func TestRule19NothingIsLostWhenDatabaseAndRedisDie(t *testing.T) {
	if testing.Short() {
		t.Skip("it kills servers")
	}
	const people = 3000
	database, coordination := testenv.StartPostgres(t), testenv.StartRedis(t)
	fast := clock.NewFast(monday, 60) // a minute in a second: the sweep looks a minute back
	e, err := Open(t.Context(), Options{Clock: fast, Database: database.DSN, Redis: coordination.URL(), DataDir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	apply(t, e, shopWith(t, map[string]string{"campaigns/welcome.yaml": one}))
	signUp(t, e.Store, people, monday)

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()

	passed := func(share int64) {
		t.Helper()
		eventually(t, func() bool { return e.Box.Counts().Messages >= people*share/100 })
	}
	passed(10)
	database.Kill9()
	if err := database.Restart(); err != nil {
		t.Fatal(err)
	}
	passed(40)
	client := redis.NewClient(&redis.Options{Addr: coordination.Addr})
	defer client.Close()
	if err := client.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	passed(70)
	coordination.Kill9()
	if err := coordination.Restart(); err != nil {
		t.Fatal(err)
	}
	open := func() (n int64) {
		totals, err := e.Store.Totals(t.Context())
		if err != nil {
			return people
		}
		return people - totals.Messages["sent"] - totals.Messages["unknown"] - totals.Messages["failed"]
	}
	eventually(t, func() bool { return open() == 0 })
	stop()
	if err := <-ended; err != nil {
		t.Errorf("the engine ended with %v", err)
	}
	totals, err := e.Store.Totals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	counts := e.Box.Counts()
	if totals.Messages["sent"]+totals.Messages["unknown"] != people || counts.Messages != people || counts.Duplicates != 0 {
		t.Errorf("ledger %v, mailbox %d messages, %d of them twice; want %d sent and none twice", totals.Messages, counts.Messages, counts.Duplicates, people)
	}
	t.Logf("ledger %v", totals.Messages)
}

// eventually waits for what other goroutines and servers bring about.
func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(3 * time.Minute)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it did not happen within three minutes")
		}
	}
}
