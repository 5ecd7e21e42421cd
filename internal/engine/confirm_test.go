package engine

import (
	"fmt"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/delivery/smtp/smtptest"
	"rapport/internal/store"
)

var confirmLink = regexp.MustCompile(`https://go\.northwind\.example(/confirm/[A-Za-z0-9_-]+)`)

// doubled is an engine whose topic wants a confirmation, with a key for its API.
func doubled(t *testing.T) *run {
	r := start(t, 0, smtptest.Options{}, "", nil)
	yaml := strings.Replace(live(r.server.Port, ""), "title: Ideas and guides,", "title: Ideas and guides, opt_in: double, confirm: please-confirm,", 1)
	apply(t, r.Engine, shopWith(t, map[string]string{"rapport.yaml": yaml, "campaigns/welcome.yaml": one,
		"templates/please-confirm.md": "---\nsubject: Please confirm\n---\n[Yes, write to me]({{ confirm_url }})\n"}))
	return r
}

// signsUp brings Ana in by the API, as a form does, or as a list does.
func (r *run) signsUp(own bool) {
	r.t.Helper()
	_, secret, err := r.Store.CreateKey(r.t.Context(), "shop", []string{"contacts:write"}, r.clock.Now())
	if err != nil {
		r.t.Fatal(err)
	}
	body := fmt.Sprintf(`{ "email": "ana@example.com", "consents": [ { "topic": "guides", "source": "sign-up form", "own_act": %v } ] }`, own)
	q := httptest.NewRequest("POST", "/api/v1/contacts", strings.NewReader(body))
	q.Header.Set("Authorization", "Bearer "+secret)
	q.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, q)
	if w.Code/100 != 2 {
		r.t.Fatalf("got %d %s", w.Code, w.Body)
	}
	r.settle()
}

// press follows the link of the latest mail that asks, and presses its button or
// only looks.
func (r *run) press(method string) string {
	r.t.Helper()
	mails := r.server.Messages()
	if len(mails) == 0 {
		r.t.Fatal("no mail asks for a confirmation")
	}
	plain := strings.ReplaceAll(strings.ReplaceAll(string(mails[len(mails)-1].Data), "=\r\n", ""), "=3D", "=")
	link := confirmLink.FindStringSubmatch(plain)
	if link == nil {
		r.t.Fatalf("no link to confirm with:\n%s", plain)
	}
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, httptest.NewRequest(method, link[1], nil))
	r.settle()
	return w.Body.String()
}

func (r *run) consent() string {
	r.t.Helper()
	id := r.contact("ana@example.com").ID
	all, err := r.Store.Consents(r.t.Context(), []contacts.ID{id})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, c := range all[id] {
		return c.State + " by " + c.Source
	}
	return ""
}

func TestRule11AConsentIsConfirmedByMailOnTheContactsOwnAct(t *testing.T) {
	r := doubled(t)
	r.signsUp(true)
	if got := r.consent(); got != "pending by sign-up form" {
		t.Errorf("consent %s before the confirmation", got)
	}
	r.at(0, 9, 0)
	if n := len(r.server.Messages()); n != 1 {
		t.Fatalf("%d mails, want the one that asks and no campaign's", n)
	}
	if page := r.press("GET"); !strings.Contains(page, "Shall we write to you about Ideas and guides?") || r.consent() != "pending by sign-up form" {
		t.Errorf("who only looks has confirmed: %s\n%s", r.consent(), page)
	}
	if page := r.press("POST"); !strings.Contains(page, "Thank you") || r.consent() != "given by double opt-in" {
		t.Errorf("consent %s\n%s", r.consent(), page)
	}
	r.signsUp(true)
	if got := r.consent(); got != "given by double opt-in" || len(r.server.Messages()) != 1 {
		t.Errorf("who has confirmed was asked again: %s, %d mails", got, len(r.server.Messages()))
	}
	r.at(1, 9, 0)
	if n := len(r.server.Messages()); n != 2 {
		t.Errorf("%d mails, want the campaign's now", n)
	}

	// A mail confirms once: after a withdrawal its link brings nothing back.
	r.clock.Set(r.clock.Now().Add(time.Minute))
	withdrawn := store.ConsentChange{Contact: r.contact("ana@example.com").ID, Topic: "guides", State: contacts.ConsentWithdrawn, Source: "test"}
	if _, err := r.Store.SetConsent(t.Context(), []store.ConsentChange{withdrawn}, r.clock.Now()); err != nil {
		t.Fatal(err)
	}
	first := r.server.Messages()[0]
	link := confirmLink.FindStringSubmatch(strings.ReplaceAll(strings.ReplaceAll(string(first.Data), "=\r\n", ""), "=3D", "="))
	w := httptest.NewRecorder()
	r.clock.Set(r.clock.Now().Add(time.Minute))
	r.Handler().ServeHTTP(w, httptest.NewRequest("POST", link[1], nil))
	if got := r.consent(); got != "withdrawn by test" || !strings.Contains(w.Body.String(), "confirmed before") {
		t.Errorf("consent %s\n%s", got, w.Body)
	}
}

func TestRule11NeverAfterAnImportAndAtMostThreeTimesInThirtyDays(t *testing.T) {
	r := doubled(t)
	r.signsUp(false)
	pending := []store.ContactInput{{Contact: contacts.Contact{Email: "ben@example.com"},
		Consents: []contacts.Consent{{Topic: "guides", State: contacts.ConsentPending, Source: "import", At: monday}}}}
	if _, err := r.Store.UpsertContacts(t.Context(), pending, monday); err != nil {
		t.Fatal(err)
	}
	r.settle()
	if n := len(r.server.Messages()); n != 0 {
		t.Fatalf("%d mails to whom a list brought", n)
	}
	r = doubled(t)
	for i := range 5 {
		r.signsUp(true)
		if n, want := len(r.server.Messages()), min(i+1, 3); n != want {
			t.Errorf("%d mails after asking %d times, want %d", n, i+1, want)
		}
		r.clock.Set(r.clock.Now().Add(24 * time.Hour))
	}
	r.clock.Set(monday.AddDate(0, 0, 31))
	r.signsUp(true)
	if n := len(r.server.Messages()); n != 4 {
		t.Errorf("%d mails a month later, want one more", n)
	}
	if got := r.consent(); got != "pending by sign-up form" {
		t.Errorf("consent %s", got)
	}
}
