package doctor

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/delivery/smtp"
	"rapport/internal/delivery/smtp/smtptest"
	"rapport/internal/testenv"
	"rapport/internal/workspace"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// zone is a DNS of a few names; away: it does not answer.
type zone struct {
	txt, hosts, names map[string][]string
	away              bool
}

func (z *zone) of(list map[string][]string, name string) ([]string, error) {
	switch {
	case z.away:
		return nil, &net.DNSError{Err: "server misbehaving", Name: name, IsTemporary: true}
	case len(list[name]) == 0:
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return list[name], nil
}

func (z *zone) LookupTXT(_ context.Context, name string) ([]string, error) { return z.of(z.txt, name) }
func (z *zone) LookupHost(_ context.Context, name string) ([]string, error) {
	return z.of(z.hosts, name)
}
func (z *zone) LookupAddr(_ context.Context, a string) ([]string, error) { return z.of(z.names, a) }

// well is a workspace that mails for real and of which everything is in order.
func well(t *testing.T) (*Examination, *zone, string) {
	t.Helper()
	file, public := testenv.DKIMKey(t)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/u/test" {
			fmt.Fprint(w, "<h1>This was only a test</h1>")
		}
	}))
	t.Cleanup(server.Close)
	published := base64.StdEncoding.EncodeToString(public)
	z := &zone{
		txt: map[string][]string{
			"b.acme.example":                  {"some other text", "v=spf1 include:relay.example ~all"},
			"s1._domainkey.acme.example":      {"v=DKIM1; k=ed25519; p=" + published},
			"_dmarc.acme.example":             {"v=DMARC1; p=quarantine; rua=mailto:d@acme.example"},
			"_dmarc.deep.example":             {"v=DMARC1; p=none"},
			"s1._domainkey.elsewhere.example": {"v=DKIM1; k=ed25519; p=" + published},
		},
		hosts: map[string][]string{always: {"198.41.0.4"}, "relay.example": {"192.0.2.7"}, "mx7.relay.example": {"192.0.2.7"}},
		names: map[string][]string{"192.0.2.7": {"mx7.relay.example."}},
	}
	w := &workspace.Workspace{PublicURL: server.URL, Delivery: workspace.Delivery{Live: true},
		Providers: map[string]workspace.Provider{"main": {Name: "main", SMTP: workspace.SMTP{Host: "relay.example", Port: 587, TLS: "starttls"}}},
		Senders: map[string]workspace.Sender{"mia": {Name: "mia", From: mail.Address{Address: "mia@acme.example"}, Bounces: "b.acme.example",
			DKIM: &workspace.DKIM{Domain: "acme.example", Selector: "s1", Key: file}}},
	}
	return &Examination{Workspace: w, DNS: z, HTTP: server.Client(), Now: func() time.Time { return noon },
		Database: func(context.Context) (Database, error) { return Database{Clock: noon.Add(300 * time.Millisecond)}, nil },
		Queue:    func(context.Context) error { return nil },
		Login:    func(context.Context, workspace.Provider) smtp.Result { return smtp.Result{Outcome: smtp.Sent} },
	}, z, published
}

// told is findings as people read them, without what is well.
func told(all []Finding) (out []string) {
	for _, f := range all {
		if f.Level != OK {
			out = append(out, fmt.Sprintf("%s %s %s: %s (%s)", f.Level, f.Check, f.Of, f.Found, f.Do))
		}
	}
	return out
}

func TestExamine(t *testing.T) {
	type setting func(e *Examination, z *zone)
	txt := func(name string, records ...string) setting {
		return func(_ *Examination, z *zone) { z.txt[name] = records }
	}
	sender := func(change func(*workspace.Sender)) setting {
		return func(e *Examination, _ *zone) {
			s := e.Workspace.Senders["mia"]
			d := *s.DKIM
			s.DKIM = &d
			change(&s)
			e.Workspace.Senders["mia"] = s
		}
	}
	for _, c := range []struct {
		title string
		set   setting
		want  []string // RECORD stands for what is to be published
	}{
		{"all is well", func(*Examination, *zone) {}, nil},
		{"no database", func(e *Examination, _ *zone) {
			e.Database = func(context.Context) (Database, error) {
				return Database{}, errors.New("cannot reach the database acme: refused")
			}
		}, []string{"fault database : cannot reach the database acme: refused (look whether it runs, and what database says in rapport.yaml)"}},
		{"tables of before", func(e *Examination, _ *zone) {
			e.Database = func(context.Context) (Database, error) { return Database{Clock: noon, Behind: 3}, nil }
		}, []string{"warning database : its tables are of an earlier Rapport, 3 migrations behind (the next command that uses it brings them up to date: make a backup before)"}},
		{"wrong tallies", func(e *Examination, _ *zone) {
			e.Tallies = func(context.Context) (Tallies, error) { return Tallies{Looked: 1000, Wrong: 3, One: "k7"}, nil }
		}, []string{"fault tallies : of 3 of 1000 contacts in a sample something else is counted than their events say, of k7 for one: segments that ask what they did are wrong about them " +
			"(rapport segments recount compares everybody and counts again, while everything runs)"}},
		{"tallies that take too long", func(e *Examination, _ *zone) {
			e.Tallies = func(context.Context) (Tallies, error) { return Tallies{}, errors.New("timeout") }
		}, []string{"unasked tallies : timeout (rapport segments recount --check compares all of them, however long it takes)"}},
		{"right tallies", func(e *Examination, _ *zone) {
			e.Tallies = func(context.Context) (Tallies, error) { return Tallies{Looked: 1000}, nil }
		}, nil},
		{"no queue", func(e *Examination, _ *zone) { e.Queue = func(context.Context) error { return errors.New("refused") } },
			[]string{"fault queue : refused (look whether Redis runs, and what redis says in rapport.yaml; nothing is lost meanwhile)"}},
		{"a clock that is slow", func(e *Examination, _ *zone) {
			e.Database = func(context.Context) (Database, error) { return Database{Clock: noon.Add(5 * time.Second)}, nil }
		}, []string{"warning clock : it is 5s apart from that of the database (let both keep time by NTP)"}},
		{"a clock that is wrong", func(e *Examination, _ *zone) {
			e.Database = func(context.Context) (Database, error) { return Database{Clock: noon.Add(-time.Hour)}, nil }
		}, []string{"fault clock : it is 1h0m0s apart from that of the database (let both keep time by NTP)"}},
		{"no SPF", txt("b.acme.example", "hello"), []string{"fault spf b.acme.example: there is no record (publish a TXT record at b.acme.example: v=spf1 include:… ~all, with the name that your provider gives)"}},
		{"no SPF while all mail is caught", func(e *Examination, z *zone) {
			e.Workspace.Delivery.Live = false
			delete(z.txt, "b.acme.example")
		}, []string{"warning spf b.acme.example: there is no record (publish a TXT record at b.acme.example: v=spf1 include:… ~all, with the name that your provider gives)"}},
		{"two SPF", txt("b.acme.example", "v=spf1 -all", "V=SPF1 ~all"), []string{"fault spf b.acme.example: there are 2 records, and receivers take none then (join them into one)"}},
		{"SPF for everybody", txt("b.acme.example", "v=spf1 +all"), []string{"warning spf b.acme.example: it lets everybody send: v=spf1 +all (end it with ~all or -all)"}},
		{"SPF without an end", txt("b.acme.example", "v=spf1 mx"), []string{"warning spf b.acme.example: it does not say what to do with others: v=spf1 mx (end it with ~all or -all)"}},
		{"SPF that redirects", txt("b.acme.example", "v=spf1 redirect=_spf.relay.example"), nil},
		{"SPF that asks too much", txt("b.acme.example", "v=spf1"+strings.Repeat(" include:x.example", 11)+" -all"), []string{
			"fault spf b.acme.example: it asks for 11 others, and receivers stop at 10: v=spf1" + strings.Repeat(" include:x.example", 11) + " -all (take out what no longer sends for you)"}},
		{"no DKIM", txt("s1._domainkey.acme.example"), []string{"fault dkim s1._domainkey.acme.example: there is no record (publish this TXT record at s1._domainkey.acme.example: RECORD)"}},
		{"another DKIM key", txt("s1._domainkey.acme.example", "v=DKIM1; p=abc"), []string{"fault dkim s1._domainkey.acme.example: another key is published than the one that signs (publish this TXT record at s1._domainkey.acme.example: RECORD)"}},
		{"a revoked DKIM key", txt("s1._domainkey.acme.example", "v=DKIM1; p="), []string{"fault dkim s1._domainkey.acme.example: the key was revoked: v=DKIM1; p= (publish this TXT record at s1._domainkey.acme.example: RECORD)"}},
		{"a key that is not there", sender(func(s *workspace.Sender) { s.DKIM.Key = "/nowhere/key.pem" }), []string{
			"fault dkim s1._domainkey.acme.example: the key cannot be read: open /nowhere/key.pem: no such file or directory (look at dkim.key in rapport.yaml: nothing of this sender goes out without it)"}},
		{"a signature of somebody else", sender(func(s *workspace.Sender) { s.DKIM.Domain = "elsewhere.example" }), []string{
			"warning dkim s1._domainkey.elsewhere.example: it signs for elsewhere.example, which is not the domain of the sender, acme.example (sign for acme.example, or DMARC does not count the signature)"}},
		{"the provider signs", sender(func(s *workspace.Sender) { s.DKIM = nil }), nil},
		{"no DMARC", txt("_dmarc.acme.example"), []string{"fault dmarc acme.example: there is no record, and large receivers want one (publish a TXT record at _dmarc.acme.example: v=DMARC1; p=none; rua=mailto:…)"}},
		{"DMARC without a policy", txt("_dmarc.acme.example", "v=DMARC1; rua=mailto:a@b.example"), []string{"fault dmarc acme.example: it names no policy: v=DMARC1; rua=mailto:a@b.example (write p=none, p=quarantine or p=reject into it)"}},
		{"DMARC of the domain above", sender(func(s *workspace.Sender) { s.From.Address, s.DKIM = "mia@news.deep.example", nil }), []string{
			"warning dmarc news.deep.example: nobody gets the reports: v=DMARC1; p=none (add rua=mailto:… to it, to see who sends in your name)"}},
		{"no reverse DNS", func(_ *Examination, z *zone) { delete(z.names, "192.0.2.7") }, []string{
			"warning reverse-dns relay.example: 192.0.2.7 has no name that leads back to it (its provider sets the PTR record; a relay that sends from other addresses is looked at there)"}},
		{"reverse DNS that leads elsewhere", func(_ *Examination, z *zone) { z.hosts["mx7.relay.example"] = []string{"192.0.2.8"} }, []string{
			"warning reverse-dns relay.example: 192.0.2.7 has no name that leads back to it (its provider sets the PTR record; a relay that sends from other addresses is looked at there)"}},
		{"a DNS that does not answer", func(_ *Examination, z *zone) { z.away = true }, []string{
			"unasked reverse-dns relay.example: the DNS could not be asked: lookup relay.example: server misbehaving (ask again when this machine is online)",
			"unasked spf b.acme.example: the DNS could not be asked: lookup b.acme.example: server misbehaving (ask again when this machine is online)",
			"unasked dkim s1._domainkey.acme.example: the DNS could not be asked: lookup s1._domainkey.acme.example: server misbehaving (ask again when this machine is online)",
			"unasked dmarc acme.example: the DNS could not be asked: lookup _dmarc.acme.example: server misbehaving (ask again when this machine is online)"}},
		{"a DNS that says no to all the world", func(_ *Examination, z *zone) { z.hosts, z.txt = nil, nil }, []string{
			"unasked reverse-dns relay.example: the DNS could not be asked: the DNS of this machine does not know the Internet (ask again when this machine is online)",
			"unasked spf b.acme.example: the DNS could not be asked: the DNS of this machine does not know the Internet (ask again when this machine is online)",
			"unasked dkim s1._domainkey.acme.example: the DNS could not be asked: the DNS of this machine does not know the Internet (ask again when this machine is online)",
			"unasked dmarc acme.example: the DNS could not be asked: the DNS of this machine does not know the Internet (ask again when this machine is online)"}},
		{"no password", func(e *Examination, _ *zone) {
			e.Login = func(context.Context, workspace.Provider) smtp.Result {
				return smtp.Result{Outcome: smtp.Temporary, Verb: smtp.VerbAuth, Code: 535, Enhanced: "5.7.8", Text: "no"}
			}
		}, []string{"fault provider main: it stops at auth: 535 5.7.8 no (relay.example, port 587, tls starttls) (look at username and password in rapport.yaml, and in the environment)"}},
		{"no provider", func(e *Examination, _ *zone) { e.Workspace.Providers = nil }, []string{
			"fault provider : there is none, and mail is to leave the house (write one into rapport.yaml, under providers)"}},
	} {
		t.Run(c.title, func(t *testing.T) {
			e, z, published := well(t)
			c.set(e, z)
			got, want := told(e.Examine(t.Context(), nil)), slices.Clone(c.want)
			for i := range want {
				want[i] = strings.ReplaceAll(want[i], "RECORD", "v=DKIM1; k=ed25519; p="+published)
			}
			if !slices.Equal(got, want) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
			}
		})
	}
}

func TestExamineCallsThePublicAddress(t *testing.T) {
	e, _, _ := well(t)
	root := e.Workspace.PublicURL
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "This was only a test") }))
	t.Cleanup(plain.Close)
	for _, c := range []struct {
		address string
		now     time.Time
		want    string
	}{
		{other.URL, noon, "something else answers there, with 404"},
		{plain.URL, noon, "it answers, without https"},
		{"", noon, "public_url says no address"},
		{root, noon, "it answers"},
		{root, time.Date(2084, 1, 20, 0, 0, 0, 0, time.UTC), "its certificate ends in 9 days"},
	} {
		e.Workspace.PublicURL, e.Now = c.address, func() time.Time { return c.now }
		if got := e.links(t.Context())[0]; got.Found != c.want || (got.Do == "") != (got.Level == OK) {
			t.Errorf("%s: %+v, want %s", c.address, got, c.want)
		}
	}
}

// A DNS that is too slow is waited for once.
func TestExamineWaitsForASlowDNSOnce(t *testing.T) {
	e, z, _ := well(t)
	slow := &counting{DNS: z}
	e.DNS = slow
	for _, line := range told(e.Examine(t.Context(), nil)) {
		if !strings.HasPrefix(line, "unasked ") {
			t.Error(line)
		}
	}
	if slow.n != 1 {
		t.Errorf("it was asked %d times", slow.n)
	}
}

type counting struct {
	DNS
	n int
}

func (c *counting) LookupTXT(context.Context, string) ([]string, error)  { return c.late() }
func (c *counting) LookupHost(context.Context, string) ([]string, error) { return c.late() }
func (c *counting) late() ([]string, error) {
	c.n++
	return nil, &net.DNSError{Err: "i/o timeout", Name: "x", IsTimeout: true}
}

// A sign-in is one at a real server.
func TestTrySignsIn(t *testing.T) {
	server := smtptest.Start(t, smtptest.Options{Mechanisms: []string{"PLAIN"}, Username: "me", Password: "right"})
	for password, want := range map[string]smtp.Outcome{"right": smtp.Sent, "wrong": smtp.Temporary} {
		r := smtp.Try(t.Context(), smtp.Config{Host: server.Host, Port: server.Port, TLS: smtp.Plain, Username: "me", Password: password})
		if r.Outcome != want || want != smtp.Sent && r.Verb != smtp.VerbAuth {
			t.Errorf("with the %s password: %s", password, r)
		}
	}
	if n := len(server.Messages()); n != 0 {
		t.Errorf("%d messages were sent", n)
	}
}
