package smtp_test

import (
	"fmt"
	"net/mail"
	"testing"
	"time"

	"rapport/internal/delivery/mime"
	"rapport/internal/delivery/smtp"
	"rapport/internal/mailbox"
)

// Built by package mime, sent by this one, taken by the mailbox: what is read
// there is what was written, once each.
func TestIntoTheMailbox(t *testing.T) {
	now := func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }
	box, err := mailbox.Start(mailbox.Config{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	}()
	pool := smtp.NewPool(smtp.Config{Host: box.Host(), Port: box.Port(), TLS: smtp.Plain}, nil)
	defer pool.Close()
	const n = 2000
	all := make([]smtp.Envelope, n)
	for i := range all {
		m := &mime.Message{
			From: mail.Address{Name: "Shop", Address: "shop@example.com"}, To: mail.Address{Address: fmt.Sprintf("jürgen%d@bücher.example", i)},
			Subject: fmt.Sprintf("Größe %d", i), Text: "Hello\n.dot\n", HTML: "<p>Hello ☕</p>", MessageID: fmt.Sprint(i, "@example.com"),
			Date: now(), ID: fmt.Sprint(i), EnvelopeFrom: "bounce@example.com",
		}
		from, to, utf8 := mime.Envelope(m)
		all[i] = smtp.Envelope{From: from, To: to, UTF8: utf8, Data: mime.Append(nil, m)}
	}
	for i, r := range pool.SendAll(t.Context(), all) {
		if r.Outcome != smtp.Sent {
			t.Fatalf("message %d: %s", i, r)
		}
	}
	if c := box.Counts(); c.Messages != n || c.Duplicates != 0 || c.Recipients != n {
		t.Errorf("counts %+v", c)
	}
	got := box.List(mailbox.Filter{RapportID: "1234"}, 0)
	if len(got) != 1 || got[0].Subject != "Größe 1234" || got[0].To != "jürgen1234@xn--bcher-kva.example" {
		t.Fatalf("got %v", got)
	}
	content, err := box.Parsed(got[0].ID)
	if err != nil || content.Text != "Hello\r\n.dot\r\n" || content.HTML != "<p>Hello ☕</p>" {
		t.Errorf("got %+v (%v)", content, err)
	}
}

func BenchmarkIntoTheMailbox(b *testing.B) {
	box, err := mailbox.Start(mailbox.Config{Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	defer box.Close()
	pool := smtp.NewPool(smtp.Config{Host: box.Host(), Port: box.Port(), TLS: smtp.Plain}, nil)
	defer pool.Close()
	data := append([]byte("From: a@example.com\r\nSubject: x\r\n\r\n"), make([]byte, 20_000)...)
	for i := range data[36:] {
		data[36+i] = "word and more words to fill a line of text with seventy characters\r\n"[i%68]
	}
	data = append(data, "\r\n"...)
	all := make([]smtp.Envelope, 1000)
	for i := range all {
		all[i] = smtp.Envelope{From: "a@example.com", To: "b@example.org", Data: data}
	}
	b.ResetTimer()
	for i := 0; i < b.N; i += len(all) {
		pool.SendAll(b.Context(), all[:min(len(all), b.N-i)])
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}
