package engine

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/contacts"
	"rapport/internal/delivery/smtp/smtptest"
	"rapport/internal/mailbox"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

var viewLink = regexp.MustCompile(`https://go\.northwind\.example(/v/[\w.~-]+)`)

// bought is a campaign that an order starts, whose template says what was bought
// and who sends it.
func bought(r *run, text, subject, address string) *workspace.Workspace {
	r.t.Helper()
	settings := live(r.server.Port, "")
	if address != "" {
		settings = strings.Replace(settings, "Hafenstrasse 12, 20457 Hamburg, Germany", address, 1)
	}
	return shopWith(r.t, map[string]string{
		"rapport.yaml":           settings,
		"campaigns/welcome.yaml": "campaign: welcome\ntopic: guides\nstart: { event: { name: order.placed } }\nreentry: always\nsteps: [ { send: { template: one, subject: \"" + subject + "\" } } ]\n",
		"templates/one.md":       "---\nsubject: of the template\nlanguages: { de: one.de.md }\n---\n" + text + " {{ event.total }} {{ 'now' | date: '%Y-%m-%d' }} [see it]({{ view_url }})\n",
		"templates/one.de.md":    "---\nsubject: der Vorlage\n---\n" + text + " auf Deutsch {{ event.total }} {{ 'now' | date: '%Y-%m-%d' }} [ansehen]({{ view_url }})\n",
	})
}

// Who opens a mail in the browser sees what it said, whatever was applied since:
// text, layout, subject of the step, postal address, event and day.
func TestRule13AMailIsShownAsItWasSentAfterALaterApplyToo(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, database string) {
		r := &run{t: t, clock: clock.NewManual(monday), server: smtptest.Start(t, smtptest.Options{})}
		r.Engine = openEngine(t, Options{Clock: r.clock, Database: database})
		apply(t, r.Engine, bought(r, "First words", "Your order of {{ event.total }}", ""))
		given := []contacts.Consent{{Topic: "guides", State: contacts.ConsentGiven, Source: "shop", At: monday}}
		for email, language := range map[string]string{"ana@example.com": "de-AT", "bob@example.com": "fr"} {
			if _, err := r.Store.UpsertContacts(t.Context(), []store.ContactInput{{Source: "shop", Consents: given,
				Contact: contacts.Contact{Email: email, Language: language}}}, monday); err != nil {
				t.Fatal(err)
			}
			r.event("order.placed", email, email, map[string]any{"total": 89})
		}
		r.settle()
		links, sent := map[string]string{}, map[string]string{}
		for _, m := range r.server.Messages() {
			part, err := mailbox.Parse(bytes.TrimSpace(m.Data))
			if err != nil {
				t.Fatal(err)
			}
			link := viewLink.FindStringSubmatch(part.HTML)
			if link == nil {
				t.Fatalf("no link to the page:\n%s", part.HTML)
			}
			before, pixel, _ := strings.Cut(part.HTML, `<img src="https://go.northwind.example/o/`)
			_, after, _ := strings.Cut(pixel, "/>")
			links[m.To], sent[m.To] = link[1], strings.TrimSpace(strings.ReplaceAll(before+after, "\r\n", "\n"))
		}
		if len(links) != 2 {
			t.Fatalf("%d mails", len(links))
		}
		for to, want := range map[string][]string{
			"ana@example.com": {"First words auf Deutsch 89 2026-03-02", `<title>Your order of 89</title>`, `lang="de"`, "Hafenstrasse 12"},
			"bob@example.com": {"First words 89 2026-03-02", `<title>Your order of 89</title>`, `lang="en"`, "Hafenstrasse 12"},
		} {
			for _, text := range want {
				if !strings.Contains(sent[to], text) {
					t.Errorf("the mail to %s does not say %q:\n%s", to, text, sent[to])
				}
			}
		}
		agree := func(when string) {
			t.Helper()
			for to, link := range links {
				if w := r.get(link); w.Code != 200 || strings.TrimSpace(w.Body.String()) != sent[to] {
					t.Errorf("%s, to %s: status %d\n%s\nwant\n%s", when, to, w.Code, w.Body, sent[to])
				}
			}
		}
		agree("before another apply")
		r.clock.Advance(48 * time.Hour)
		apply(t, r.Engine, bought(r, "Second words", "Another subject", "Marktplatz 1, 20095 Hamburg"))
		agree("after another apply")
		r.event("order.placed", "bob@example.com", "again", map[string]any{"total": 1})
		r.settle()
		mails := r.server.Messages()
		if m, err := mailbox.Parse(bytes.TrimSpace(mails[len(mails)-1].Data)); err != nil || len(mails) != 3 || !strings.Contains(m.HTML, "Second words 1") || !strings.Contains(m.HTML, "Marktplatz") {
			t.Errorf("%d mails (%v), the last one %s", len(mails), err, m.HTML)
		}
	})
}
