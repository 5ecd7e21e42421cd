package engine

import (
	"strings"
	"sync/atomic"
	"testing"

	"rapport/internal/contacts"
	"rapport/internal/delivery/smtp/smtptest"
	"rapport/internal/plan"
	"rapport/internal/store"
)

// What a mail server can answer, at each verb, and what is recorded. The second
// column is the state right after the first attempt, the third a day later, when
// the server has become friendly.
func TestEveryAnswerOfAMailServer(t *testing.T) {
	for _, c := range []struct {
		verb, reply string
		first, then string
	}{
		{"connect", "554 5.3.2 no service", "queued: deferred at connect: 554 5.3.2 no service", "sent"},
		{"ehlo", "550 go away", "queued: deferred at ehlo: 550 go away", "sent"},
		{"mail", "451 4.3.0 try later", "queued: deferred at mail: 451 4.3.0 try later", "sent"},
		{"mail", "550 5.7.1 sender refused", "queued: main takes nothing from this sender: 550 5.7.1 sender refused", "sent"},
		{"rcpt", "450 4.2.0 greylisted", "queued: deferred at rcpt: 450 4.2.0 greylisted", "sent"},
		{"rcpt", "452 4.2.2 mailbox full", "queued: deferred at rcpt: 452 4.2.2 mailbox full", "sent"},
		{"rcpt", "550 5.1.1 no such user", "failed: refused at rcpt: 550 5.1.1 no such user", ""},
		{"data", "421 4.7.0 too many messages", "queued: deferred at data: 421 4.7.0 too many messages", "sent"},
		{"data", "554 5.6.0 not like this", "failed: refused at data: 554 5.6.0 not like this", ""},
		{"dot", "452 4.3.1 no space", "queued: deferred at dot: 452 4.3.1 no space", "sent"},
		{"dot", "554 5.7.1 spam", "failed: refused at dot: 554 5.7.1 spam", ""},
	} {
		t.Run(c.verb+" "+c.reply[:3], func(t *testing.T) {
			t.Parallel()
			var friendly atomic.Bool
			r := start(t, 1, smtptest.Options{Script: func(s smtptest.Step) *smtptest.Action {
				if s.Verb == c.verb && !friendly.Load() {
					return &smtptest.Action{Reply: c.reply}
				}
				return nil
			}}, "", nil)
			r.at(0, 9, 0)
			r.wants(c.first)
			friendly.Store(true)
			r.at(0, 20, 0)
			if c.then == "" {
				c.then = c.first
			}
			r.wants(c.then)
			if r.server.Duplicates() != 0 {
				t.Error("somebody got two")
			}
		})
	}
}

func TestADeadAddressIsSuppressed(t *testing.T) {
	r := start(t, 1, smtptest.Options{Script: smtptest.At("rcpt", smtptest.Action{Reply: "550 5.1.1 no such user"})}, "", nil)
	r.at(0, 9, 0)
	c := r.contact("p00000@example.com")
	if c.Suppression == nil || c.Suppression.Reason != contacts.ReasonHardBounce {
		t.Errorf("suppression: %+v, want hard-bounce", c.Suppression)
	}
	if c := r.contact("p00000@example.com"); c.Stage != "prospect" {
		t.Errorf("stage %s", c.Stage)
	}
}

func TestAServerThatDropsAfterTheDotLeavesUnknownAndIsNotAskedAgain(t *testing.T) {
	r := start(t, 3, smtptest.Options{Script: smtptest.Once("dot", smtptest.Action{Drop: true, Keep: true})}, "", nil)
	r.at(0, 9, 0)
	list, err := r.Store.Messages(t.Context(), store.MessageFilter{})
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]int{}
	for _, m := range list {
		states[string(m.State)]++
	}
	if states["unknown"] != 1 || states["sent"] != 2 {
		t.Fatalf("states %v, want one unknown and two sent", states)
	}
	for day := range 5 {
		r.at(day+1, 9, 0)
	}
	if n := len(r.server.Messages()); n != 3 || r.server.Duplicates() != 0 {
		t.Errorf("%d messages at the server, %d twice; want 3 and none", n, r.server.Duplicates())
	}
}

func TestAnOutageDelaysAndLosesNothing(t *testing.T) {
	var down atomic.Bool
	down.Store(true)
	r := start(t, 250, smtptest.Options{Script: func(s smtptest.Step) *smtptest.Action {
		if down.Load() && s.Verb == "connect" {
			return &smtptest.Action{Drop: true}
		}
		return nil
	}}, "", nil)
	r.at(0, 9, 0)
	tried := 0
	for _, m := range r.messages() {
		if strings.HasPrefix(m, "queued: deferred at connect: ") {
			tried++
		} else if m != "queued" {
			t.Fatalf("%s", m)
		}
	}
	if tried == 0 || tried > 200 {
		t.Errorf("%d messages were tried with a server that is down, want a claim's worth", tried)
	}
	for hour := 10; hour < 20; hour++ {
		r.at(0, hour, 0)
	}
	down.Store(false)
	r.at(0, 20, 0)
	if n := len(r.server.Messages()); n != 250 || r.server.Duplicates() != 0 {
		t.Errorf("%d messages at the server, %d twice; want 250 and none", n, r.server.Duplicates())
	}
}

func TestGivenUpAfterThreeDays(t *testing.T) {
	r := start(t, 1, smtptest.Options{Script: smtptest.At("rcpt", smtptest.Action{Reply: "450 4.2.0 later"})}, "",
		map[string]string{"campaigns/welcome.yaml": one + "deliver: { expire: 30d }\n"})
	for day := range 5 {
		for hour := range 24 {
			r.at(day, 9+hour, 0)
		}
	}
	r.wants("failed: given up after 72h: 450 4.2.0 later")
}

func TestRule07PermissionLostOnTheWay(t *testing.T) {
	r := start(t, 2, smtptest.Options{}, "limits: { quiet_hours: { from: \"08:00\", to: \"12:00\" } }\n", nil)
	r.at(0, 9, 0) // held by quiet hours
	c := r.contact("p00001@example.com")
	if _, err := r.Store.SetConsent(t.Context(), []store.ConsentChange{{Contact: c.ID, Topic: "guides", State: contacts.ConsentWithdrawn, At: r.clock.Now()}}, r.clock.Now()); err != nil {
		t.Fatal(err)
	}
	r.at(0, 12, 0)
	r.wants("sent", "skipped: consent to guides is withdrawn")
	p, err := r.Store.Progress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range p {
		t.Logf("%+v", x)
	}
}

func TestAFaultOfOneMessagePassesItsStep(t *testing.T) {
	r := start(t, 2, smtptest.Options{}, "", map[string]string{
		"templates/one.md": "---\nsubject: Hello\n---\nYour bike is a {{ contact.bike }}. [x](https://northwind.example)\n"})
	if _, err := r.Store.UpsertContacts(t.Context(), []store.ContactInput{{Set: map[string]any{"bike": "gravel"},
		Contact: contacts.Contact{Email: "p00000@example.com"}}}, r.clock.Now()); err != nil {
		t.Fatal(err)
	}
	r.at(0, 9, 0)
	r.wants("failed: templates/one.md:4:19: contact.bike has no value (give it a default: {{ contact.bike | default: \"…\" }})", "sent")
}

func TestPauseHoldsResumeGoesOnStopEnds(t *testing.T) {
	r := start(t, 2, smtptest.Options{}, "limits: { quiet_hours: { from: \"08:00\", to: \"12:00\" } }\n", nil)
	ctx := t.Context()
	r.at(0, 9, 0)
	set := func(to store.CampaignStatus) {
		if ok, err := r.Store.SetCampaignStatus(ctx, "welcome", to, []store.CampaignStatus{store.Running, store.Paused}, r.clock.Now()); err != nil || !ok {
			t.Fatal(ok, err)
		}
		if err := r.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		if err := r.Store.WakeStopped(ctx, "welcome", r.clock.Now()); err != nil {
			t.Fatal(err)
		}
	}
	set(store.Paused)
	r.at(0, 13, 0)
	if n := len(r.server.Messages()); n != 0 {
		t.Fatalf("%d messages while paused", n)
	}
	set(store.Running)
	r.settle()
	if n := len(r.server.Messages()); n != 2 {
		t.Fatalf("%d messages after resume, want 2", n)
	}
	signUp(t, r.Store, 4, r.clock.Now())
	r.at(1, 9, 0)
	set(store.Stopped)
	r.settle() // at once, and not at noon, when they would have gone
	r.wants("sent", "sent", "skipped: the campaign was stopped", "skipped: the campaign was stopped")
}

func TestRule10ExpiredIsSkippedAndTheEnrolmentGoesOn(t *testing.T) {
	r := start(t, 1, smtptest.Options{}, "limits: { per_contact: [ { max: 1, per: 30d } ] }\n", map[string]string{
		"campaigns/welcome.yaml": "campaign: welcome\ntopic: guides\nstart: { schedule: \"0 9 * * *\" }\nsteps: [ { send: one }, { send: two }, { set: { attributes.done: true } } ]\n"})
	r.at(0, 9, 0)
	r.at(2, 9, 0)
	for _, m := range r.messages() {
		if m != "sent" && !strings.HasPrefix(m, "queued: limit of 1 per 30d reached; from ") {
			t.Errorf("%s", m)
		}
	}
	r.at(4, 9, 0)
	r.wants("sent", "skipped: expired")
	if v, _ := r.contactField("p00000@example.com", "done"); v != true {
		t.Errorf("done is %v: the enrolment did not go on", v)
	}
}

func (r *run) contactField(email, name string) (any, bool) {
	c := r.contact(email)
	return c.Field(name)
}

func TestRule10TheMoreUrgentGoesFirst(t *testing.T) {
	second := "campaign: urgent\ntopic: guides\nstart: { schedule: \"0 9 * * *\" }\npriority: 90\nsteps: [ { send: two } ]\n"
	r := start(t, 1, smtptest.Options{}, "limits: { per_contact: [ { max: 1, per: 1d } ] }\n", map[string]string{"campaigns/urgent.yaml": second})
	r.at(0, 9, 0)
	list := r.server.Messages()
	if len(list) != 1 || !strings.Contains(string(list[0].Data), "Subject: two for P0") {
		t.Fatalf("%d messages on the first day; want the urgent one alone", len(list))
	}
	r.at(1, 9, 30)
	if n := len(r.server.Messages()); n != 2 {
		t.Errorf("%d messages on the second day, want both", n)
	}
}

// receiptByEvent is a transactional campaign that an event starts, and what it sends.
var receiptByEvent = map[string]string{
	"campaigns/receipt.yaml": "campaign: receipt\nkind: transactional\nsender: mia\nstart: { event: service.booked }\nreentry: always\nsteps: [ { send: receipt } ]\n",
	"templates/receipt.md":   "---\nsubject: We have your booking\nkind: transactional\n---\nThank you.\n",
}

func TestRule11TransactionalMailIgnoresLimitsAndTakesNoRoomInThem(t *testing.T) {
	r := start(t, 1, smtptest.Options{}, "limits: { per_contact: [ { max: 1, per: 1d } ] }\n", receiptByEvent)
	book := func(key string) { r.event("service.booked", "p00000@example.com", key, nil) }
	book("before")
	r.settle()
	r.wants("sent")
	for _, l := range r.plans(r.Store, r.Catalog.Current().Workspace, plan.Ways{}).Limits {
		t.Errorf("the plan says that the receipt takes room: %+v", l)
	}
	book("in the same claim") // it and the letter are due at the same moment
	r.at(0, 9, 0)
	r.wants("sent", "sent", "sent")
	book("after")
	r.at(0, 10, 0)
	r.wants("sent", "sent", "sent", "sent") // the limit is reached, and holds no receipt
}

func TestRule12ACopyOfTheDatabaseMailsNobody(t *testing.T) {
	r := start(t, 1, smtptest.Options{}, "", nil)
	if err := r.Store.SetSetting(t.Context(), "live", "another database"); err != nil {
		t.Fatal(err)
	}
	if err := r.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.at(0, 9, 0)
	if n, caught := len(r.server.Messages()), r.Box.Counts().Messages; n != 0 || caught != 1 {
		t.Errorf("%d messages left, %d were caught; want none and one", n, caught)
	}
}

func TestOnlyLetsSomeThrough(t *testing.T) {
	r := start(t, 0, smtptest.Options{}, "", nil)
	yaml := strings.Replace(live(r.server.Port, ""), "delivery: live", `delivery: { only: ["*@northwind.example"] }`, 1)
	apply(t, r.Engine, shopWith(t, map[string]string{"rapport.yaml": yaml, "campaigns/welcome.yaml": one}))
	in := []store.ContactInput{}
	for _, email := range []string{"mia@northwind.example", "ana@example.com"} {
		in = append(in, store.ContactInput{Source: "t", Contact: contacts.Contact{Email: email},
			Consents: []contacts.Consent{{Topic: "guides", State: contacts.ConsentGiven, Source: "t", At: monday}}})
	}
	if _, err := r.Store.UpsertContacts(t.Context(), in, monday); err != nil {
		t.Fatal(err)
	}
	r.settle()
	r.at(0, 9, 0)
	list := r.server.Messages()
	if len(list) != 1 || list[0].To != "mia@northwind.example" || r.Box.Counts().Messages != 1 {
		t.Errorf("left: %d, caught: %d", len(list), r.Box.Counts().Messages)
	}
}
