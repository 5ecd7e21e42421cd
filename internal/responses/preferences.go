package responses

import (
	"context"
	"net/http"
	"slices"

	"rapport/internal/contacts"
	"rapport/internal/store"
	"rapport/internal/token"
)

func (r *Responses) preferencesPage(w http.ResponseWriter, q *http.Request) {
	if a, ok := r.ask(w, q); ok {
		r.showPreferences(w, q, a, "")
	}
}

// showPreferences shows what the contact has chosen so far.
func (r *Responses) showPreferences(w http.ResponseWriter, q *http.Request, a asked, done string) {
	p := r.page("What may we write to you about?")
	p.Done = done
	if s := a.contact.Suppression; s != nil && s.Reason != contacts.ReasonUnsubscribedAll {
		p.Title = "We do not write to you"
		p.Lines = []string{stopped(s.Reason)}
		r.show(w, http.StatusOK, p)
		return
	}
	consents, err := r.Store.Consents(q.Context(), []contacts.ID{a.id()})
	if err != nil {
		r.Log.Error("cannot read consents", "contact", a.Contact, "error", err)
		r.away(w, q)
		return
	}
	f := &form{Kind: "preferences", Action: token.Base(q.PathValue("token")).Preferences(), Email: mask(a.contact.Email)}
	f.All = a.contact.Suppression != nil
	if f.All && done == "" {
		p.Lines = append(p.Lines, "You are unsubscribed from everything. Tick a topic to hear from us again.")
	}
	for _, t := range r.Settings().Topics {
		on := !f.All && slices.ContainsFunc(consents[a.id()], func(c contacts.Consent) bool {
			return c.Topic == t.Name && c.State == contacts.ConsentGiven
		})
		f.Topics = append(f.Topics, choice{Topic: t, On: on})
	}
	p.Form = f
	r.show(w, http.StatusOK, p)
}

// stopped tells why mail is stopped that the contact cannot start again here.
func stopped(reason string) string {
	switch reason {
	case contacts.ReasonHardBounce:
		return "Mail to your address came back, so we have stopped. Please write to us if that was a mistake."
	case contacts.ReasonComplaint:
		return "You reported a message of ours as unwanted, so we have stopped. Please write to us if that was a mistake."
	}
	return "We have stopped writing to your address. Please write to us if that was a mistake."
}

// savePreferences takes the contact's choices. A tick is consent even for a
// topic with double opt-in: whoever has the token has read mail at this address,
// which is what the second step is there to show.
func (r *Responses) savePreferences(w http.ResponseWriter, q *http.Request) {
	q.Body = http.MaxBytesReader(w, q.Body, formLimit)
	if err := q.ParseForm(); err != nil {
		r.show(w, http.StatusBadRequest, r.page("Your choice could not be read", "Please go back and try again."))
		return
	}
	a, ok := r.ask(w, q)
	if !ok {
		return
	}
	if s := a.contact.Suppression; s != nil && s.Reason != contacts.ReasonUnsubscribedAll {
		r.showPreferences(w, q, a, "")
		return
	}
	done := "Your choice is saved."
	var err error
	if q.PostForm.Get("do") == "none" {
		done = "You are unsubscribed from everything."
		err = r.withdraw(q.Context(), a, []string{""}, true, preferencePage)
	} else {
		err = r.choose(q.Context(), a, q.PostForm["topic"])
	}
	if err == nil {
		a.contact, _, err = r.Store.Contact(q.Context(), a.id())
	}
	if err != nil {
		r.Log.Error("cannot save preferences", "contact", a.Contact, "error", err)
		r.awayForm(w)
		return
	}
	r.showPreferences(w, q, a, done)
}

// preferencePage is the source of consents given or withdrawn there.
const preferencePage = "preference page"

// choose gives consent to the topics ticked and withdraws it from the others.
// Withdrawals come first: if the rest fails, the contact gets less and not more.
func (r *Responses) choose(ctx context.Context, a asked, ticked []string) error {
	consents, err := r.Store.Consents(ctx, []contacts.ID{a.id()})
	if err != nil {
		return err
	}
	state := map[string]string{}
	for _, c := range consents[a.id()] {
		state[c.Topic] = c.State
	}
	var give []store.ConsentChange
	var end []string
	back := false
	for _, t := range r.Settings().Topics {
		on := slices.Contains(ticked, t.Name)
		back = back || on
		switch {
		case on && state[t.Name] != contacts.ConsentGiven:
			give = append(give, store.ConsentChange{Contact: a.id(), Topic: t.Name, State: contacts.ConsentGiven, Source: preferencePage, At: r.Now()})
		case !on && (state[t.Name] == contacts.ConsentGiven || state[t.Name] == contacts.ConsentPending):
			end = append(end, t.Name)
		}
	}
	if err := r.withdraw(ctx, a, end, false, preferencePage); err != nil {
		return err
	}
	if a.contact.Suppression != nil && back {
		if _, err := r.Store.Unsuppress(ctx, []string{a.contact.Email}); err != nil {
			return err
		}
	}
	if len(give) > 0 {
		if _, err := r.Store.SetConsent(ctx, give, r.Now()); err != nil {
			return err
		}
	}
	r.Changed(ctx, a.id())
	return nil
}
