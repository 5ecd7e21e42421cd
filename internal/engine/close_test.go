package engine

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"rapport/internal/clock"
	"rapport/internal/delivery/smtp/smtptest"
	"rapport/internal/store"
)

// Somebody closes a provider in the database, as the command does, while an engine
// sends: nobody tells it. Mail that has another provider shows how time goes by.
func TestARunningEngineSeesThatAProviderWasClosedAndOpened(t *testing.T) {
	const people = 80
	main, backup := smtptest.Start(t, smtptest.Options{}), smtptest.Start(t, smtptest.Options{})
	e := openEngine(t, Options{Clock: clock.System{}})
	started := strings.NewReplacer(`schedule: "0 9 * * *"`, "event: joined").Replace(one)
	settings := strings.NewReplacer("main: { smtp", "main: { rate: 40/s, smtp", "\nsenders:",
		fmt.Sprintf("\n  backup: { rate: 40/s, smtp: { host: 127.0.0.1, port: %d, tls: none } }\nsenders:", backup.Port),
		"<mia@news.northwind.example> }", "<mia@news.northwind.example>, providers: [main] }\n  tom: { from: Tom <tom@news.northwind.example>, providers: [backup] }")
	apply(t, e, shopWith(t, map[string]string{
		"rapport.yaml":           settings.Replace(live(main.Port, "")),
		"campaigns/welcome.yaml": started,
		"campaigns/other.yaml":   strings.Replace(started, "welcome", "other", 1) + "sender: tom\n",
	}))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	signUpAt(t, e.Store, "example.com", people, clock.System{}.Now())
	eventually(t, func() bool { return len(main.Messages()) >= 5 })

	if ok, err := e.Store.CloseProvider(ctx, "main", store.ClosedByHand, store.ProviderState{}, clock.System{}.Now()); err != nil || !ok {
		t.Fatal(ok, err)
	}
	eventually(t, func() bool { return len(backup.Messages()) == people })
	went := len(main.Messages())
	if went == people {
		t.Fatal("all had gone through the closed provider")
	}
	if closed := e.failing(); len(closed) != 1 || closed[0].Name != "main" || !closed[0].Closed || closed[0].Reason != store.ClosedByHand {
		t.Errorf("%+v", closed)
	}
	totals, err := e.Store.Totals(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if n := totals.Messages["queued"]; n != int64(people-went) {
		t.Errorf("%v, and %d went through main", totals.Messages, went)
	}

	if ok, err := e.Store.OpenProvider(ctx, "main", clock.System{}.Now()); err != nil || !ok {
		t.Fatal(ok, err)
	}
	eventually(t, func() bool { return len(main.Messages()) == people })
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if main.Duplicates()+backup.Duplicates() != 0 {
		t.Error("somebody got two")
	}
	if totals, err = e.Store.Totals(t.Context()); err != nil || totals.Messages["sent"] != 2*people {
		t.Error(totals.Messages, err)
	}
}
