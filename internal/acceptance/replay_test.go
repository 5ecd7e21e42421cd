package acceptance

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rapport/internal/contacts"
)

// standing is what must not change when answers come again or otherwise.
type standing struct{ Stage, Health, History string }

func standingOf(f *contacts.Facts) standing {
	var history []string
	for _, c := range f.Changes {
		history = append(history, fmt.Sprintf("%s %s to %s at %s by %s", c.Kind, c.From, c.To, stamp(c.At), c.Rule))
	}
	return standing{f.Contact.Stage, f.Contact.Health, strings.Join(history, "; ")}
}

// All answers come again, twice each and in any order, to where they came
// before: no stage moves, no message is sent, nothing is forgotten.
func (in *installation) replayHere(t *testing.T, r *responder) {
	before := in.people(everybody)
	again := twiceInAnyOrder(t, r.taken())
	begun := time.Now()
	r.all(again)
	r.done()
	in.quiet(t)
	t.Logf("%d answers came again within %s", len(again), time.Since(begun).Round(time.Millisecond))
	after := in.people(everybody)
	for i := range before {
		if was, is := standingOf(before[i].Facts), standingOf(after[i].Facts); was != is {
			t.Fatalf("%s stood as\n%+v\nand now as\n%+v", before[i].Contact.Email, was, is)
		}
		if len(before[i].messages) != len(after[i].messages) || len(before[i].Campaigns) != len(after[i].Campaigns) {
			t.Fatalf("%s had %d messages of %d enrolments and has %d of %d now", before[i].Contact.Email,
				len(before[i].messages), len(before[i].Campaigns), len(after[i].messages), len(after[i].Campaigns))
		}
	}
}

// Everything that has happened in this installation happens in a fresh one, on
// the other backend, twice and in another order: the same stages.
func (in *installation) replayElsewhere(t *testing.T) {
	people := in.people(everybody)
	var answers []callback
	for _, p := range people {
		for _, e := range p.Events {
			if c, ok := toldByAddress(e, p.Contact.Email); ok {
				answers = append(answers, c)
			}
		}
	}
	fresh := install(t, options{backend: backend{"fresh", servers.open, [][]string{{"scheduler", "worker", "web"}}},
		smtp: freePort(t), anchor: in.anchor, edit: func(dir string) { withoutCampaigns(t, dir) }})
	fresh.prepare(everybody)
	fresh.serve()
	r := newResponder(fresh)
	begun := time.Now()
	again := twiceInAnyOrder(t, answers)
	r.all(again)
	r.done()
	fresh.quiet(t)
	t.Logf("%d answers came to a fresh installation within %s", len(again), time.Since(begun).Round(time.Millisecond))
	for i, p := range fresh.people(everybody) {
		was, is := standingOf(people[i].Facts), standingOf(p.Facts)
		if was != is {
			t.Fatalf("%s stands in the first installation as\n%+v\nand in the fresh one as\n%+v", p.Contact.Email, was, is)
		}
	}
}

// toldByAddress is an event as a provider tells it that knows addresses only.
func toldByAddress(e contacts.Event, email string) (callback, bool) {
	if e.Name == contacts.EventSent || strings.HasPrefix(e.Name, "consent.") || strings.HasPrefix(e.Name, "contact.") {
		return callback{}, false
	}
	body := map[string]any{"event": e.Name, "id": e.Key, "email": email, "at": stamp(e.At), "machine": e.Machine, "properties": e.Properties}
	if e.Link != "" {
		body["link"] = e.Link
	}
	if e.Name == contacts.EventUnsubscribed {
		body["topic"] = "guides"
	}
	return callback{method: "POST", path: "/webhooks/main", signed: true, body: asJSON(body)}, true
}

func withoutCampaigns(t *testing.T, dir string) {
	if err := os.RemoveAll(filepath.Join(dir, "campaigns")); err != nil {
		t.Fatal(err)
	}
}

// twiceInAnyOrder doubles and shuffles answers; the log tells the seed.
func twiceInAnyOrder(t *testing.T, list []callback) []callback {
	seed := uint64(time.Now().UnixNano())
	t.Logf("the order has the seed %d", seed)
	out := slices.Concat(list, list)
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// all sends many answers, several at once.
func (r *responder) all(list []callback) {
	var group sync.WaitGroup
	next := make(chan callback)
	for range cap(r.at) {
		group.Go(func() {
			for c := range next {
				r.send(c)
			}
		})
	}
	for _, c := range list {
		next <- c
	}
	close(next)
	group.Wait()
}

// quiet waits until every answer has had its consequences.
func (in *installation) quiet(t *testing.T) {
	t.Helper()
	eventually(t, 60*time.Second, "everybody was looked at", func() (bool, string) {
		n, err := in.store.TouchedWaiting(t.Context())
		return err == nil && n == 0, fmt.Sprint(n, " contacts to look at ", err)
	})
}
