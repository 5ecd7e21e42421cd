package delivery

import (
	"crypto/rand"
	"fmt"
	"net/mail"
	"strings"
	"time"

	"rapport/campaigns"
	"rapport/internal/catalog"
	"rapport/internal/contacts"
	"rapport/internal/delivery/mime"
	"rapport/internal/delivery/smtp"
	"rapport/internal/token"
	"rapport/internal/workspace"
	"rapport/templates"
)

// Single is one mail that a person makes, apart from every campaign: a preview,
// or a marked test. It stands in no ledger and counts for nothing: its links lead
// where the template says, its own addresses to pages that change nothing, it has
// no pixel, and no callback can be matched to it.
type Single struct {
	Template *templates.Template
	Campaign *campaigns.Definition // as this one sends it; nil: none does
	Sender   string                // by name; "": nobody, and then there is no message
	Facts    *contacts.Facts       // whom it is written for
	Origin   campaigns.Origin
	TestTo   string // marks a test that goes to this address; "": a preview
}

// Written is a Single that is written.
type Written struct {
	templates.Output
	Envelope smtp.Envelope // without Data when there is no sender
}

// testMark stands before the subject of a test, so that nobody takes it for the
// mail itself.
const testMark = "[Test] "

// Write renders it and makes the message, signed when its sender signs.
func (s Single) Write(applied *catalog.Applied, now time.Time) (w Written, err error) {
	d := s.Campaign
	if d == nil {
		d = &campaigns.Definition{Topic: s.Template.Topic(), Kind: s.Template.Kind()}
	}
	links := singleLinks{root: strings.TrimRight(applied.PublicURL, "/"), token: token.Preview}
	if s.TestTo != "" {
		links.token = token.Test
	}
	in := renderInput(applied, d, s.Facts, s.Origin, now)
	in.Links = links
	if w.Output, err = s.Template.Render(in); err != nil || s.Sender == "" {
		return w, err
	}
	sender, ok := applied.Senders[s.Sender]
	if !ok {
		return w, fmt.Errorf("there is no sender %q", s.Sender)
	}
	_, domain, _ := strings.Cut(sender.From.Address, "@")
	c := &s.Facts.Contact
	m := mime.Message{
		From: sender.From, To: mail.Address{Name: fullName(c), Address: c.Email}, Subject: w.Subject, Text: w.Text, HTML: w.HTML, Date: now,
		MessageID: links.token + "@" + domain, ID: links.token, ListUnsubscribe: links.Unsubscribe(),
		ListID: d.Topic + "." + domain, FeedbackID: strings.Join([]string{d.Name, d.Topic, "rapport", s.Sender}, ":"),
		Transactional: d.Kind == campaigns.Transactional,
	}
	if sender.Bounces != "" {
		m.EnvelopeFrom = links.token + "@" + sender.Bounces
	}
	if s.TestTo != "" {
		m.Test, m.Subject, m.ID = true, testMark+w.Subject, ""
		m.To = mail.Address{Address: s.TestTo}
		m.MessageID = links.token + "." + strings.ToLower(rand.Text()) + "@" + domain
	}
	w.Envelope.From, w.Envelope.To, w.Envelope.UTF8 = mime.Envelope(&m)
	w.Envelope.Data, err = signed(mime.Append(nil, &m), sender.DKIM, func() time.Time { return now })
	return w, err
}

func signed(message []byte, dkim *workspace.DKIM, now func() time.Time) ([]byte, error) {
	signer, err := new(signers).of(dkim, now)
	if err != nil || signer == nil {
		return message, err
	}
	return append(signer.AppendField(nil, message), message...), nil
}

// Way is the settings of a provider's connection, for one mail.
func Way(p workspace.Provider) smtp.Config { return settings{p.SMTP, p.Connections}.config() }

// singleLinks lead where the template says. The addresses of our own have a word
// in the place of a token, which belongs to nobody.
type singleLinks struct{ root, token string }

func (l singleLinks) AppendClick(dst []byte, _ int, target []byte, _ bool) []byte {
	return append(dst, target...)
}
func (l singleLinks) Open() string        { return "" }
func (l singleLinks) Unsubscribe() string { return l.root + "/u/" + l.token }
func (l singleLinks) Preferences() string { return l.root + "/p/" + l.token }
func (l singleLinks) View() string        { return l.root + "/v/" + l.token }
func (l singleLinks) Referral() string    { return l.root + "/r/" + l.token }
func (l singleLinks) Survey() string      { return l.root + "/s/" + l.token }
func (l singleLinks) Confirm() string     { return l.root + "/confirm/" + l.token }
