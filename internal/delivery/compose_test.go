package delivery

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/campaigns"
	"rapport/examples"
	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/contacts"
	"rapport/internal/delivery/mime"
	"rapport/internal/ident"
	"rapport/internal/store"
	"rapport/internal/testenv"
	"rapport/internal/token"
	"rapport/internal/workspace"
	"rapport/templates"
)

// records is a store that takes templates.
type records struct {
	Store
	saved []store.CompiledTemplate
}

func (r *records) SaveTemplate(_ context.Context, t store.CompiledTemplate, _ time.Time) error {
	r.saved = append(r.saved, t)
	return nil
}

// oneWay is a router with one provider.
type oneWay struct{ Router }

func (oneWay) Route(*catalog.Applied, string, string) (Route, error) { return Route{Name: "main"}, nil }

// house is a worker over an example, without a database.
type house struct {
	*Worker
	records *records
	applied *catalog.Applied
}

func northwindFiles(t testing.TB) fs.FS {
	t.Helper()
	folder, err := examples.Open(examples.Northwind)
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// northwind is the example with some of its files replaced or added.
func northwind(t testing.TB, changes map[string]string) *house {
	t.Helper()
	files := map[string]string{}
	folder := northwindFiles(t)
	err := fs.WalkDir(folder, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(folder, path)
		files[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range changes {
		files[path] = text
	}
	var list []workspace.File
	for path, text := range files {
		list = append(list, workspace.File{Path: path, Data: []byte(text)})
	}
	w, findings := workspace.FromFiles(list, func(string) (string, bool) { return "x", true })
	for _, f := range findings {
		if !f.Warning {
			t.Fatal(f)
		}
	}
	status, id := map[string]store.Campaign{}, int64(0)
	for name := range w.Campaigns {
		id++
		status[name] = store.Campaign{ID: id}
	}
	applied, err := catalog.Of(store.Version{ID: 1}, w, status)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := token.NewSigner([]string{strings.Repeat("s", 32)})
	if err != nil {
		t.Fatal(err)
	}
	records := &records{}
	return &house{New(Config{Store: records, Router: oneWay{}, Tokens: tokens, Clock: clock.NewManual(noon)}), records, applied}
}

// claim is a claimed message of a campaign to a contact.
func (h *house) claim(campaign string, send *campaigns.Send, facts *contacts.Facts, origin campaigns.Origin) store.Claimed {
	e := campaigns.Enrolment{ID: ident.New(noon, 7), Campaign: h.applied.CampaignID(campaign), Contact: facts.Contact.ID, Origin: origin}
	return store.Claimed{Candidate: store.Candidate{
		ID: ident.Message(e.ID, 1), Template: send.Template, Subject: send.Subject, Entry: store.Due{Enrolment: e, Facts: facts}}}
}

// people are contacts of whom much, little and something strange is known.
func people() []*contacts.Facts {
	return []*contacts.Facts{
		{Contact: contacts.Contact{ID: 7, Email: "ana@example.com", FirstName: "Ana", LastName: "Lind", Language: "de-AT", Timezone: "Europe/Vienna",
			Stage: "client", Health: "at-risk", CreatedAt: noon, Attributes: map[string]any{
				"country": "DE", "city": "Köln", "bike": "e-bike", "likes": []any{"commuting"}, "birthday": "1988-05-03", "next_service": "2026-04-10"}}},
		{Contact: contacts.Contact{ID: 300, Email: "b@example.com", Stage: "stranger", Health: "none", CreatedAt: noon}},
		{Contact: contacts.Contact{ID: 1 << 40, Email: "jörg@bücher.example", FirstName: "From ", LastName: "<b>.\r\n=\t" + strings.Repeat("ö", 80), CreatedAt: noon,
			Timezone: "Nowhere/Land", Attributes: map[string]any{"first_name": "hidden", "bike": "a\xffb", "city": "\n.x ", "next_service": "soon"}}},
	}
}

// plainly makes a message the long way: every part as a text, then encoded.
func (h *house) plainly(t *testing.T, c store.Claimed, d *campaigns.Definition, bounces string) (*mime.Message, error) {
	t.Helper()
	facts := c.Entry.Facts
	tmpl := h.applied.Templates.Template(c.Template)
	if c.Subject != "" {
		var err error
		if tmpl, err = tmpl.WithSubject(c.Subject); err != nil {
			t.Fatal(err)
		}
	}
	in := renderInput(h.applied, d, facts, c.Entry.Enrolment.Origin, noon)
	l := newLinks(h.Tokens, h.applied.PublicURL, c.ID, int64(facts.Contact.ID))
	in.Links = l
	out, err := tmpl.Render(in)
	if err != nil {
		return nil, err
	}
	name := h.applied.SenderOf(d)
	sender := h.applied.Senders[name]
	_, domain, _ := strings.Cut(sender.From.Address, "@")
	m := &mime.Message{
		From: sender.From, To: mail.Address{Name: fullName(&facts.Contact), Address: facts.Contact.Email},
		Subject: out.Subject, Text: out.Text, HTML: out.HTML, Date: noon,
		ID: ident.Format(c.ID), MessageID: ident.Format(c.ID) + "@" + domain,
		Transactional: d.Kind == campaigns.Transactional, ListID: d.Topic + "." + domain,
		FeedbackID: d.Name + ":" + d.Topic + ":rapport:" + name, ListUnsubscribe: l.Unsubscribe(),
	}
	if bounces != "" {
		m.EnvelopeFrom = h.Tokens.Bounce(c.ID) + "@" + bounces
	}
	return m, nil
}

var bought = campaigns.Origin{Name: "order.placed", At: noon, Properties: map[string]any{"name": "hidden", "total": 1890.5, "item": "city bike kit",
	"category": "bike", "items": []any{map[string]any{"name": "Ferry 7 <e-bike>", "price": 1850.0, "quantity": 1.0}}}}

// Every message of the example reads as what the long way gives, and errors are
// the same. Only its lines may break elsewhere.
func TestTheFastWayIsTheLongWay(t *testing.T) {
	// One template of which not everybody has what it tells: it cannot be made for them.
	h := northwind(t, map[string]string{"templates/service-last-call.md": `---
subject: "Due on {{ contact.next_service | date: '%-d %B' }}"
topic: service
---
Your bike is due on **{{ contact.next_service | date: "%-d %B" }}**.
`})
	made, failed := 0, 0
	for name, d := range h.applied.Workspace.Campaigns {
		for _, step := range d.Sends() {
			for _, facts := range people() {
				for _, origin := range []campaigns.Origin{{}, bought} {
					c := h.claim(name, step.Send, facts, origin)
					want, wrong := h.plainly(t, c, d, "")
					m, err := h.finished(t.Context(), h.applied, c)
					if wrong != nil {
						if failed++; err == nil || err.Error() != wrong.Error() {
							t.Errorf("%s: %v, the long way says %v", step.Send.Template, err, wrong)
						}
						continue
					}
					if err != nil {
						t.Errorf("%s: %v", step.Send.Template, err)
						continue
					}
					if diff := cmp.Diff(partsOf(t, mime.Append(nil, want)), partsOf(t, m.data)); diff != "" {
						t.Errorf("%s for %s (-the long way, +sent):\n%s", step.Send.Template, facts.Contact.Email, diff)
					}
					from, to, utf8 := mime.Envelope(m.message)
					wantFrom, wantTo, wantUTF8 := mime.Envelope(want)
					if from != wantFrom || to != wantTo || utf8 != wantUTF8 || m.message.Subject != want.Subject {
						t.Errorf("%s: envelope %s %s %t, subject %q", step.Send.Template, from, to, utf8, m.message.Subject)
					}
					made++
					m.release()
				}
			}
		}
	}
	if made < 50 || failed == 0 {
		t.Errorf("%d messages were compared, and %d could not be made", made, failed)
	}
}

// partsOf are the head of a message, byte for byte, and its parts as a mail
// program reads them, each behind its own head.
func partsOf(t *testing.T, data []byte) []string {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := bytes.Cut(data, []byte("\r\n\r\n"))
	out := []string{string(head)}
	_, boundary, _ := strings.Cut(m.Header.Get("Content-Type"), `boundary="`)
	parts := multipart.NewReader(m.Body, strings.TrimSuffix(boundary, `"`))
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprint(part.Header), string(body))
	}
}

// htmlOf is the HTML part of a message.
func htmlOf(t *testing.T, data []byte) string {
	t.Helper()
	parts := partsOf(t, data)
	return strings.ReplaceAll(parts[len(parts)-1], "\r\n", "\n")
}

// The page in the browser and the preview show what the mail says.
func TestMailPageAndPreviewAgree(t *testing.T) {
	h := northwind(t, nil)
	facts := people()[0]
	d := h.applied.Workspace.Campaigns["welcome"]
	send := d.Sends()[0].Send
	c := h.claim("welcome", send, facts, campaigns.Origin{})
	m, err := h.finished(t.Context(), h.applied, c)
	if err != nil {
		t.Fatal(err)
	}
	mailed := htmlOf(t, m.data)
	before, pixel, _ := strings.Cut(mailed, `<img src="`+h.applied.PublicURL+"/o/")
	_, after, ok := strings.Cut(pixel, "/>")
	if !ok {
		t.Fatalf("no pixel in %s", mailed)
	}
	page, err := (&Pages{Tokens: h.Tokens}).Page(t.Context(), h.applied, PageOf{Message: c.ID, Mailed: store.Mailed{Campaign: "welcome", Template: send.Template}, Facts: facts}, noon)
	if err != nil || page != before+after {
		t.Errorf("the page (%v)\n%s\nis not the mail\n%s", err, page, before+after)
	}
	in := PreviewInput(h.applied, d, facts, campaigns.Origin{}, noon)
	in.Links = pageLinks{newLinks(h.Tokens, h.applied.PublicURL, c.ID, int64(facts.Contact.ID))}
	if out, err := h.applied.Templates.Template(send.Template).Render(in); err != nil || out.HTML != page {
		t.Errorf("the preview (%v)\n%s\nis not the page\n%s", err, out.HTML, page)
	}
}

// signing is the example with a sender that signs and has its own return path.
func signing(t testing.TB) (*house, ed25519.PublicKey) {
	t.Helper()
	file, public := testenv.DKIMKey(t)
	raw, err := fs.ReadFile(northwindFiles(t), "rapport.yaml")
	if err != nil {
		t.Fatal(err)
	}
	from := "    from: Mia from Northwind <mia@news.northwind.example>\n"
	settings := strings.Replace(string(raw), from, from+"    bounces: bounces.northwind.example\n    dkim: { domain: news.northwind.example, selector: s1, key: \""+file+"\" }\n", 1)
	return northwind(t, map[string]string{"rapport.yaml": settings}), public
}

func TestASignedMessageIsTheMessageWithItsSignature(t *testing.T) {
	h, _ := signing(t)
	d := h.applied.Workspace.Campaigns["welcome"]
	for range 3 { // with memory that was used before, too
		c := h.claim("welcome", d.Sends()[0].Send, people()[0], campaigns.Origin{})
		m, err := h.finished(t.Context(), h.applied, c)
		if err != nil {
			t.Fatal(err)
		}
		want, err := h.plainly(t, c, d, "bounces.northwind.example")
		if err != nil {
			t.Fatal(err)
		}
		signer, err := h.signers.of(h.applied.Senders["mia"].DKIM, h.Clock.Now)
		if err != nil {
			t.Fatal(err)
		}
		message := m.data[bytes.Index(m.data, []byte("From: ")):]
		if got, want := string(m.data), string(signer.AppendField(nil, message))+string(message); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		if diff := cmp.Diff(partsOf(t, mime.Append(nil, want)), partsOf(t, message)); diff != "" {
			t.Errorf("-the long way, +signed:\n%s", diff)
		}
		if from, _, _ := mime.Envelope(m.message); from != h.Tokens.Bounce(c.ID)+"@bounces.northwind.example" {
			t.Errorf("the return path is %s", from)
		}
		m.release()
	}
}

// What a new version says counts for the next message, and what is known of a
// version is found again while another one is at work.
func TestRecipesBelongToAVersion(t *testing.T) {
	h := northwind(t, nil)
	send := h.applied.Workspace.Campaigns["birthday"].Sends()[0].Send
	newer := northwind(t, map[string]string{"templates/" + send.Template + ".md": "---\nsubject: New\n---\nNew words, [a link](https://x.example/)\n"}).applied
	newer.Version.ID = 2
	older := h.applied
	for i, applied := range []*catalog.Applied{older, newer, older, newer, older} {
		h.applied = applied
		m, err := h.finished(t.Context(), applied, h.claim("birthday", send, people()[0], campaigns.Origin{}))
		if err != nil {
			t.Fatal(err)
		}
		if isNew := bytes.Contains(m.data, []byte("New words")); isNew != (applied == newer) {
			t.Errorf("message %d: new words %t", i, isNew)
		}
		if len(h.records.saved) != min(i+1, 2) || m.hash != h.records.saved[i%2].Hash {
			t.Errorf("message %d: %d templates saved; the hash %s", i, len(h.records.saved), m.hash)
		}
	}
}

// A fault of the message passes its step, whatever else is wrong with us.
func TestAFaultOfTheMessageComesFirst(t *testing.T) {
	h := northwind(t, map[string]string{"templates/broken.md": "---\nsubject: Hi\n---\nHi {{ contact.sunset }}\n"})
	delete(h.applied.Senders, "mia")
	_, err := h.finished(t.Context(), h.applied, h.claim("welcome", &campaigns.Send{Template: "broken"}, people()[0], campaigns.Origin{}))
	want := `template broken: broken.md:4:7: contact.sunset has no value (give it a default: {{ contact.sunset | default: "…" }})`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	_, err = h.finished(t.Context(), h.applied, h.claim("welcome", h.applied.Workspace.Campaigns["welcome"].Sends()[0].Send, people()[0], campaigns.Origin{}))
	if err == nil || err.Error() != "sender mia is not in the applied workspace" {
		t.Errorf("got %v", err)
	}
}

// A person's fields are those of the map that templates once had.
func TestPersonAndOccasionAsMaps(t *testing.T) {
	for _, source := range []string{"{{ contact }}", "{% for f in contact %}{{ f[0] }}={{ f[1] }};{% endfor %}", "{{ contact.size }}", "{{ contact.name }}|{{ contact.attributes.bike }}|{{ contact.id }}",
		"{% if event == empty %}none{% endif %}", "{{ event }}", "{{ event.name }} {{ event.at | date: '%F' }} {{ event.total }}", "{% if contact.language == 'de-AT' %}y{% endif %}{{ contact.language | upcase | slice: 0, 2 }}",
		"{{ contact.stage | default: 'x' }}{{ contact.timezone | append: contact.email }}", "{% assign n = contact.first_name %}{{ n | size }}{% case n %}{% when 'Ana' %}A{% endcase %}"} {
		set, findings := templates.Compile([]templates.Source{{Path: "a.md", Data: []byte("---\nsubject: Hi\nkind: transactional\nlayout: none\n---\n" + source + "\n")}}, templates.CompileOptions{})
		if len(findings) > 0 {
			t.Fatal(findings[0])
		}
		for _, facts := range people() {
			for _, origin := range []campaigns.Origin{{}, bought} {
				drop := templates.Input{Contact: &person{contact: &facts.Contact, name: fullName(&facts.Contact)}, Event: &occasion{origin}, Now: noon}
				asMap := drop
				asMap.Contact, asMap.Event = contactMap(&facts.Contact), eventMap(origin)
				got, err := set.Template("a").Render(drop)
				want, wrong := set.Template("a").Render(asMap)
				if got != want || (err == nil) != (wrong == nil) || err != nil && err.Error() != wrong.Error() {
					t.Errorf("%s: got %q (%v), want %q (%v)", source, got.Text, err, want.Text, wrong)
				}
			}
		}
	}
}

func contactMap(c *contacts.Contact) map[string]any {
	m := map[string]any{}
	for k, v := range c.Attributes {
		m[k] = v
	}
	for k, v := range map[string]string{"email": c.Email, "first_name": c.FirstName, "last_name": c.LastName, "name": fullName(c),
		"language": c.Language, "timezone": c.Timezone, "stage": c.Stage, "health": c.Health} {
		if v != "" {
			m[k] = v
		}
	}
	m["id"], m["created_at"], m["attributes"] = int64(c.ID), c.CreatedAt, c.Attributes
	return m
}

func eventMap(o campaigns.Origin) map[string]any {
	m := map[string]any{}
	for k, v := range o.Properties {
		m[k] = v
	}
	if o.Name != "" {
		m["name"], m["at"] = o.Name, o.At
	}
	return m
}

// BenchmarkCompose is one message of the example, from the claim to the bytes.
func BenchmarkCompose(b *testing.B) {
	signed, _ := signing(b)
	for name, h := range map[string]*house{"plain": northwind(b, nil), "signed": signed} {
		b.Run(name, func(b *testing.B) {
			c := h.claim("welcome", h.applied.Workspace.Campaigns["welcome"].Sends()[0].Send, people()[0], campaigns.Origin{})
			b.ReportAllocs()
			for b.Loop() {
				if err := h.Compose(b.Context(), h.applied, c, func(data []byte) { b.SetBytes(int64(len(data))) }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
