package responses

import (
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/internal/relationship"
	"rapport/internal/store"
	"rapport/internal/token"
)

// mostWords bounds the reason that somebody writes beside an answer, in
// characters.
const mostWords = 2000

// surveyOf is the survey that a message asks; nil: it asks none, or none any
// more.
func (r *Responses) surveyOf(a asked) *relationship.Survey {
	if s := r.Settings(); a.known && s.Survey != nil {
		return s.Survey(a.campaign, ident.Step(a.Message))
	}
	return nil
}

// surveyPage shows the question. An address that ends in ?score=9 has that
// answer chosen; sending it is left to the person, for programs that look
// through mail follow every link of it.
func (r *Responses) surveyPage(w http.ResponseWriter, q *http.Request) {
	a, ok := r.ask(w, q)
	if !ok {
		return
	}
	s := r.surveyOf(a)
	if s == nil {
		r.surveyOver(w)
		return
	}
	r.showSurvey(w, q, http.StatusOK, s)
}

func (r *Responses) showSurvey(w http.ResponseWriter, q *http.Request, status int, s *relationship.Survey) {
	p := r.page(s.Question)
	p.Form = &form{Kind: "survey", Action: token.Base(q.PathValue("token")).Survey()}
	chosen, err := strconv.Atoi(q.URL.Query().Get("score"))
	for n := s.Low; n <= s.High; n++ {
		p.Form.Scale = append(p.Form.Scale, mark{Score: n, Chosen: err == nil && n == chosen})
	}
	r.show(w, status, p)
}

func (r *Responses) surveyOver(w http.ResponseWriter) {
	r.show(w, http.StatusNotFound, r.page("This survey is over", "Thank you for looking. Just answer the message if you want to tell us something."))
}

// answerSurvey takes an answer: the first one to each mail that asks.
func (r *Responses) answerSurvey(w http.ResponseWriter, q *http.Request) {
	q.Body = http.MaxBytesReader(w, q.Body, formLimit)
	if err := q.ParseForm(); err != nil {
		r.show(w, http.StatusBadRequest, r.page("Your answer could not be read", "Please go back and try again."))
		return
	}
	a, ok := r.ask(w, q)
	if !ok {
		return
	}
	s := r.surveyOf(a)
	if s == nil {
		r.surveyOver(w)
		return
	}
	score, err := strconv.Atoi(q.PostForm.Get("score"))
	if err != nil || score < s.Low || score > s.High {
		r.showSurvey(w, q, http.StatusBadRequest, s)
		return
	}
	in := r.surveyed(a, s, score, shortened(q.PostForm.Get("comment")))
	results, err := r.group.Ingest(q.Context(), []store.Incoming{in}, r.Now())
	if err != nil {
		r.Log.Error("cannot store an answer to a survey", "contact", a.Contact, "error", err)
		r.awayForm(w)
		return
	}
	r.count(in, results[0])
	p := r.page("Thank you", "Your answer has reached us.")
	if results[0].Duplicate {
		p.Lines = []string{"We have your answer already."}
	}
	r.show(w, http.StatusOK, p)
}

// surveyed is an answer as an event. One below what the survey asks for tells a
// webhook, in the same transaction.
func (r *Responses) surveyed(a asked, s *relationship.Survey, score int, comment string) store.Incoming {
	properties := map[string]any{"survey": s.Name, "score": float64(score), "scale": s.Scale()}
	if comment != "" {
		properties["comment"] = comment
	}
	key := "survey:" + ident.Format(a.Message)
	in := store.Incoming{Source: "survey", Event: contacts.Event{
		Name: contacts.EventSurveyed, Contact: a.id(), Message: a.Message, At: r.Now(), Key: key, Properties: properties,
	}}
	if s.Webhook != "" && score < s.Below {
		in.Calls = []store.Call{{Key: key, Webhook: s.Webhook, Type: contacts.EventSurveyed, Contact: a.contact, Data: properties}}
	}
	return in
}

// shortened is what somebody wrote, without blanks around it.
func shortened(text string) string {
	text = strings.TrimSpace(text)
	if utf8.RuneCountInString(text) > mostWords {
		text = string([]rune(text)[:mostWords])
	}
	return text
}
