package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/delivery"
	"rapport/internal/delivery/smtp/smtptest"
	"rapport/internal/queue"
	"rapport/internal/store"
	"rapport/scheduler"
)

// A scheduler learns of an apply a moment later. It must not use up what the
// apply has touched by the ladder that it still knows.
func TestRule13ANewLadderCountsForEverybody(t *testing.T) {
	r := start(t, 3, smtptest.Options{}, "", nil)
	w := shopWith(t, map[string]string{"rapport.yaml": live(r.server.Port, ""), "campaigns/welcome.yaml": one,
		"segments/prospects.yaml": "segment: prospects\nwhere: { stage: { at_most: reader } }\n",
		"relationship.yaml":       "ladder:\n  - stage: stranger\n  - stage: reader\n    when: { consent: guides }\nhealth: { purchase: order.placed }\n"})
	if _, err := Apply(t.Context(), r.Store, w, "test", r.clock.Now()); err != nil {
		t.Fatal(err)
	}
	r.settle()
	if c := r.contact("p00000@example.com"); c.Stage != "reader" {
		t.Errorf("stage %s, want reader: the ladder that was applied", c.Stage)
	}
}

// outage is a store that cannot be read for a while, and whose firings of one
// campaign cannot be enrolled.
type outage struct {
	scheduler.Store
	down   bool
	broken int64
}

var errOutage = errors.New("the database does not answer")

func (o *outage) Workers(ctx context.Context) ([]store.Worker, error) {
	if o.down {
		return nil, errOutage
	}
	return o.Store.Workers(ctx)
}

func (o *outage) EnrolChunk(ctx context.Context, in store.EnrolInput, limit int) (store.EnrolResult, error) {
	if in.Firing.Campaign == o.broken {
		return store.EnrolResult{}, errOutage
	}
	return o.Store.EnrolChunk(ctx, in, limit)
}

// While the database is away nobody can write a heartbeat, and when it is back
// the sweeper must not be quicker than the first one.
func TestRule16AWorkerIsNotGivenUpForAnOutageOfTheDatabase(t *testing.T) {
	r := start(t, 0, smtptest.Options{}, "", nil)
	ctx := t.Context()
	watch := clock.NewManual(clock.System{}.Now())
	o := &outage{Store: r.Store}
	r.Scheduler.Store, r.Scheduler.Watch = o, watch
	tick := func(times int) {
		for range times {
			watch.Advance(2 * time.Second)
			if _, err := r.Scheduler.Tick(ctx); err != nil && !errors.Is(err, errOutage) {
				t.Fatal(err)
			}
		}
	}
	tick(5)
	o.down = true
	tick(1000) // more than half an hour
	o.down = false
	tick(1)
	if alive, err := r.Store.Beat(ctx, r.Worker.ID); err != nil || !alive {
		t.Fatalf("alive %t, %v: it was given up as soon as the database was back", alive, err)
	}
	tick(1000)
	if alive, _ := r.Store.Beat(ctx, r.Worker.ID); alive {
		t.Error("a worker that was silent for half an hour is not given up")
	}
}

// What a dead worker had taken and not claimed is in no batch of its own; nobody
// may have to wait until the queue finds out.
func TestWhatASilentWorkerTookGoesBackToTheQueue(t *testing.T) {
	r := start(t, 2, smtptest.Options{}, "", nil)
	ctx := t.Context()
	watch := clock.NewManual(clock.System{}.Now())
	r.Scheduler.Watch = watch
	r.clock.Set(monday.Add(time.Hour))
	for did := 1; did > 0; {
		n, err := r.Scheduler.Tick(ctx)
		if err != nil {
			t.Fatal(err)
		}
		did = n
	}
	if err := r.Store.StartWorker(ctx, store.Worker{ID: "worker-dead"}, r.clock.Now()); err != nil {
		t.Fatal(err)
	}
	lanes, err := r.Store.OpenLanes(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if taken, err := r.Queue.Take(ctx, "worker-dead", lanes, 10, 0); err != nil || len(taken) == 0 {
		t.Fatalf("took %v, %v", taken, err)
	}
	for range 500 { // more than a quarter of an hour
		watch.Advance(2 * time.Second)
		if _, err := r.Store.Beat(ctx, r.Worker.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Scheduler.Tick(ctx); err != nil {
			t.Fatal(err)
		}
	}
	r.settle()
	r.wants("sent", "sent")
}

func TestWhatOneCampaignStumblesOverKeepsNoOtherFromItsHour(t *testing.T) {
	r := start(t, 2, smtptest.Options{}, "", map[string]string{"campaigns/another.yaml": strings.Replace(one, "welcome", "another", 1)})
	r.Scheduler.Store = &outage{Store: r.Store, broken: r.Catalog.Current().CampaignID("another")}
	r.clock.Set(monday.Add(time.Hour))
	if _, err := r.Scheduler.Tick(t.Context()); !errors.Is(err, errOutage) {
		t.Fatal(err)
	}
	p, err := r.Store.Progress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	enrolled := false
	for _, f := range r.firings() {
		enrolled = enrolled || f == "2026-03-02T09:00 done"
	}
	if !enrolled {
		t.Errorf("firings %q, progress %+v: want the firing of welcome done", r.firings(), p)
	}
}

// lossy is a queue that loses its first batch and is never empty.
type lossy struct {
	queue.Work
	lost bool
}

func (l *lossy) Push(ctx context.Context, lane string, batches ...int64) error {
	if !l.lost {
		l.lost = true
		return nil
	}
	return l.Work.Push(ctx, lane, batches...)
}

func (l *lossy) Depth(ctx context.Context) (map[string]queue.Depth, error) {
	depth, err := l.Work.Depth(ctx)
	for lane := range depth {
		depth[lane] = queue.Depth{Ready: 1}
	}
	return depth, err
}

func TestRule17WhatTheQueueLostIsFoundInABacklogToo(t *testing.T) {
	r := start(t, 2, smtptest.Options{}, "", nil)
	watch := clock.NewManual(clock.System{}.Now())
	q := &lossy{Work: r.Queue}
	r.Scheduler.Queue, r.Scheduler.Watch = q, watch
	if err := r.Queue.Push(t.Context(), "50.mia", 1); err != nil { // the lane is known
		t.Fatal(err)
	}
	r.at(0, 9, 0)
	if n := len(r.server.Messages()); n != 0 || !q.lost {
		t.Fatalf("%d messages: the batch should be lost", n)
	}
	for hour := 10; hour < 13; hour++ {
		watch.Advance(time.Hour)
		r.at(0, hour, 1)
	}
	r.wants("sent", "sent")
}

// nowhere is a Router without a provider for a sender.
type nowhere struct {
	delivery.Router
	found bool
}

func (n *nowhere) Route(applied *catalog.Applied, sender, to string) (delivery.Route, error) {
	if n.found {
		return n.Router.Route(applied, sender, to)
	}
	return delivery.Route{}, errors.New("provider main is not in the folder")
}

func TestAMissingProviderHoldsWithItsReason(t *testing.T) {
	r := start(t, 2, smtptest.Options{}, "", nil)
	n := &nowhere{Router: r.Worker.Router}
	r.Worker.Router = n
	r.at(0, 9, 0)
	r.wants("queued: provider main is not in the folder", "queued: provider main is not in the folder")
	n.found = true
	r.at(0, 9, 2)
	r.wants("sent", "sent")
}

func TestRule13WhatWaitsGoesFromTheSenderThatIsApplied(t *testing.T) {
	quiet := "limits: { quiet_hours: { from: \"08:00\", to: \"12:00\" } }\n"
	r := start(t, 1, smtptest.Options{}, quiet, nil)
	r.at(0, 9, 0)
	yaml := strings.ReplaceAll(live(r.server.Port, quiet), "mia: { from: Mia from Northwind <mia@", "tom: { from: Tom from Northwind <tom@")
	yaml = strings.ReplaceAll(yaml, "sender: mia", "sender: tom")
	apply(t, r.Engine, shopWith(t, map[string]string{"rapport.yaml": yaml, "campaigns/welcome.yaml": one}))
	r.at(0, 12, 0)
	r.wants("sent")
	if list := r.server.Messages(); len(list) != 1 || !strings.Contains(string(list[0].Data), "tom@news.northwind.example") {
		t.Errorf("%d messages, want one from tom", len(list))
	}
}

func TestOnUnknownResendEnds(t *testing.T) {
	r := start(t, 1, smtptest.Options{Script: smtptest.At("dot", smtptest.Action{Drop: true, Keep: true})}, "",
		map[string]string{"campaigns/welcome.yaml": one + "on_unknown: resend\n"})
	watch := clock.NewManual(clock.System{}.Now())
	r.Scheduler.Watch = watch
	for minute := range 30 {
		watch.Advance(time.Minute)
		r.at(0, 9, minute)
	}
	if n := len(r.server.Messages()); n != 3 {
		t.Errorf("the server has %d copies, want the first and two more", n)
	}
}

// A schedule that comes back was not there when its hour passed.
func TestRule04AScheduleThatComesBackMissesNothing(t *testing.T) {
	r := start(t, 2, smtptest.Options{}, "", map[string]string{"campaigns/welcome.yaml": one + "reentry: always\n"})
	r.at(0, 9, 0)
	with := func(day, hour int, campaign string) {
		r.at(day, hour, 30)
		files := map[string]string{"rapport.yaml": live(r.server.Port, ""), "campaigns/welcome.yaml": campaign}
		if campaign == "" {
			files["campaigns/another.yaml"] = strings.Replace(one, "welcome", "another", 1)
		}
		apply(t, r.Engine, shopWith(t, files))
		r.settle()
	}
	with(0, 12, strings.Replace(one, "0 9", "0 10", 1)+"reentry: always\n")
	r.at(1, 10, 0)
	want := len(r.server.Messages())
	with(1, 11, one+"reentry: always\n") // rolled back, two hours and a half after nine
	with(1, 12, "")
	with(1, 13, one+"reentry: always\n") // taken away, and back
	if n := len(r.server.Messages()); n != want || want != 4 {
		t.Errorf("%d messages, before the rollback %d; want 4: nobody asked for another at this hour", n, want)
	}
	r.at(2, 9, 0)
	if n := len(r.server.Messages()); n != want+2 {
		t.Errorf("%d messages the next morning, want %d", n, want+2)
	}
}

// forgetful is a store that does not take events at first.
type forgetful struct {
	delivery.Store
	failures int
	failed   func()
}

func (f *forgetful) Ingest(ctx context.Context, events []store.Incoming, now time.Time) ([]store.Result, error) {
	if f.failures > 0 {
		f.failures--
		if f.failed != nil {
			f.failed()
		}
		return nil, errOutage
	}
	return f.Store.Ingest(ctx, events, now)
}

func TestADeadAddressIsSuppressedThroughAnOutage(t *testing.T) {
	r := start(t, 1, smtptest.Options{Script: smtptest.At("rcpt", smtptest.Action{Reply: "550 5.1.1 no such user"})}, "", nil)
	r.Worker.Store = &forgetful{Store: r.Store, failures: 1}
	r.at(0, 9, 0)
	r.wants("failed: refused at rcpt: 550 5.1.1 no such user")
	if c := r.contact("p00000@example.com"); c.Suppression == nil {
		t.Error("the address is not suppressed: its bounce was lost")
	}
}

// Every batch of such a campaign is small; a rate of fifty a second is that of
// messages, and not of batches.
func TestARateCountsMessagesAndNotBatches(t *testing.T) {
	r := start(t, 0, smtptest.Options{}, "", nil)
	yaml := strings.Replace(live(r.server.Port, ""), "main: { smtp", "main: { rate: 50/s, smtp", 1)
	apply(t, r.Engine, shopWith(t, map[string]string{"rapport.yaml": yaml, "campaigns/welcome.yaml": fmt.Sprintf(cart, "always")}))
	signUp(t, r.Store, 80, monday)
	r.settle()
	for i := range 80 {
		r.event("cart.abandoned", fmt.Sprintf("p%05d@example.com", i), fmt.Sprint("cart ", i), map[string]any{"total": 40})
		if _, err := r.Scheduler.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for tenth := range 20 {
		r.settle()
		// A quarter of a second's worth may leave at once.
		if n := len(r.server.Messages()); n > 13+5*tenth || tenth <= 13 && n < 5*tenth {
			t.Errorf("%d messages after %d ms, which is not 50 a second", n, 100*tenth)
		}
		r.clock.Advance(100 * time.Millisecond)
	}
	if n := len(r.server.Messages()); n != 80 {
		t.Errorf("%d messages two seconds later, want all 80", n)
	}
}

func TestADeadAddressIsSuppressedAfterACrash(t *testing.T) {
	r := start(t, 1, smtptest.Options{Script: smtptest.At("rcpt", smtptest.Action{Reply: "550 5.1.1 no such user"})}, "", nil)
	ctx, cancel := context.WithCancel(t.Context())
	r.Worker.Store = &forgetful{Store: r.Store, failures: 2, failed: cancel}
	r.clock.Set(monday.Add(time.Hour))
	if _, err := r.Settle(ctx); err == nil {
		t.Fatal("the outcome is written; the test wants it in the journal only")
	}
	r.Close()
	o := r.Options
	r.Engine = openEngine(t, o)
	r.wants("failed: refused: 550 5.1.1 no such user")
	if c := r.contact("p00000@example.com"); c.Suppression == nil {
		t.Error("the address is not suppressed: its bounce was lost with the process")
	}
}

func TestAWorkerThatWasGivenUpEnds(t *testing.T) {
	r := start(t, 0, smtptest.Options{}, "", nil)
	workers, err := r.Store.Workers(t.Context())
	if err != nil || len(workers) != 1 {
		t.Fatalf("%v, %v", workers, err)
	}
	if _, err := r.Store.GiveUp(t.Context(), workers[0], r.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if err := r.Worker.Run(t.Context()); !errors.Is(err, delivery.ErrGivenUp) {
		t.Errorf("%v, want %v", err, delivery.ErrGivenUp)
	}
}

func TestAFiringWaitsForWhatIsNewAboutContacts(t *testing.T) {
	r := start(t, 0, smtptest.Options{}, "", map[string]string{
		"campaigns/welcome.yaml": strings.Replace(one, "steps: [ ", "steps: [ { wait: 1d }, ", 1)})
	r.clock.Set(monday.Add(61 * time.Minute))
	const people = 10_050 // more than one tick looks at
	signUp(t, r.Store, people, r.clock.Now())
	r.settle()
	totals, err := r.Store.Totals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := totals.Enrolments["active"]; n != people {
		t.Errorf("%d of %d were enrolled", n, people)
	}
}

// deaf is a store whose first claim is committed, and whose worker hears of an
// error, as when the connection breaks at the commit.
type deaf struct {
	delivery.Store
	heard bool
}

func (d *deaf) Claim(ctx context.Context, in store.ClaimInput, decide func([]store.Candidate) []store.Verdict) (store.ClaimResult, error) {
	claim, err := d.Store.Claim(ctx, in, decide)
	if d.heard || err != nil {
		return claim, err
	}
	d.heard = true
	return store.ClaimResult{Fence: claim.Fence}, errOutage
}

func TestAClaimThatWasNotHeardOfIsPutBack(t *testing.T) {
	r := start(t, 2, smtptest.Options{}, "", nil)
	r.Worker.Store = &deaf{Store: r.Store}
	r.clock.Set(monday.Add(time.Hour))
	if _, err := r.Settle(t.Context()); !errors.Is(err, errOutage) {
		t.Fatalf("the claim was heard: %v", err)
	}
	r.settle()
	r.wants("sent", "sent")
	if n := len(r.server.Messages()); n != 2 {
		t.Errorf("%d copies of two messages", n)
	}
}
