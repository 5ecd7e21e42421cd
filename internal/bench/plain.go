package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"

	gomail "github.com/wneessen/go-mail"

	"rapport/internal/ident"
)

// content is what a message says, decoded.
type content struct{ subject, text, html, unsubscribe string }

// contentOf decodes a message that the engine has sent.
func contentOf(message []byte) (c content, err error) {
	m, err := mail.ReadMessage(bytes.NewReader(message))
	if err != nil {
		return c, err
	}
	_, form, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return c, err
	}
	if c.subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		return c, err
	}
	c.unsubscribe = m.Header.Get("List-Unsubscribe")
	parts := multipart.NewReader(m.Body, form["boundary"])
	for _, into := range []*string{&c.text, &c.html} {
		p, err := parts.NextPart() // decodes quoted-printable
		if err != nil {
			return c, fmt.Errorf("the message does not have two parts: %w", err)
		}
		text, err := io.ReadAll(p)
		if err != nil {
			return c, err
		}
		*into = string(text)
	}
	return c, nil
}

// sendPlain is what a program does that has a mail library and a loop: it builds
// each message, sends it, and keeps no record. The connection stays open, and
// the content is ready: nothing is rendered.
func (c content) sendPlain(ctx context.Context, b *baseline, more func() (int64, bool)) error {
	client, err := gomail.NewClient("127.0.0.1", gomail.WithPort(b.port), gomail.WithTLSPolicy(gomail.NoTLS), gomail.WithHELO("bench.example"))
	if err != nil {
		return err
	}
	if err := client.DialWithContext(ctx); err != nil {
		return err
	}
	for {
		id, ok := more()
		if !ok {
			return client.Close()
		}
		m := gomail.NewMsg()
		if err := m.FromFormat("Mia from Northwind", senderAddress); err != nil {
			return err
		}
		if err := m.AddToFormat("Ana Ågren", recipient); err != nil {
			return err
		}
		m.Subject(c.subject)
		m.SetDateWithValue(b.run.Clock.Now())
		m.SetMessageIDWithValue(ident.Format(id) + "@news.northwind.example")
		m.SetGenHeader("X-Rapport-Id", ident.Format(id))
		m.SetGenHeader(gomail.HeaderListUnsubscribe, c.unsubscribe)
		m.SetGenHeader(gomail.HeaderListUnsubscribePost, "List-Unsubscribe=One-Click")
		m.SetBodyString(gomail.TypeTextPlain, c.text)
		m.AddAlternativeString(gomail.TypeTextHTML, c.html)
		if err := client.Send(m); err != nil {
			return err
		}
	}
}
