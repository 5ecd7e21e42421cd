package responses

import (
	"context"
	"net/http"
	"slices"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/internal/store"
	"rapport/internal/token"
)

// formLimit bounds what a form may bring.
const formLimit = 64 << 10

// asked is what a token in an address asks about: a message and its contact.
type asked struct {
	token.Claims
	contact  contacts.Contact
	known    bool   // the message is still in the ledger
	campaign string // its
	topic    string // of its campaign; "" when the campaign has none, or is gone
}

func (a asked) id() contacts.ID { return contacts.ID(a.Contact) }

// ask looks up what a token is about. When it returns false it has answered.
func (r *Responses) ask(w http.ResponseWriter, q *http.Request) (asked, bool) {
	c, err := r.Tokens.Verify(q.PathValue("token"))
	if err != nil {
		r.NotFound(w, q)
		return asked{}, false
	}
	a := asked{Claims: c}
	var found bool
	if a.contact, found, err = r.Store.Contact(q.Context(), a.id()); err == nil && found {
		var m sent
		if m, a.known, err = r.links.message(q.Context(), c.Message); err == nil {
			a.campaign, a.topic = m.campaign, r.Settings().CampaignTopic[m.campaign]
		}
	}
	switch {
	case err != nil && q.Method == http.MethodPost:
		r.Log.Error("cannot look up who unsubscribes", "contact", c.Contact, "error", err)
		r.awayForm(w)
	case err != nil:
		r.Log.Error("cannot look up who asks", "contact", c.Contact, "error", err)
		r.away(w, q)
	case !found, a.contact.Erased:
		r.show(w, http.StatusOK, r.page("You hear nothing more from us", "We have no address of yours any more."))
	default:
		return a, true
	}
	return asked{}, false
}

// unsubscribePage asks; only the button acts.
func (r *Responses) unsubscribePage(w http.ResponseWriter, q *http.Request) {
	a, ok := r.ask(w, q)
	if !ok {
		return
	}
	base := token.Base(q.PathValue("token"))
	p := r.page("Do you want to unsubscribe?", "We would stop writing to "+mask(a.contact.Email)+".")
	p.Form = &form{Kind: "unsubscribe", Action: base.Unsubscribe(), Link: base.Preferences(), Topic: r.title(a.topic)}
	r.show(w, http.StatusOK, p)
}

// unsubscribe ends the topic of the message's campaign, or everything when the
// form says so. It is the target of one-click unsubscribe (RFC 8058), so it
// asks for nothing: whatever the body, a POST unsubscribes.
func (r *Responses) unsubscribe(w http.ResponseWriter, q *http.Request) {
	q.Body = http.MaxBytesReader(w, q.Body, formLimit)
	_ = q.ParseForm() // a body that cannot be read still unsubscribes
	a, ok := r.ask(w, q)
	if !ok {
		return
	}
	everything := q.PostForm.Get("from") == "all"
	source := "unsubscribe page"
	if q.PostForm.Get("List-Unsubscribe") == "One-Click" {
		source = "one click"
	}
	if err := r.endTopic(q.Context(), a, everything, source); err != nil {
		r.Log.Error("cannot unsubscribe", "contact", a.Contact, "error", err)
		r.awayForm(w)
		return
	}
	p := r.page("You are unsubscribed", r.farewell(a, everything))
	p.Form = &form{Kind: "done", Link: token.Base(q.PathValue("token")).Preferences()}
	r.show(w, http.StatusOK, p)
}

func (r *Responses) farewell(a asked, everything bool) string {
	if title := r.title(a.topic); title != "" && !everything {
		return "We no longer write to " + mask(a.contact.Email) + " about " + title + "."
	}
	return "We no longer write to " + mask(a.contact.Email) + "."
}

// endTopic makes the withdrawal durable, and does nothing when it stands
// already: mailbox providers repeat their request, and a repetition must not
// look like a second decision. The events have no key of their own, for one
// who came back may leave again from the same message.
func (r *Responses) endTopic(ctx context.Context, a asked, everything bool, source string) error {
	topics := []string{a.topic}
	if everything || a.topic == "" {
		topics = []string{""}
	}
	return r.withdraw(ctx, a, topics, everything, source)
}

// withdraw ends topics; the topic "" is all of them. With everything, the
// contact gets nothing at all from now on.
func (r *Responses) withdraw(ctx context.Context, a asked, topics []string, everything bool, source string) error {
	now := r.Now()
	consents, err := r.Store.Consents(ctx, []contacts.ID{a.id()})
	if err != nil {
		return err
	}
	var in []store.Incoming
	for _, topic := range topics {
		if r.standsWithdrawn(a, consents[a.id()], topic, everything) {
			continue
		}
		in = append(in, r.leaving(a, topic, everything, source, now))
	}
	if len(in) == 0 {
		return nil
	}
	results, err := r.group.Ingest(ctx, in, now)
	if err != nil {
		return err
	}
	for i, result := range results {
		r.count(in[i], result)
	}
	r.Changed(ctx, a.id())
	return nil
}

// leaving is the event of one withdrawal.
func (r *Responses) leaving(a asked, topic string, everything bool, source string, now time.Time) store.Incoming {
	in := store.Incoming{Source: source, Topic: topic, Event: contacts.Event{Name: contacts.EventUnsubscribed, At: now}}
	if in.Contact = a.id(); a.known {
		in.Message = a.Message
	}
	if topic != "" {
		in.Properties = map[string]any{"topic": topic}
	}
	if everything {
		// The suppression alone would leave the consents as they were.
		in.Suppress = contacts.ReasonUnsubscribedAll
		in.Topic = ""
		for _, t := range r.Settings().Topics {
			in.Consents = append(in.Consents, store.ConsentChange{Topic: t.Name, State: contacts.ConsentWithdrawn})
		}
	}
	return in
}

// standsWithdrawn reports whether a withdrawal would change nothing.
func (r *Responses) standsWithdrawn(a asked, consents []contacts.Consent, topic string, everything bool) bool {
	if everything && a.contact.Suppression == nil {
		return false
	}
	withdrawn := func(c contacts.Consent) bool { return c.State == contacts.ConsentWithdrawn }
	if topic != "" {
		return slices.ContainsFunc(consents, func(c contacts.Consent) bool { return c.Topic == topic && withdrawn(c) })
	}
	return len(consents) > 0 && !slices.ContainsFunc(consents, func(c contacts.Consent) bool { return !withdrawn(c) })
}

// title is how a topic is called, "" when there is no such topic.
func (r *Responses) title(name string) string {
	for _, t := range r.Settings().Topics {
		if t.Name == name {
			return t.Title
		}
	}
	return ""
}

// view shows the message in the browser.
func (r *Responses) view(w http.ResponseWriter, q *http.Request) {
	c, err := r.Tokens.Verify(q.PathValue("token"))
	if err != nil || r.View == nil {
		r.NotFound(w, q)
		return
	}
	html, found, err := r.View(q.Context(), c)
	switch {
	case err != nil:
		r.Log.Error("cannot show a message in the browser", "message", ident.Format(c.Message), "error", err)
		r.away(w, q)
	case !found:
		r.show(w, http.StatusNotFound, r.page("This message is gone", "It was sent too long ago to be shown here."))
	default:
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		// Pictures and styles of the message, and no script.
		h.Set("Content-Security-Policy", "default-src 'none'; img-src http: https: data:; style-src 'unsafe-inline' https:; font-src https: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		publicHeaders(h)
		_, _ = w.Write(html)
	}
}
