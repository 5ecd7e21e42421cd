package responses

import (
	"net/http"
	"slices"

	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/internal/store"
	"rapport/internal/token"
)

// doubleOptIn is the source of a consent that was confirmed by mail.
const doubleOptIn = "double opt-in"

// confirmPage asks; only the button confirms, for programs that look through mail
// follow its links.
func (r *Responses) confirmPage(w http.ResponseWriter, q *http.Request) {
	a, ok := r.ask(w, q)
	if !ok {
		return
	}
	topic, title := r.confirms(a)
	if topic == "" {
		r.NotFound(w, q)
		return
	}
	p := r.page("Shall we write to you about "+title+"?", "Please confirm that we may write to "+mask(a.contact.Email)+". If you did not ask for this, just close this page: nothing happens.")
	p.Form = &form{Kind: "confirm", Action: token.Base(q.PathValue("token")).Confirm()}
	r.show(w, http.StatusOK, p)
}

// confirms is the topic that a message asks to confirm, and how it is called.
func (r *Responses) confirms(a asked) (topic, title string) {
	if !a.known {
		return "", ""
	}
	topic = r.Settings().Confirms[a.campaign]
	return topic, r.title(topic)
}

// confirm gives the consent. A mail confirms once: who has withdrawn since then is
// led to the preference centre.
func (r *Responses) confirm(w http.ResponseWriter, q *http.Request) {
	q.Body = http.MaxBytesReader(w, q.Body, formLimit)
	a, ok := r.ask(w, q)
	if !ok {
		return
	}
	topic, title := r.confirms(a)
	if topic == "" {
		r.NotFound(w, q)
		return
	}
	given, err := r.giveConfirmed(q, a, topic)
	if err != nil {
		r.Log.Error("cannot confirm a consent", "contact", a.Contact, "error", err)
		r.awayForm(w)
		return
	}
	p := r.page("Thank you", "We will write to "+mask(a.contact.Email)+" about "+title+".")
	if !given {
		p = r.page("This was confirmed before", "You have ended it since then. You can choose anew what you want to hear about.")
	}
	p.Form = &form{Kind: "done", Link: token.Base(q.PathValue("token")).Preferences()}
	r.show(w, http.StatusOK, p)
}

func (r *Responses) giveConfirmed(q *http.Request, a asked, topic string) (given bool, err error) {
	now, key := r.Now(), "confirmed:"+ident.Format(a.Message)
	change := store.ConsentChange{Contact: a.id(), Topic: topic, State: contacts.ConsentGiven, Source: doubleOptIn, At: now, Key: key}
	if _, err := r.Store.SetConsent(q.Context(), []store.ConsentChange{change}, now); err != nil {
		return false, err
	}
	held, err := r.Store.Consents(q.Context(), []contacts.ID{a.id()})
	if err != nil {
		return false, err
	}
	given = slices.ContainsFunc(held[a.id()], func(c contacts.Consent) bool { return c.Topic == topic && c.State == contacts.ConsentGiven })
	if s := a.contact.Suppression; given && s != nil && s.Reason == contacts.ReasonUnsubscribedAll {
		// Whoever asks for mail and confirms it takes back that they wanted none.
		if _, err := r.Store.Unsuppress(q.Context(), []string{a.contact.Email}); err != nil {
			return false, err
		}
	}
	r.Changed(q.Context(), a.id())
	return given, nil
}
