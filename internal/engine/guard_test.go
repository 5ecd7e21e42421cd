package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/delivery/smtp/smtptest"
	"rapport/internal/store"
)

func (r *run) campaign(name string) store.Campaign {
	r.t.Helper()
	all, err := r.Store.Campaigns(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return all[name]
}

// turn is what a person does to a campaign.
func (r *run) turn(name string, to store.CampaignStatus) {
	r.t.Helper()
	if ok, err := r.Store.SetCampaignStatus(r.t.Context(), name, to, []store.CampaignStatus{store.Running, store.Paused}, r.clock.Now()); err != nil || !ok {
		r.t.Fatal(ok, err)
	}
	r.refresh()
}

func (r *run) refresh() {
	r.t.Helper()
	if err := r.Refresh(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

// later lets time pass, as a running engine does: it reads the statuses again.
func (r *run) later(d time.Duration) {
	r.t.Helper()
	r.refresh()
	r.clock.Advance(d)
	r.settle()
	r.refresh()
}

func TestTheGuardPausesWhatBouncesAndAPersonResumesIt(t *testing.T) {
	dead := func(s smtptest.Step) *smtptest.Action {
		if s.Verb == "rcpt" && strings.HasSuffix(s.To, "@gone.example") {
			return &smtptest.Action{Reply: "550 5.1.1 no such user"}
		}
		return nil
	}
	r := start(t, 0, smtptest.Options{Script: dead}, "limits: { guard: { bounces: { above: 20%, of_last: 50 } } }\n",
		map[string]string{"campaigns/welcome.yaml": strings.Replace(one, "0 9 * * *", "0 * * * *", 1) + "reentry: always\n"})
	signUpAt(t, r.Store, "here.example", 60, monday)
	signUpAt(t, r.Store, "gone.example", 10, monday)
	r.settle()
	r.at(0, 9, 0)
	r.later(10 * time.Second)
	if k := r.campaign("welcome"); k.Status != store.Running {
		t.Fatalf("%s: %s; ten of seventy are not above 20%% of fifty", k.Status, k.Reason)
	}
	signUpAt(t, r.Store, "gone.example", 22, r.clock.Now()) // twelve that are new
	r.at(0, 10, 0)
	r.later(10 * time.Second)
	k := r.campaign("welcome")
	if k.Status != store.Paused || k.Reason != "paused by the guard: 12 of 50 messages bounced (24.0%, above 20%)" {
		t.Fatalf("%s: %q", k.Status, k.Reason)
	}
	r.turn("welcome", store.Running)
	r.later(10 * time.Second)
	if k := r.campaign("welcome"); k.Status != store.Running || k.Reason != "" {
		t.Fatalf("%s: %q after a person has resumed it", k.Status, k.Reason)
	}
}

func TestTheGuardHearsComplaintsThatComeLate(t *testing.T) {
	r := start(t, 300, smtptest.Options{}, "limits: { guard: { complaints: { above: 1%, of_last: 100, at_least: 3 } } }\n", nil)
	r.at(0, 9, 0)
	list, err := r.Store.Messages(t.Context(), store.MessageFilter{Limit: 300})
	if err != nil {
		t.Fatal(err)
	}
	complain := func(i int) {
		t.Helper()
		m := list[len(list)-1-i]
		if _, err := r.Store.Ingest(t.Context(), []store.Incoming{{Source: "test", Event: contacts.Event{Name: contacts.EventComplained,
			At: r.clock.Now(), Message: m.ID, Key: fmt.Sprint("c", i)}}}, r.clock.Now()); err != nil {
			t.Fatal(err)
		}
	}
	r.clock.Advance(time.Hour)
	complain(20)
	complain(30) // two of a hundred, and fewer than three
	r.later(10 * time.Second)
	if k := r.campaign("welcome"); k.Status != store.Running {
		t.Fatalf("%s: %s", k.Status, k.Reason)
	}
	complain(40)
	r.later(10 * time.Second)
	if k := r.campaign("welcome"); k.Status != store.Paused || k.Reason != "paused by the guard: 3 of 100 messages drew a complaint (3.0%, above 1%)" {
		t.Fatalf("%s: %q", k.Status, k.Reason)
	}
}

// complained reports complaints about the first n messages of a campaign.
func (r *run) complained(campaign string, n int) {
	r.t.Helper()
	list, err := r.Store.Messages(r.t.Context(), store.MessageFilter{Campaign: r.campaign(campaign).ID, Limit: 1000})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, m := range list[len(list)-n:] {
		if _, err := r.Store.Ingest(r.t.Context(), []store.Incoming{{Source: "test", Event: contacts.Event{Name: contacts.EventComplained,
			At: r.clock.Now(), Message: m.ID, Key: fmt.Sprint("c", m.ID)}}}, r.clock.Now()); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *run) provider(name string) store.ProviderState {
	r.t.Helper()
	all, err := r.Store.ProviderStates(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return all[name]
}

// twoWays is the shop with two servers: mia has both, tom has main alone. Three
// campaigns go at nine; at ten goes one of mia and one of tom.
func twoWays(t *testing.T) (r *run, backup *smtptest.Server) {
	t.Helper()
	backup = smtptest.Start(t, smtptest.Options{})
	r = start(t, 0, smtptest.Options{}, "", nil)
	files := map[string]string{"rapport.yaml": fmt.Sprintf(`
company: { name: Northwind Bikes, address: "Hafenstrasse 12, 20457 Hamburg, Germany", website: https://northwind.example, timezone: Europe/Berlin }
public_url: https://go.northwind.example
providers:
  main: { smtp: { host: 127.0.0.1, port: %d, tls: none } }
  backup: { smtp: { host: 127.0.0.1, port: %d, tls: none } }
senders:
  mia: { from: Mia from Northwind <mia@news.northwind.example>, providers: [main, backup] }
  tom: { from: Tom from Northwind <tom@news.northwind.example>, providers: [main] }
topics:
  guides: { title: Ideas and guides, sender: mia }
delivery: live
limits: { guard: { complaints: { above: 10%%, of_last: 60, at_least: 4 } } }
`, r.server.Port, backup.Port), "campaigns/welcome.yaml": ""}
	for name, at := range map[string]string{"a": "9", "b": "9", "c": "9", "mias": "10", "toms": "10"} {
		text := strings.Replace(strings.Replace(one, "welcome", name, 1), "0 9", "0 "+at, 1)
		if name == "toms" {
			text += "sender: tom\n"
		}
		files["campaigns/"+name+".yaml"] = text
	}
	apply(t, r.Engine, shopWith(t, files))
	signUp(t, r.Store, 20, monday)
	r.settle()
	r.at(0, 9, 0)
	if a, b := len(r.server.Messages()), len(backup.Messages()); a != 60 || b != 0 {
		t.Fatalf("%d and %d messages", a, b)
	}
	return r, backup
}

func TestTheGuardClosesAProviderAndAPersonOpensIt(t *testing.T) {
	r, backup := twoWays(t)
	for _, name := range []string{"a", "b", "c"} {
		r.complained(name, 3)
	}
	r.later(10 * time.Second)
	const why = "closed by the guard: 9 of 60 messages drew a complaint (15.0%, above 10%)"
	if p := r.provider("main"); !p.Closed || p.Reason != why || !p.Changed.Equal(r.clock.Now()) {
		t.Fatalf("%+v", p)
	}
	for _, name := range []string{"a", "b", "c"} {
		if k := r.campaign(name); k.Status != store.Running {
			t.Errorf("%s is %s: %s", name, k.Status, k.Reason)
		}
	}
	if why, want := r.Catalog.Current().Shut("tom"), "provider main is "+why; why != want {
		t.Errorf("tom: %q, want %q", why, want)
	}

	// Those who complained, one contact at least and three at most of each, get no more.
	r.at(0, 10, 0)
	left := len(backup.Messages())
	if n := len(r.server.Messages()); n != 60 || left == 0 || left > 17 {
		t.Fatalf("%d messages through main and %d through backup", n, left)
	}
	states := r.states()
	if states["sent"] != 60+left || states["queued"] != left || len(states) != 2 {
		t.Errorf("%v: toms wait and lack nothing", states)
	}
	for range 3 { // nothing is taken, however often it is looked at
		r.later(time.Hour)
	}
	if got := r.states(); got["queued"] != left {
		t.Errorf("%v after three hours", got)
	}

	if opened, err := r.Store.OpenProvider(t.Context(), "main", r.clock.Now()); err != nil || !opened {
		t.Fatal(opened, err)
	}
	r.refresh()
	r.settle()
	if n := len(r.server.Messages()); n != 60+left {
		t.Errorf("%d messages through main after it was opened, want %d", n, 60+left)
	}
	r.complained("mias", 1) // news, of a campaign that went elsewhere
	r.later(10 * time.Second)
	if p := r.provider("main"); p.Closed || p.Reason != "" {
		t.Errorf("%+v: what was before it was opened counts again", p)
	}
	if n := r.server.Duplicates() + backup.Duplicates(); n != 0 {
		t.Errorf("%d twice", n)
	}
}

func TestOneCampaignAloneClosesNoProvider(t *testing.T) {
	r, _ := twoWays(t)
	r.complained("a", 12)
	r.complained("b", 1)
	r.later(10 * time.Second)
	if k := r.campaign("a"); k.Status != store.Paused || k.Reason != "paused by the guard: 12 of 20 messages drew a complaint (60.0%, above 10%)" {
		t.Errorf("%s: %q", k.Status, k.Reason)
	}
	if p := r.provider("main"); p.Closed {
		t.Errorf("%+v: without campaign a it is one of forty", p)
	}
}

// What was claimed for a provider just before it is closed goes another way.
func TestWhatIsInHandWhenAProviderClosesGoesAnotherWay(t *testing.T) {
	var r *run
	closes := func(s smtptest.Step) *smtptest.Action {
		if s.Verb == "mail" && r.provider("main").Changed.IsZero() {
			if _, err := r.Store.CloseProvider(r.t.Context(), "main", "closed by hand", store.ProviderState{}, r.clock.Now()); err != nil {
				r.t.Error(err)
			}
			if _, err := r.Catalog.Refresh(r.t.Context()); err != nil {
				r.t.Error(err)
			}
		}
		return nil
	}
	backup := smtptest.Start(t, smtptest.Options{})
	r = start(t, 0, smtptest.Options{Script: closes}, "", nil)
	apply(t, r.Engine, shopWith(t, map[string]string{"rapport.yaml": strings.Replace(live(r.server.Port, ""), "\nsenders:",
		fmt.Sprintf("\n  backup: { smtp: { host: 127.0.0.1, port: %d, tls: none } }\nsenders:", backup.Port), 1), "campaigns/welcome.yaml": one}))
	signUp(t, r.Store, 200, monday)
	r.settle()
	r.at(0, 9, 0)
	a, b := len(r.server.Messages()), len(backup.Messages())
	if a > 20 || a+b != 200 || r.server.Duplicates()+backup.Duplicates() != 0 {
		t.Errorf("%d messages through main, %d through backup", a, b)
	}
	if got := r.states(); got["sent"] != 200 {
		t.Errorf("%v", got)
	}
}
