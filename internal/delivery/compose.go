package delivery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/mail"
	"net/url"
	"strings"
	"time"

	"rapport/campaigns"
	"rapport/internal/calendar"
	"rapport/internal/catalog"
	"rapport/internal/contacts"
	"rapport/internal/delivery/mime"
	"rapport/internal/ident"
	"rapport/internal/store"
	"rapport/internal/token"
	"rapport/templates"
)

// compose fills in a claimed message and makes the bytes that go over the wire.
// An error is the message's own fault, unless it is a heldError.
func (w *Worker) compose(ctx context.Context, applied *catalog.Applied, c store.Claimed) (outgoing, error) {
	e, facts := c.Entry.Enrolment, c.Entry.Facts
	d := definition(ctx, w.Catalog, applied, e)
	if d == nil {
		return outgoing{}, &heldError{fmt.Errorf("its version cannot be read")}
	}
	sender := senderNow(applied, d, c.Lane)
	route, err := w.Router.Route(applied, sender, facts.Contact.Email)
	if err != nil {
		return outgoing{}, &heldError{err}
	}
	t, err := w.template(ctx, applied, c)
	if err != nil {
		return outgoing{}, err
	}
	links := &links{signer: w.Tokens, base: w.Tokens.Message(c.ID, int64(facts.Contact.ID)), message: c.ID, root: strings.TrimRight(applied.PublicURL, "/")}
	now := w.Clock.Now()
	in := renderInput(applied, d, facts, e.Origin, now)
	in.Links = links
	if t, err = w.withSubject(t, c.Subject); err != nil {
		return outgoing{}, err
	}
	out, err := t.Render(in)
	if err != nil {
		return outgoing{}, err
	}
	hash, err := w.keepLinks(ctx, t, in, d.Name)
	if err != nil {
		return outgoing{}, &heldError{err}
	}
	m, err := headers(applied, d, c, links, sender)
	if err != nil {
		return outgoing{}, err
	}
	m.Subject, m.HTML, m.Text, m.Date = out.Subject, out.HTML, out.Text, now
	data, err := w.signers.sign(applied.Senders[sender].DKIM, mime.Append(nil, m), w.Clock.Now)
	if err != nil {
		return outgoing{}, err
	}
	return outgoing{claimed: c, message: m, data: data, hash: hash, route: route, campaign: d.Name}, nil
}

// template is the one that is applied now, else the one of the version the
// enrolment is pinned to.
func (w *Worker) template(ctx context.Context, applied *catalog.Applied, c store.Claimed) (*templates.Template, error) {
	if t := applied.Templates.Template(c.Template); t != nil {
		return t, nil
	}
	old, err := w.Catalog.Version(ctx, c.Entry.Enrolment.Version)
	if err != nil {
		return nil, &heldError{err}
	}
	if t := old.Templates.Template(c.Template); t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("template %s is in no version that this message knows", c.Template)
}

// withSubject is the template under the subject that its step gives it.
func (w *Worker) withSubject(t *templates.Template, subject string) (*templates.Template, error) {
	if subject == "" {
		return t, nil
	}
	key := [2]string{t.Hash(), subject}
	if found, ok := w.subjects.Load(key); ok {
		return found.(*templates.Template), nil
	}
	out, err := t.WithSubject(subject)
	if err == nil {
		w.subjects.Store(key, out)
	}
	return out, err
}

// renderInput is what templates may say about a contact and the company.
func renderInput(applied *catalog.Applied, d *campaigns.Definition, f *contacts.Facts, origin campaigns.Origin, now time.Time) templates.Input {
	c := &f.Contact
	contact := map[string]any{}
	for k, v := range c.Attributes {
		contact[k] = v
	}
	for k, v := range map[string]string{
		"email": c.Email, "first_name": c.FirstName, "last_name": c.LastName,
		"name": strings.TrimSpace(c.FirstName + " " + c.LastName), "language": c.Language, "timezone": c.Timezone,
		"stage": c.Stage, "health": c.Health,
	} {
		if v != "" {
			contact[k] = v
		}
	}
	contact["id"], contact["created_at"], contact["attributes"] = int64(c.ID), c.CreatedAt, c.Attributes
	event := map[string]any{}
	for k, v := range origin.Properties {
		event[k] = v
	}
	if origin.Name != "" {
		event["name"], event["at"] = origin.Name, origin.At
	}
	zone := applied.Zone
	if z, err := calendar.LoadZone(c.Timezone); c.Timezone != "" && err == nil {
		zone = z
	}
	language := c.Language
	if language == "" {
		language = applied.Company.Language
	}
	return templates.Input{
		Contact: contact, Event: event, Language: language, Now: now, Zone: zone,
		Company: map[string]any{"name": applied.Company.Name, "address": applied.Company.Address, "website": applied.Company.Website,
			"timezone": applied.Company.Timezone, "language": applied.Company.Language},
		Campaign: map[string]any{"name": d.Name, "description": d.Description, "purpose": d.Purpose, "topic": d.Topic},
	}
}

// keepLinks makes sure that the store knows where the links of this template
// lead, before anybody can click them. It returns the hash to record.
func (w *Worker) keepLinks(ctx context.Context, t *templates.Template, in templates.Input, campaign string) (string, error) {
	type key struct{ template, campaign string }
	if hash, ok := w.templates.Load(key{t.Hash(), campaign}); ok {
		return hash.(string), nil
	}
	kept := store.CompiledTemplate{Name: t.Name(), Campaign: campaign}
	for _, l := range t.LinkTable() {
		if !l.Track {
			continue
		}
		link := store.Link{N: l.N, URL: l.URL, Label: l.Label, Personal: l.Personal}
		if !l.Personal {
			target, err := t.LinkURL(l.N, in)
			if err != nil {
				return "", err
			}
			link.URL = target
		}
		kept.Links = append(kept.Links, link)
	}
	raw, err := json.Marshal(kept.Links)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append([]byte(t.Hash()), raw...))
	kept.Hash = hex.EncodeToString(sum[:16])
	if err := w.Store.SaveTemplate(ctx, kept, in.Now); err != nil {
		return "", err
	}
	w.templates.Store(key{t.Hash(), campaign}, kept.Hash)
	return kept.Hash, nil
}

// headers is everything of a message but its content.
func headers(applied *catalog.Applied, d *campaigns.Definition, c store.Claimed, l *links, name string) (*mime.Message, error) {
	sender, ok := applied.Senders[name]
	if !ok {
		return nil, &heldError{fmt.Errorf("sender %s is not in the applied workspace", name)}
	}
	contact := &c.Entry.Facts.Contact
	id := ident.Format(c.ID)
	_, domain, _ := strings.Cut(sender.From.Address, "@")
	m := &mime.Message{
		From:      sender.From,
		To:        mail.Address{Name: strings.TrimSpace(contact.FirstName + " " + contact.LastName), Address: contact.Email},
		MessageID: id + "@" + domain, ID: id,
		Transactional: d.Kind == campaigns.Transactional,
		ListID:        d.Topic + "." + domain,
		FeedbackID:    strings.Join([]string{d.Name, d.Topic, "rapport", name}, ":"),
	}
	if sender.Bounces != "" {
		m.EnvelopeFrom = l.signer.Bounce(c.ID) + "@" + sender.Bounces
	}
	if u := l.Unsubscribe(); u != "" {
		m.ListUnsubscribe = u
	}
	return m, nil
}

// links makes the addresses of one message.
type links struct {
	signer  *token.Signer
	base    token.Base
	message int64
	root    string // public_url without a slash at its end
}

func (l *links) Click(n int, target string, personal bool) string {
	if _, err := url.Parse(target); err != nil {
		return target
	}
	if personal {
		return l.root + l.signer.Personal(l.base, l.message, n, target)
	}
	return l.root + l.base.Click(n)
}

func (l *links) Open() string        { return l.root + l.base.Open() }
func (l *links) Unsubscribe() string { return l.root + l.base.Unsubscribe() }
func (l *links) Preferences() string { return l.root + l.base.Preferences() }
func (l *links) View() string        { return l.root + l.base.View() }
