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
