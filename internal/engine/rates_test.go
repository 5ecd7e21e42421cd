package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/delivery/smtp/smtptest"
	"rapport/internal/store"
)

// signUpAt gives people of one domain consent to the guides.
func signUpAt(t *testing.T, s *store.Store, domain string, n int, at time.Time) {
	t.Helper()
	var list []store.Incoming
	for i := range n {
		list = append(list, store.Incoming{Email: fmt.Sprintf("p%05d@%s", i, domain), CreateContact: true, Source: "test",
			Event:    contacts.Event{Name: "joined", At: at, Key: fmt.Sprint("joined ", domain, i)},
			Consents: []store.ConsentChange{{Topic: "guides", State: contacts.ConsentGiven, Source: "test", At: at}}})
	}
	if _, err := s.Ingest(t.Context(), list, at); err != nil {
		t.Fatal(err)
	}
}

// arrived counts what the server has, by recipient domain.
func (r *run) arrived() map[string]int {
	got := map[string]int{}
	for _, m := range r.server.Messages() {
		got[m.To[strings.IndexByte(m.To, '@')+1:]]++
	}
	return got
}

func TestARateOfADomainHoldsUpNobodyElse(t *testing.T) {
	r := start(t, 0, smtptest.Options{}, "limits: { per_domain: { gmail.com: 20/s } }\n", nil)
	signUpAt(t, r.Store, "gmail.com", 100, monday)
	signUpAt(t, r.Store, "googlemail.com", 20, monday)
	signUpAt(t, r.Store, "gmx.de", 80, monday)
	r.settle()
	r.at(0, 9, 0)
	if got := r.arrived(); got["gmx.de"] != 80 || got["gmail.com"]+got["googlemail.com"] != 20 {
		t.Fatalf("at once %v, want all of gmx.de and 20 of Google's", got)
	}
	states := map[string]int{}
	for _, m := range r.messages() {
		states[m]++
	}
	if want := map[string]int{"sent": 100, "queued: gmail.com: 20/s": 100}; !maps.Equal(states, want) {
		t.Errorf("%v, want %v", states, want)
	}
	open, err := r.Store.OpenLanes(t.Context())
	if err != nil || !slices.Equal(open, []string{"50.mia.welcome.again"}) {
		t.Errorf("lanes %q, %v", open, err)
	}
	for second := 1; second <= 6; second++ {
		r.clock.Advance(time.Second)
		r.settle()
		got := r.arrived()
		google := got["gmail.com"] + got["googlemail.com"]
		if google > 20*(second+1) {
			t.Errorf("%d of Google's after %d s: more than 20 a second", google, second)
		}
		if second == 6 && google != 120 {
			t.Errorf("%d of Google's after 6 s, want all 120: each waits for its place only", google)
		}
	}
}

func TestARateOfASender(t *testing.T) {
	r := start(t, 0, smtptest.Options{}, "", nil)
	yaml := strings.Replace(live(r.server.Port, ""), "mia: { from", "mia: { rate: 60/m, from", 1)
	apply(t, r.Engine, shopWith(t, map[string]string{"rapport.yaml": yaml, "campaigns/welcome.yaml": one}))
	signUp(t, r.Store, 5, monday)
	r.settle()
	r.at(0, 9, 0)
	for second := 1; second <= 5; second++ {
		if n := len(r.server.Messages()); n != second {
			t.Errorf("%d messages after %d s, want one a second", n, second-1)
		}
		r.clock.Advance(time.Second)
		r.settle()
	}
}

// A sender that the server refuses is no fault of five hundred messages.
func TestARefusedSenderHoldsAndFailsNobody(t *testing.T) {
	refuse := true
	r := start(t, 500, smtptest.Options{Script: func(s smtptest.Step) *smtptest.Action {
		if s.Verb == "mail" && refuse {
			return &smtptest.Action{Reply: "550 5.7.1 sender not verified"}
		}
		return nil
	}}, "", nil)
	r.at(0, 9, 0)
	held := 0
	for _, m := range r.messages() {
		switch {
		case m == "queued: main takes nothing from this sender: 550 5.7.1 sender not verified":
			held++
		case m != "queued":
			t.Fatal(m)
		}
	}
	if held == 0 || held > 200 {
		t.Errorf("%d messages were tried, want a claim's worth", held)
	}
	refuse = false
	r.at(0, 10, 0)
	if n := len(r.server.Messages()); n != 500 || r.server.Duplicates() != 0 {
		t.Errorf("%d messages, %d twice", n, r.server.Duplicates())
	}
}
