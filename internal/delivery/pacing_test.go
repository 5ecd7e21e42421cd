package delivery

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	"rapport/campaigns"
	"rapport/internal/delivery/smtp"
	"rapport/internal/queue"
	"rapport/internal/workspace"
)

// zone is a DNS of MX records; what is not in it does not exist.
type zone map[string]string

func (z zone) LookupMX(_ context.Context, domain string) ([]*net.MX, error) {
	if host, ok := z[domain]; ok {
		return []*net.MX{{Host: "backup.elsewhere.example.", Pref: 20}, {Host: host, Pref: 10}}, nil
	}
	return nil, errors.New("no such domain")
}

func TestDomainsOfOneOperatorAreOneGroup(t *testing.T) {
	d := &Domains{Resolver: zone{"firm.example": "ASPMX.L.GOOGLE.COM.", "office.example": "office-example.mail.protection.outlook.com.",
		"own.example": "mx1.mail.own.example.", "customer.example": "mx2.hoster.co.uk.", "none.example": ".", "new.example": "new-example.a-v1.mx.microsoft."}}
	want := map[string]string{"googlemail.com": "gmail.com", "hotmail.co.uk": "outlook.com", "web.de": "gmx.net", "firm.example": "gmail.com",
		"office.example": "outlook.com", "own.example": "own.example", "customer.example": "hoster.co.uk", "none.example": "none.example",
		"gone.example": "gone.example", "new.example": "outlook.com"}
	for domain := range want { // never in the way: the first answer is what the name says
		if got := d.Group(domain, noon); got != domain && got != want[domain] {
			t.Errorf("%s: %s before the answer", domain, got)
		}
		d.Close()
	}
	for domain, group := range want {
		if got := d.Group(domain, noon); got != group {
			t.Errorf("%s: %s, want %s", domain, got, group)
		}
	}
	if got := new(Domains).Group("firm.example", noon); got != "firm.example" {
		t.Errorf("%s without a resolver", got)
	}
}

func TestDomainRate(t *testing.T) {
	per := map[string]float64{"gmail.com": 20, "firm.example": 1, "*": 50}
	for _, c := range []struct {
		domain, group, name string
		rate                float64
		text                string
	}{
		{"gmail.com", "gmail.com", "gmail.com", 20, "20/s"},
		{"other.example", "gmail.com", "gmail.com", 20, "20/s"},
		{"firm.example", "gmail.com", "firm.example", 1, "1/s"}, // named itself
		{"a.example", "hoster.example", "hoster.example", 50, "50/s"},
	} {
		name, rate := domainRate(per, c.domain, c.group)
		if name != c.name || rate != c.rate || workspace.RateText(rate) != c.text {
			t.Errorf("%s: %s %s", c.domain, name, workspace.RateText(rate))
		}
	}
	for per, want := range map[float64]string{0.5: "30/m", 1.0 / 3600: "1/h", 1.0 / 86400: "1/d", 100.0 / 60: "100/m"} {
		if got := workspace.RateText(per); got != want {
			t.Errorf("%v is %s, want %s", per, got, want)
		}
	}
}

func TestWhoAsksForLessGetsLessForAWhile(t *testing.T) {
	var s slow
	key := slowKey{"main", "gmail.com"}
	now := noon
	s.sent(key, 600, now.Add(30*time.Second))
	now = noon.Add(time.Minute)
	if per, news := s.ask(key, now); per != 5 || !news {
		t.Fatalf("%v, %t: want half of the ten a second that went", per, news)
	}
	if per, news := s.ask(key, now.Add(time.Second)); per != 5 || news {
		t.Errorf("%v, %t: asked by one batch, it counts once", per, news)
	}
	now = now.Add(askedOnce)
	if per, _ := s.ask(key, now); per != 2.5 {
		t.Errorf("%v, want half again", per)
	}
	if r, slowed := s.rate(key, now.Add(growEvery)); !slowed || r.Per != 3.75 {
		t.Errorf("%v, %t after two quiet minutes", r, slowed)
	}
	if _, slowed := s.rate(slowKey{"main", "gmx.net"}, now); slowed {
		t.Error("somebody else is slowed")
	}
	if _, slowed := s.rate(key, now.Add(10*growEvery)); slowed || !s.none() {
		t.Error("it is never over")
	}
}

func TestACircuitPausesTriesAndCloses(t *testing.T) {
	c := circuits{log: slog.New(slog.DiscardHandler)}
	now := noon
	if s := c.state("main", now); !s.Since.IsZero() {
		t.Fatal("it fails before anything happened")
	}
	wait := firstWait
	for range 10 {
		c.fail("main", "refused", now)
		c.fail("main", "refused", now.Add(time.Second)) // what had left before
		s := c.state("main", now)
		if got := s.Until.Sub(now); got != wait || s.Reason != "refused" {
			t.Fatalf("left alone for %s, want %s", got, wait)
		}
		now = now.Add(wait)
		if s := c.state("main", now); s.Since.IsZero() || s.Until.After(now) {
			t.Fatal("its time has come, and there is no trial")
		}
		if s := c.state("main", now.Add(trialFor)); !s.Until.After(now.Add(trialFor)) {
			t.Fatal("the trial has no result yet, and all mail goes")
		}
		wait = min(2*wait, longestWait)
	}
	if len(c.failing()) != 1 {
		t.Error("nobody can see it")
	}
	c.ok("main", now)
	if s := c.state("main", now); !s.Since.IsZero() || len(c.failing()) != 0 {
		t.Error("it works, and stays failing")
	}
}

func TestWhatABatchTellsOfItsProvider(t *testing.T) {
	sent := smtp.Result{Outcome: smtp.Sent, Verb: smtp.VerbDot, Code: 250}
	away := smtp.Result{Outcome: smtp.Temporary, Verb: smtp.VerbConnect, Provider: true, Text: "refused"}
	busy := smtp.Result{Outcome: smtp.Throttled, Verb: smtp.VerbData, Code: 421}
	sender := smtp.Result{Outcome: smtp.Permanent, Verb: smtp.VerbMail, Code: 550, Enhanced: "5.7.1", Text: "no"}
	unknown := smtp.Result{Outcome: smtp.Permanent, Verb: smtp.VerbRcpt, Code: 550, Enhanced: "5.1.1", BadAddress: true}
	taken := smtp.Result{Outcome: smtp.Temporary, Verb: smtp.VerbIntent}
	for name, c := range map[string]struct {
		results               []smtp.Result
		works, fails, refuses bool
	}{
		"nothing was said":          {[]smtp.Result{taken}, false, false, false},
		"all well":                  {[]smtp.Result{sent, taken}, true, false, false},
		"some connections refused":  {[]smtp.Result{sent, away}, true, false, false},
		"nobody let in":             {[]smtp.Result{away}, false, true, false},
		"one 421":                   {[]smtp.Result{busy}, false, false, false},
		"421 for all":               {[]smtp.Result{busy, busy, busy, busy, busy}, false, true, false},
		"the sender is refused":     {[]smtp.Result{sender, sender}, false, false, true},
		"an address does not exist": {[]smtp.Result{unknown}, true, false, false},
	} {
		if r := report(c.results); r.Works != c.works || r.Fails != "" != c.fails || r.Refuses != "" != c.refuses {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestAClosedLaneIsNotTakenAndNothingIsTouched(t *testing.T) {
	var r waiting
	r.keep()
	e := queue.Entry{Lane: "50.mia.large", Batch: 1}
	if !r.put([]queue.Entry{e}, allowance{closed: "provider:main", until: noon.Add(time.Second)}, noon) {
		t.Fatal("it does not wait in hand")
	}
	lanes, wait := r.open([]string{"50.mia.large", "50.tom.other"}, noon, time.Minute)
	if len(lanes) != 1 || lanes[0] != "50.tom.other" || wait != time.Second {
		t.Errorf("lanes %v, wait %s", lanes, wait)
	}
	if held := r.next(noon); len(held) != 0 {
		t.Errorf("%v before its time", held)
	}
	if held := r.next(noon.Add(time.Second)); len(held) != 1 || held[0] != e {
		t.Errorf("%v at its time", held)
	}
	if lanes, _ := r.open([]string{"50.mia.large"}, noon.Add(time.Second), time.Minute); len(lanes) != 1 {
		t.Error("the lane stays closed")
	}
	if r.put([]queue.Entry{e}, allowance{closed: "provider:main", until: noon.Add(time.Hour)}, noon) {
		t.Error("an hour is for the queue, which survives the process")
	}
}

func TestTenRefusalsInARowAreAboutUs(t *testing.T) {
	w := New(Config{Log: slog.New(slog.DiscardHandler)})
	spam := smtp.Result{Outcome: smtp.Permanent, Verb: smtp.VerbDot, Code: 554, Enhanced: "5.7.1", Text: "spam"}
	of := func(n int, r smtp.Result) map[int]string {
		list, results := make([]outgoing, n), make([]smtp.Result, n)
		for i := range results {
			list[i].campaign, results[i] = &campaigns.Definition{Name: "offer"}, r
		}
		return w.blame("main", list, results, noon)
	}
	if held := of(9, spam); len(held) != 0 {
		t.Errorf("%d are held: nine may be about their recipients", len(held))
	}
	if held := of(1, spam); held[0] != "main refuses this campaign: 554 5.7.1 spam" {
		t.Errorf("the tenth: %v", held)
	}
	if s := w.refused.state(refusedContent("main", "offer"), noon); !s.Until.After(noon) {
		t.Error("the campaign goes on")
	}
	if s := w.refused.state(refusedContent("main", "other"), noon); !s.Since.IsZero() {
		t.Error("another campaign is stopped")
	}
	of(1, smtp.Result{Outcome: smtp.Sent, Verb: smtp.VerbDot})
	if held := of(9, spam); len(held) != 0 {
		t.Error("a message that was taken does not end the row")
	}
}
