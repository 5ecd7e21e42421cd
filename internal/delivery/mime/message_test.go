package mime

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	gomessage "github.com/emersion/go-message/mail"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("", 3600))

func sample() *Message {
	return &Message{
		From:    mail.Address{Name: "Northwind Größe", Address: "hello@northwind.example"},
		To:      mail.Address{Name: "Ann O'Neil", Address: "ann@bücher.example"},
		ReplyTo: mail.Address{Address: "care@northwind.example"},
		Subject: "Ten percent off – only this week",
		Text:    "Hello Ann,\n.a dot\nFrom us.\n", HTML: "<p class=\"x\">Hello Ann ☕</p>",
		MessageID: "123@northwind.example", Date: noon,
		ListUnsubscribe: "https://go.northwind.example/u/abc", ListUnsubscribeMail: "stop+abc@northwind.example",
		ListID: "news.northwind.example", FeedbackID: "welcome:123:marketing:northwind", ID: "4096",
		Headers: []Header{{"X-SES-CONFIGURATION-SET", "main"}},
	}
}

func TestWhole(t *testing.T) {
	want := strings.ReplaceAll(`From: =?utf-8?q?Northwind_Gr=C3=B6=C3=9Fe?= <hello@northwind.example>
To: Ann O'Neil <ann@xn--bcher-kva.example>
Reply-To: <care@northwind.example>
Subject: =?utf-8?q?Ten_percent_off_=E2=80=93_only_this_week?=
Date: Sun, 01 Mar 2026 12:00:00 +0100
Message-ID: <123@northwind.example>
MIME-Version: 1.0
List-Unsubscribe: <https://go.northwind.example/u/abc>,
 <mailto:stop+abc@northwind.example>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
List-Id: <news.northwind.example>
Feedback-ID: welcome:123:marketing:northwind
Auto-Submitted: auto-generated
X-Rapport-Id: 4096
X-SES-CONFIGURATION-SET: main
Content-Type: multipart/alternative;
 boundary="=_0123456789abcdef"

--=_0123456789abcdef
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Hello Ann,
=2Ea dot
=46rom us.

--=_0123456789abcdef
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<p class=3D"x">Hello Ann =E2=98=95</p>
--=_0123456789abcdef--
`, "\n", "\r\n")
	m := sample()
	got := string(Append(nil, m))
	got = strings.ReplaceAll(got, string(appendBoundary(nil, m.MessageID)), "=_0123456789abcdef")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if again := Append([]byte("before"), sample()); !bytes.Equal(again[6:], Append(nil, m)) {
		t.Error("the same message gives other bytes")
	}
}

func TestKindsOfMessage(t *testing.T) {
	for _, test := range []struct {
		name     string
		change   func(*Message)
		with     []string
		without  []string
		needUTF8 bool
	}{
		{"transactional", func(m *Message) { m.Transactional = true }, []string{"Auto-Submitted: auto-generated"},
			[]string{"List-", "Feedback-ID"}, false},
		{"test", func(m *Message) { m.Test = true }, []string{"\r\nX-Rapport-Test: yes\r\n"}, nil, false},
		{"unsubscribe by mail only", func(m *Message) { m.ListUnsubscribe = "" },
			[]string{"\r\nList-Unsubscribe: <mailto:stop+abc@northwind.example>\r\n"}, []string{"One-Click"}, false},
		{"unsubscribe over http", func(m *Message) { m.ListUnsubscribe, m.ListUnsubscribeMail = "http://x.example/u", "" },
			nil, []string{"List-Unsubscribe"}, false},
		{"text only", func(m *Message) { m.HTML = "" }, []string{"\r\nContent-Type: text/plain"}, []string{"multipart", "text/html"}, false},
		{"html only", func(m *Message) { m.Text = "" }, []string{"\r\nContent-Type: text/html"}, []string{"multipart", "text/plain"}, false},
		{"local part beyond ascii", func(m *Message) { m.To.Address = "jürgen@bücher.example" },
			[]string{"<jürgen@xn--bcher-kva.example>"}, nil, true},
		{"local part in quotes", func(m *Message) { m.To.Address = `ann "x" b@y.example` },
			[]string{`<"ann \"x\" b"@y.example>`}, nil, false},
		{"fields that are ours", func(m *Message) {
			m.Headers = []Header{{"from", "evil@x"}, {"Bcc", "x@y"}, {"X:y", "z"}, {"", "z"}, {"DKIM-Signature", "z"}, {"X\r\nBcc", "z"}}
		}, nil, []string{"evil", "Bcc", "X:y", "DKIM", "\r\n: "}, false},
		{"metadata stays json", func(m *Message) {
			m.Headers = []Header{{"X-MC-Metadata", `{"message": "` + strings.Repeat("1", 100) + `", "b": "=?utf-8?q?x?="}`}}
		}, []string{`{"message":` + "\r\n" + ` "` + strings.Repeat("1", 100) + `",` + "\r\n" + ` "b": "=?utf-8?q?x?="}`}, nil, false},
		{"list id with a name", func(m *Message) { m.ListID = "News <news.x.example>" }, []string{"\r\nList-Id: News <news.x.example>\r\n"}, nil, false},
		{"mailto with a subject", func(m *Message) { m.ListUnsubscribeMail = "mailto:stop@x.example?subject=a b" },
			[]string{"<mailto:stop@x.example?subject=a%20b>"}, nil, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := sample()
			test.change(m)
			got := string(Append(nil, m))
			for _, s := range test.with {
				if !strings.Contains(got, s) {
					t.Errorf("no %q in\n%s", s, got)
				}
			}
			for _, s := range test.without {
				if strings.Contains(got, s) {
					t.Errorf("%q in\n%s", s, got)
				}
			}
			if NeedsUTF8(m) != test.needUTF8 {
				t.Errorf("NeedsUTF8 is %v", !test.needUTF8)
			}
			checkWire(t, []byte(got), test.needUTF8)
		})
	}
}

// Whatever stands in a field, no other field comes of it.
func TestNoHeaderInjection(t *testing.T) {
	evil := "x\r\nBcc: victim@x.example\r\n\r\nbody\n\rBcc: y"
	m := sample()
	m.From.Name, m.From.Address = evil, "a@b.example"+evil
	m.To.Name, m.To.Address = evil, evil+"@b.example"
	m.ReplyTo = mail.Address{Name: evil, Address: "a@b" + evil}
	m.Subject, m.MessageID, m.ListUnsubscribe = evil, evil, "https://x.example/"+evil
	m.ListUnsubscribeMail, m.ListID, m.FeedbackID, m.ID = evil, evil, evil, evil
	m.Headers = []Header{{"X-Mine", evil}}
	got := Append(nil, m)
	parsed, err := mail.ReadMessage(bytes.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	if parsed.Header.Get("Bcc") != "" {
		t.Errorf("a Bcc got in:\n%s", got)
	}
	body, err := io.ReadAll(parsed.Body)
	if err != nil || !bytes.HasPrefix(body, []byte("--=_")) {
		t.Errorf("the body begins with %.40q (%v)", body, err)
	}
	checkWire(t, got, false)
	from, to, _ := Envelope(m)
	if strings.ContainsAny(from+to, "\r\n") {
		t.Errorf("envelope %q %q", from, to)
	}
}

// checkWire fails unless data holds what the package promises of all of it.
func checkWire(t interface{ Errorf(string, ...any) }, data []byte, utf8Header bool) {
	if !bytes.HasSuffix(data, []byte("\r\n")) {
		t.Errorf("the end is %q", data[max(0, len(data)-5):])
	}
	body := false
	for line := range bytes.SplitSeq(bytes.TrimSuffix(data, []byte("\r\n")), []byte("\r\n")) {
		switch {
		case bytes.ContainsAny(line, "\r\n"):
			t.Errorf("a bare CR or LF in %q", line)
		case bytes.HasPrefix(line, []byte(".")):
			t.Errorf("a dot at the start of %q", line)
		case len(line) > 998, body && len(line) > 76:
			t.Errorf("%d characters in %q", len(line), line)
		case !utf8Header && bytes.ContainsFunc(line, func(r rune) bool { return r > '~' || r < ' ' && r != '\t' }):
			t.Errorf("not printable ASCII: %q", line)
		}
		body = body || len(line) == 0
	}
}

// texts mixes what goes wrong in headers with anything at all.
func texts() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.String(),
		rapid.StringOfN(rapid.RuneFrom([]rune("aB .=?_\t\"\\\r\n,<>@é☕😀\u0000\u2028")), 0, 400, -1),
		rapid.Map(rapid.SliceOf(rapid.SampledFrom([]string{"word", " ", "  ", "=?utf-8?q?x?=", "Größe", "From ", ".",
			"\r\n", "\n", "\r", strings.Repeat("x", 90), "😀😀😀😀"})), func(s []string) string { return strings.Join(s, "") }),
	)
}

// What comes out of two independent readers is what went in.
func TestComesOutAsItWentIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := sample()
		m.Subject = texts().Draw(t, "subject")
		m.From.Name = texts().Draw(t, "from")
		m.To.Name = texts().Draw(t, "to")
		m.Text = texts().Draw(t, "text")
		m.HTML = texts().Draw(t, "html")
		m.MessageID = rapid.StringMatching(`[a-z0-9]{1,30}@x\.example`).Draw(t, "id")
		value := texts().Draw(t, "value")
		m.Headers = []Header{{"X-Value", value}}
		checkRoundTrip(t, m, Append(nil, m))
	})
}

type failer interface {
	Errorf(string, ...any)
	Fatalf(string, ...any)
}

func checkRoundTrip(t failer, m *Message, data []byte) {
	checkWire(t, data, NeedsUTF8(m))
	parsed, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("net/mail: %v", err)
	}
	decode := func(s string) string {
		out, err := new(mime.WordDecoder).DecodeHeader(s)
		if err != nil {
			t.Errorf("decoding %q: %v", s, err)
		}
		return out
	}
	if got := decode(parsed.Header.Get("Subject")); got != clean(m.Subject) {
		t.Errorf("subject %q came out as %q", clean(m.Subject), got)
	}
	for field, want := range map[string]mail.Address{"From": m.From, "To": m.To} {
		got, err := parsed.Header.AddressList(field)
		if err != nil || len(got) != 1 || got[0].Name != clean(want.Name) || got[0].Address != Address(want.Address) {
			t.Errorf("%s %q came out as %v (%v)", field, want, got, err)
		}
	}
	// The second reader.
	r, err := gomessage.CreateReader(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("go-message: %v", err)
	}
	if got, err := r.Header.Subject(); err != nil || got != clean(m.Subject) {
		t.Errorf("go-message: subject %q came out as %q (%v)", clean(m.Subject), got, err)
	}
	var bodies []string
	for {
		part, err := r.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("go-message: %v", err)
		}
		body, err := io.ReadAll(part.Body)
		if err != nil {
			t.Fatalf("go-message: %v", err)
		}
		bodies = append(bodies, string(body))
	}
	want := []string{lines(m.Text), lines(m.HTML)}
	switch {
	case m.HTML == "":
		want = []string{lines(m.Text) + "\r\n"}
	case m.Text == "":
		want = []string{lines(m.HTML) + "\r\n"}
	}
	if diff := cmp.Diff(want, bodies); diff != "" {
		t.Errorf("bodies (-in +out): %s", diff)
	}
	_, params, err := mime.ParseMediaType(parsed.Header.Get("Content-Type"))
	if err != nil || m.HTML == "" || m.Text == "" {
		return
	}
	parts := multipart.NewReader(parsed.Body, params["boundary"])
	for i := range want {
		part, err := parts.NextPart() // it undoes quoted-printable itself
		if err != nil {
			t.Fatalf("mime/multipart: %v", err)
		}
		if body, err := io.ReadAll(part); err != nil || string(body) != want[i] {
			t.Errorf("mime/multipart: part %d: %q, not %q (%v)", i, body, want[i], err)
		}
	}
}

// lines is a body as it should come out: repaired, with CRLF.
func lines(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	return strings.ReplaceAll(s, "\n", "\r\n")
}

func FuzzMessage(f *testing.F) {
	f.Add("subject", "name", "a@b.example", "text", "X-A", "value")
	f.Add("=?utf-8?q?x?=", "\"\\", "\"a b\"@c", ".\r\n.", "From", "\r\nBcc: x")
	f.Fuzz(func(t *testing.T, subject, name, address, text, field, value string) {
		m := sample()
		m.Subject, m.To.Name, m.To.Address, m.Text = subject, name, address, text
		m.Headers = []Header{{field, value}}
		data := Append(nil, m)
		checkWire(t, data, NeedsUTF8(m))
		parsed, err := mail.ReadMessage(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%v in\n%s", err, data)
		}
		if len(parsed.Header["From"]) != 1 || len(parsed.Header["Bcc"]) != 0 {
			t.Errorf("fields: %v", parsed.Header)
		}
		if !utf8.Valid(data) {
			t.Errorf("not UTF-8: %q", data)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	m := sample()
	m.Text = strings.Repeat("A line of plain text with some words in it.\n", 60)
	m.HTML = strings.Repeat("<p style=\"margin:0\">A paragraph with a <a href=\"https://x.example/c/abc?d=1\">link</a> and words.</p>\n", 170)
	buf := make([]byte, 0, 64<<10)
	b.ReportAllocs()
	for b.Loop() {
		buf = Append(buf[:0], m)
	}
	b.SetBytes(int64(len(buf)))
}
