package engine

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/delivery/smtp/smtptest"
	"rapport/internal/outbox"
)

// receiver is a system that is told things, and answers what it is told to.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	calls  []call
}

type call struct {
	id, stamp, signature, body string
}

func receive(t *testing.T) *receiver {
	r := &receiver{status: http.StatusNoContent}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.calls = append(r.calls, call{q.Header.Get("Webhook-Id"), q.Header.Get("Webhook-Timestamp"), q.Header.Get("Webhook-Signature"), string(body)})
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answers(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (r *receiver) all() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls)
}

const handover = `
campaign: welcome
topic: guides
start: { event: { name: help.wanted } }
steps:
  - notify: { webhook: crm, task: Call this contact }
  - send: one
`

func notifying(t *testing.T, crm *receiver, more string) *run {
	return start(t, 1, smtptest.Options{}, fmt.Sprintf("webhooks: { crm: { url: %q, secret: 0123456789abcdef0123 } }\n%s", crm.URL, more),
		map[string]string{"campaigns/welcome.yaml": handover})
}

// told are the contact's events about webhooks.
func (r *run) told() (out []string) {
	r.t.Helper()
	facts, err := r.Store.LoadFacts(r.t.Context(), []contacts.ID{r.contact("p00000@example.com").ID})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range facts {
		for _, e := range f.Events {
			if len(e.Name) > 8 && e.Name[:8] == "webhook." {
				out = append(out, fmt.Sprintf("%s %v %v", e.Name, e.Properties["attempts"], e.Properties["reason"]))
			}
		}
	}
	return out
}

func TestANoticeIsSignedAndToldUntilItIsTaken(t *testing.T) {
	crm := receive(t)
	r := notifying(t, crm, "")
	crm.answers(http.StatusInternalServerError)
	r.event("help.wanted", "p00000@example.com", "help", nil)
	r.settle()
	if n := len(crm.all()); n != 1 {
		t.Fatalf("%d calls, want 1 that failed", n)
	}
	r.settle()
	if n := len(crm.all()); n != 1 {
		t.Fatalf("%d calls, want none before the wait is over", n)
	}
	crm.answers(http.StatusOK)
	for range 3 { // later nothing is left to tell
		r.clock.Set(r.clock.Now().Add(time.Minute))
		r.settle()
	}
	calls := crm.all()
	if len(calls) != 2 || calls[0].id != calls[1].id || calls[0].body != calls[1].body || calls[0].id == "" {
		t.Fatalf("want the same call twice: %+v", calls)
	}
	for _, c := range calls {
		if want := outbox.Sign("0123456789abcdef0123", c.id, c.stamp, c.body); c.signature != want {
			t.Errorf("signature %s, want %s", c.signature, want)
		}
	}
	var body struct {
		Type string
		Data struct {
			Task, Campaign, Step string
			Contact              struct{ Email, Stage string }
		}
	}
	if err := json.Unmarshal([]byte(calls[0].body), &body); err != nil || body.Type != "campaign.notify" || body.Data.Task != "Call this contact" ||
		body.Data.Campaign != "welcome" || body.Data.Step != "notify#1" || body.Data.Contact.Email != "p00000@example.com" || body.Data.Contact.Stage != "prospect" {
		t.Errorf("%v: %s", err, calls[0].body)
	}
	if got := r.told(); len(got) != 1 || got[0] != "webhook.delivered 2 <nil>" {
		t.Errorf("told: %v", got)
	}
	if n := len(r.server.Messages()); n != 1 {
		t.Errorf("%d messages: a notice holds nothing up", n)
	}
}

func TestANoticeIsGivenUpAfterThreeDaysWithItsReason(t *testing.T) {
	crm := receive(t)
	r := notifying(t, crm, "")
	crm.answers(http.StatusServiceUnavailable)
	r.event("help.wanted", "p00000@example.com", "help", nil)
	for range 4 * 24 {
		r.settle()
		r.clock.Set(r.clock.Now().Add(time.Hour))
	}
	got := r.told()
	if n := len(crm.all()); n < 15 || len(got) != 1 || got[0] != fmt.Sprintf("webhook.failed %d answered 503 Service Unavailable", n) {
		t.Errorf("%d calls, told: %v", n, got)
	}
}

func TestNothingIsToldAboutWhomNoMailReaches(t *testing.T) {
	crm := receive(t)
	r := start(t, 1, smtptest.Options{}, "", map[string]string{
		"rapport.yaml":           strings.Replace(live(1, fmt.Sprintf("webhooks: { crm: { url: %q } }\n", crm.URL)), "delivery: live", "delivery: mailbox", 1),
		"campaigns/welcome.yaml": handover,
	})
	r.event("help.wanted", "p00000@example.com", "help", nil)
	r.settle()
	if got := r.told(); len(crm.all()) != 0 || len(got) != 1 || got[0] != "webhook.caught 1 mail to this contact does not leave the house" {
		t.Errorf("%d calls, told: %v", len(crm.all()), got)
	}
}

const question = `
campaign: welcome
topic: guides
start: { event: { name: help.given } }
steps:
  - survey: { nps: after-help }
  - wait_for: { event: survey.answered, up_to: 7d }
    then:
      - if: { score: nps, below: 7 }
        then: [ { exit: unhappy } ]
  - send: one
`

var scoreLink = regexp.MustCompile(`https://go\.northwind\.example(/s/[A-Za-z0-9_-]+)\?score=4`)

func TestAnAnswerToASurveyMovesTheCampaignAndTellsAPerson(t *testing.T) {
	crm := receive(t)
	r := start(t, 1, smtptest.Options{}, fmt.Sprintf("webhooks: { crm: { url: %q, secret: 0123456789abcdef0123 } }\n", crm.URL), map[string]string{
		"campaigns/welcome.yaml": question,
		"relationship.yaml":      "programs:\n  survey:\n    after-help: { question: Would you recommend us?, notify: { below: 7, webhook: crm } }\n",
		"templates/after-help.md": "---\nsubject: How was it?\ntopic: guides\n---\nWould you recommend us?\n\n" +
			"{% for n in (0..10) %}[{{ n }}]({{ survey_url }}?score={{ n }}) {% endfor %}\n",
	})
	r.event("help.given", "p00000@example.com", "help", nil)
	r.settle()
	mails := r.server.Messages()
	if len(mails) != 1 {
		t.Fatalf("%d mails, want the one that asks", len(mails))
	}
	plain := strings.ReplaceAll(strings.ReplaceAll(string(mails[0].Data), "=\r\n", ""), "=3D", "=")
	link := scoreLink.FindStringSubmatch(plain)
	if link == nil {
		t.Fatalf("the mail has no link for the answer 4:\n%s", plain)
	}
	page := httptest.NewRecorder()
	r.Handler().ServeHTTP(page, httptest.NewRequest("GET", link[1]+"?score=4", nil))
	if !strings.Contains(page.Body.String(), "Would you recommend us?") {
		t.Errorf("got %d %s", page.Code, page.Body)
	}
	post := httptest.NewRequest("POST", link[1], strings.NewReader("score=4&comment=Too+slow"))
	post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Handler().ServeHTTP(httptest.NewRecorder(), post)
	r.settle()
	calls := crm.all()
	if len(calls) != 1 || !strings.Contains(calls[0].body, `"type":"survey.answered"`) || !strings.Contains(calls[0].body, `"comment":"Too slow"`) {
		t.Errorf("calls: %+v", calls)
	}
	facts, err := r.Store.LoadFacts(t.Context(), []contacts.ID{r.contact("p00000@example.com").ID})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range facts {
		if s, answered := f.Score(contacts.ScoreNPS); !answered || s.Value != 4*contacts.Million {
			t.Errorf("nps %v %v, want 4", answered, s.Value)
		}
		if len(f.Campaigns) != 1 || f.Campaigns[0].State != "exited" {
			t.Errorf("%+v", f.Campaigns)
		}
	}
	if n := len(r.server.Messages()); n != 1 {
		t.Errorf("%d mails: who is unhappy gets no other", n)
	}
}
