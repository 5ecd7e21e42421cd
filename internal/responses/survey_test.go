package responses

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/contacts"
	"rapport/internal/relationship"
)

// asking is a fixture whose message asks a survey.
func asking(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	settings := f.Settings
	f.Settings = func() Settings {
		s := settings()
		s.Survey = func(campaign string, step int) *relationship.Survey {
			if campaign != "welcome" || step != 1 {
				return nil
			}
			return &relationship.Survey{Name: "after-welcome", Question: "How likely are you to recommend us?", High: 10, Below: 7, Webhook: "crm"}
		}
		return s
	}
	return f
}

// calls are the calls that wait for a webhook.
func (f *fixture) calls() (n int) {
	f.Helper()
	must(f.T, f.store.raw.QueryRow(`select count(*) from outbox where webhook = 'crm' and kind = 'survey.answered'`).Scan(&n))
	return n
}

// Scanners follow every link of a mail, each answer's too: only a form that is
// sent counts.
func TestLookingAtASurveyAnswersNothing(t *testing.T) {
	f := asking(t)
	for n := range 11 {
		for _, method := range []string{"GET", "HEAD"} {
			w := f.do(method, fmt.Sprintf("%s?score=%d", f.base.Survey(), n), "")
			if w.Code != http.StatusOK {
				t.Errorf("%s: got %d", method, w.Code)
			}
			if method == "GET" {
				contains(t, w.Body.String(), "How likely are you to recommend us?", fmt.Sprintf(`value="%d" required checked`, n), `method="post"`)
				if strings.Count(w.Body.String(), `type="radio"`) != 11 || strings.Count(w.Body.String(), " checked") != 1 {
					t.Errorf("eleven answers, one of them chosen:\n%s", w.Body)
				}
			}
		}
	}
	if w := f.do("GET", f.base.Survey()+"?score=11", ""); strings.Contains(w.Body.String(), " checked") {
		t.Error("an answer that is not on the scale was chosen")
	}
	if n := len(f.events(contacts.EventSurveyed)); n != 0 || f.calls() != 0 {
		t.Errorf("%d answers, %d calls: nobody has answered", n, f.calls())
	}
}

func TestAnAnswerCountsOnce(t *testing.T) {
	f := asking(t)
	for _, wrong := range []string{"", "score=11", "score=-1", "score=nine"} {
		if w := f.do("POST", f.base.Survey(), wrong); w.Code != http.StatusBadRequest {
			t.Errorf("%q: got %d", wrong, w.Code)
		}
	}
	contains(t, f.do("POST", f.base.Survey(), "score=6&comment=+Too+slow+").Body.String(), "Thank you", "Your answer has reached us.")
	contains(t, f.do("POST", f.base.Survey(), "score=10").Body.String(), "We have your answer already.")
	events := f.events(contacts.EventSurveyed)
	if len(events) != 1 || events[0].Message != f.message || events[0].Campaign != "welcome" || events[0].Machine {
		t.Fatalf("%+v", events)
	}
	want := map[string]any{"survey": "after-welcome", "score": 6.0, "scale": "0-10", "comment": "Too slow"}
	if diff := cmp.Diff(want, events[0].Properties); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if f.calls() != 1 {
		t.Errorf("%d calls about one answer below 7", f.calls())
	}
}

func TestAGoodAnswerTellsNobody(t *testing.T) {
	f := asking(t)
	f.do("POST", f.base.Survey(), "score=7")
	if n := len(f.events(contacts.EventSurveyed)); n != 1 || f.calls() != 0 {
		t.Errorf("%d answers, %d calls", n, f.calls())
	}
}

func TestASurveyThatIsNotThere(t *testing.T) {
	f := newFixture(t)
	for _, method := range []string{"GET", "POST"} {
		if w := f.do(method, f.base.Survey(), "score=3"); w.Code != http.StatusNotFound {
			t.Errorf("%s: got %d", method, w.Code)
		}
		if w := f.do(method, "/s/nonsense", "score=3"); w.Code != http.StatusNotFound {
			t.Errorf("%s of no token: got %d", method, w.Code)
		}
	}
	f = asking(t)
	f.store.down.Store(true)
	if w := f.do("POST", f.base.Survey(), "score=3"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("with the store away: got %d", w.Code)
	}
	f.store.down.Store(false)
	if n := len(f.events(contacts.EventSurveyed)); n != 0 {
		t.Errorf("%d answers", n)
	}
}
