package bench

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rapport/campaigns"
	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/contacts"
	"rapport/internal/delivery"
	"rapport/internal/delivery/mime"
	"rapport/internal/ident"
	"rapport/internal/store"
	"rapport/internal/strict"
	"rapport/internal/token"
	"rapport/internal/workspace"
	"rapport/templates"
)

// Render measures the way from a claimed message to the bytes on the wire.
var Render = Bench{
	Name:    "render",
	Short:   "how many messages one core makes, without sending them",
	Example: "  rapport bench render",
	Size:    200_000,
	Alone:   true,
	Run:     render,
}

func render(ctx context.Context, r *Run) error {
	r.Note("one goroutine; a message is rendered with its tokens, headers and transfer encoding, and not sent")
	key, err := dkimKey(r.Dir)
	if err != nil {
		return err
	}
	for _, way := range []struct {
		name string
		key  string
		size int64
	}{{"render", "", r.Size}, {"render, signed with Ed25519", key, r.Size / 8}} {
		k, err := newKitchen(way.key)
		if err != nil {
			return err
		}
		if err := r.rendered(ctx, way.name, way.size, k.compose); err != nil {
			return err
		}
		if way.key == "" {
			if err := r.rendered(ctx, "render, part by part", way.size/4, k.plainly); err != nil {
				return err
			}
		}
	}
	return nil
}

// rendered makes n messages and writes down what they cost.
func (r *Run) rendered(ctx context.Context, name string, n int64, make func(ctx context.Context, i int64) (int, error)) error {
	for i := range min(n, 1000) { // what is made once is made
		if _, err := make(ctx, i); err != nil {
			return err
		}
	}
	bytes := 0
	start := r.Clock.Now()
	cpu, known := cpuTime()
	for i := range n {
		size, err := make(ctx, i)
		if err != nil {
			return err
		}
		bytes += size
		if i%10_000 == 0 {
			r.Step(name, i, n)
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
	spent := r.Clock.Now().Sub(start)
	if now, ok := cpuTime(); known && ok {
		spent = now - cpu
	} else {
		r.Note("%s: this system does not tell the time of the processor, so it is the time of the clock", name)
	}
	each := spent.Seconds() / float64(n)
	r.Figure(name, 1/each, "messages/s and core")
	r.Figure(name+": processor", each*1e6, "µs/message")
	r.Figure(name+": size", float64(bytes)/float64(n), "bytes/message")
	return nil
}

// kitchen is a worker with all that it needs for making messages, and nothing
// that takes them away.
type kitchen struct {
	worker  *delivery.Worker
	applied *catalog.Applied
	tokens  *token.Signer
	claims  []store.Claimed
	now     time.Time
}

// noStore takes the links of templates and forgets them.
type noStore struct{ delivery.Store }

func (noStore) SaveTemplate(context.Context, store.CompiledTemplate, time.Time) error { return nil }

// noRouter has one way, which nobody takes.
type noRouter struct{ delivery.Router }

func (noRouter) Route(*catalog.Applied, string, string) (delivery.Route, error) {
	return delivery.Route{Name: "main"}, nil
}

const kitchenSettings = `
company: { name: Northwind Bikes, address: "Hafenstrasse 12, 20457 Hamburg", website: https://northwind.example }
public_url: https://news.northwind.example
providers:
  main: { smtp: { host: 127.0.0.1, port: 2525, tls: none } }
senders:
  mia: { from: Mia from Northwind <mia@news.northwind.example>, bounces: bounces.northwind.example%s }
topics:
  guides: { title: Ideas and guides, sender: mia }
delivery: live
`

const kitchenCampaign = `
campaign: spring
topic: guides
start: { once: "2026-03-02 09:00" }
steps: [ { send: ` + MailName + ` } ]
`

// people is how many different contacts are written to in turn.
const people = 1000

// newKitchen makes a kitchen; with the file of a key its messages are signed.
func newKitchen(key string) (*kitchen, error) {
	dkim := ""
	if key != "" {
		dkim = fmt.Sprintf(", dkim: { domain: news.northwind.example, selector: s1, key: %q }", key)
	}
	w, findings := workspace.FromFiles([]workspace.File{
		{Path: "rapport.yaml", Data: fmt.Appendf(nil, kitchenSettings, dkim)},
		{Path: "campaigns/spring.yaml", Data: []byte(kitchenCampaign)},
		{Path: "templates/" + MailName + ".md", Data: []byte(Mail)},
	}, nil)
	for _, f := range findings {
		if !f.Warning {
			return nil, errors.New(strict.Render(f, false))
		}
	}
	applied, err := catalog.Of(store.Version{ID: 1}, w, map[string]store.Campaign{"spring": {ID: 1}})
	if err != nil {
		return nil, err
	}
	tokens, err := token.NewSigner([]string{strings.Repeat("s", token.MinSecret)})
	if err != nil {
		return nil, err
	}
	k := &kitchen{applied: applied, tokens: tokens, now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	k.worker = delivery.New(delivery.Config{Store: noStore{}, Router: noRouter{}, Tokens: tokens, Clock: clock.NewManual(k.now)})
	for i := range int64(people) {
		e := campaigns.Enrolment{ID: ident.New(k.now, i), Campaign: 1, Contact: contacts.ID(i + 1)}
		facts := &contacts.Facts{Contact: contacts.Contact{ID: e.Contact, Email: fmt.Sprintf("contact-%d@example.com", i), FirstName: "Ana", LastName: "Lind",
			Stage: "prospect", CreatedAt: k.now, Attributes: MailAttributes(i)}}
		k.claims = append(k.claims, store.Claimed{Candidate: store.Candidate{ID: ident.Message(e.ID, 1), Template: MailName, Entry: store.Due{Enrolment: e, Facts: facts}}})
	}
	return k, nil
}

// compose makes message i as a worker does.
func (k *kitchen) compose(ctx context.Context, i int64) (size int, err error) {
	err = k.worker.Compose(ctx, k.applied, k.claims[i%people], func(data []byte) { size = len(data) })
	return size, err
}

// plainly makes message i as one would without preparing anything: each part is
// rendered as a text, then the message is built and encoded.
func (k *kitchen) plainly(_ context.Context, i int64) (int, error) {
	c := k.claims[i%people]
	facts := c.Entry.Facts
	in := delivery.PreviewInput(k.applied, k.applied.Workspace.Campaigns["spring"], facts, c.Entry.Enrolment.Origin, k.now)
	l := plainLinks{k.applied.PublicURL, k.tokens.Message(c.ID, int64(facts.Contact.ID))}
	in.Links = l
	out, err := k.applied.Templates.Template(MailName).Render(in)
	if err != nil {
		return 0, err
	}
	id := ident.Format(c.ID)
	return len(mime.Append(nil, &mime.Message{
		From: k.applied.Senders["mia"].From, To: mail.Address{Name: facts.Contact.FirstName + " " + facts.Contact.LastName, Address: facts.Contact.Email},
		EnvelopeFrom: k.tokens.Bounce(c.ID) + "@bounces.northwind.example", Subject: out.Subject, Text: out.Text, HTML: out.HTML, Date: k.now,
		MessageID: id + "@news.northwind.example", ID: id, ListUnsubscribe: l.Unsubscribe(), ListID: "guides.news.northwind.example", FeedbackID: "spring:guides:rapport:mia",
	})), nil
}

// plainLinks makes every address by itself.
type plainLinks struct {
	root string
	base token.Base
}

func (l plainLinks) AppendClick(dst []byte, n int, _ []byte, _ bool) []byte {
	return append(dst, l.root+l.base.Click(n)...)
}
func (l plainLinks) Open() string        { return l.root + l.base.Open() }
func (l plainLinks) Unsubscribe() string { return l.root + l.base.Unsubscribe() }
func (l plainLinks) Preferences() string { return l.root + l.base.Preferences() }
func (l plainLinks) View() string        { return l.root + l.base.View() }

var _ templates.Links = plainLinks{}

// dkimKey writes a fresh key into a folder and gives its file.
func dkimKey(dir string) (string, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "dkim.pem")
	return file, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}
