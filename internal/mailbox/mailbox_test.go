package mailbox

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func start(t *testing.T, keep int) *Mailbox {
	t.Helper()
	m, err := Start(Config{Now: func() time.Time { return noon }, Keep: keep})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func address(m *Mailbox) string { return fmt.Sprintf("%s:%d", m.Host(), m.Port()) }

func raw(id, subject string) []byte {
	return []byte("From: Shop <shop@example.com>\r\nTo: <ann@example.org>\r\nSubject: " + subject +
		"\r\nX-Rapport-Id: " + id + "\r\n\r\nHello\r\n..dots\r\n")
}

func send(t *testing.T, m *Mailbox, body []byte, to ...string) {
	t.Helper()
	if err := smtp.SendMail(address(m), nil, "bounce@example.com", to, body); err != nil {
		t.Fatal(err)
	}
}

func TestTakesAndLists(t *testing.T) {
	m := start(t, 100)
	send(t, m, raw("1", "=?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n =?utf-8?q?_an_alle?="), "ann@example.org", "bob@example.org")
	send(t, m, raw("2", "plain"), "ann@example.org")

	want := []Message{
		{ID: 3, To: "ann@example.org", From: "bounce@example.com", Subject: "plain", RapportID: "2", Received: noon},
		{ID: 2, To: "bob@example.org", From: "bounce@example.com", Subject: "Grüße an alle", RapportID: "1", Received: noon},
		{ID: 1, To: "ann@example.org", From: "bounce@example.com", Subject: "Grüße an alle", RapportID: "1", Received: noon},
	}
	got := m.List(Filter{}, 0)
	for i := range got {
		if !strings.HasSuffix(string(got[i].Raw), "\r\n\r\nHello\r\n..dots\r\n") {
			t.Errorf("message %d: %q", got[i].ID, got[i].Raw)
		}
		got[i].Raw = nil
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, test := range []struct {
		filter Filter
		limit  int
		want   []int64
	}{
		{Filter{To: "ANN@example.org"}, 0, []int64{3, 1}},
		{Filter{To: "ann@example.org"}, 1, []int64{3}},
		{Filter{To: "ann@example.org", Before: 3}, 1, []int64{1}},
		{Filter{RapportID: "1"}, 0, []int64{2, 1}},
		{Filter{Text: "GRÜSSE"}, 0, nil},
		{Filter{Text: "grüße"}, 0, []int64{2, 1}},
		{Filter{Text: "bob"}, 0, []int64{2}},
	} {
		var ids []int64
		for _, c := range m.List(test.filter, test.limit) {
			ids = append(ids, c.ID)
		}
		if !cmp.Equal(ids, test.want) {
			t.Errorf("%+v: %v, not %v", test.filter, ids, test.want)
		}
	}
	if c := m.Counts(); c.Messages != 3 || c.Recipients != 2 || c.Duplicates != 0 {
		t.Errorf("counts %+v", c)
	}
}

func TestKeepsTheLatestAndCountsAll(t *testing.T) {
	m := start(t, 3)
	for i := range 10 {
		send(t, m, raw(fmt.Sprint(i), "s"), "ann@example.org")
	}
	if got := m.List(Filter{}, 0); len(got) != 3 || got[0].ID != 10 || got[2].ID != 8 {
		t.Errorf("kept %v", got)
	}
	if _, ok := m.Get(7); ok {
		t.Error("message 7 is still there")
	}
	for _, id := range []int64{0, -1, 11} {
		if _, ok := m.Get(id); ok {
			t.Errorf("message %d exists", id)
		}
	}
	if _, err := m.Parsed(7); !errors.Is(err, ErrGone) || err.Error() != "message 7: the message is not in the mailbox any more" {
		t.Errorf("parsing it: %v", err)
	}
	if c := m.Counts(); c.Messages != 10 || c.Duplicates != 0 {
		t.Errorf("counts %+v", c)
	}
}

func TestSecondCopiesAreSeen(t *testing.T) {
	m := start(t, 2)
	for _, to := range []string{"ann@example.org", "Ann@Example.org", "bob@example.org", "ann@example.org"} {
		send(t, m, raw("7", "s"), to)
	}
	send(t, m, raw("8", "s"), "ann@example.org")
	send(t, m, []byte("Subject: no id\r\n\r\nx\r\n"), "ann@example.org")
	send(t, m, []byte("Subject: no id\r\n\r\nx\r\n"), "ann@example.org")
	want := []Duplicate{{To: "ann@example.org", RapportID: "7", Copies: 3}}
	if diff := cmp.Diff(want, m.Duplicates()); diff != "" {
		t.Error(diff)
	}
	if c := m.Counts(); c.Duplicates != 2 {
		t.Errorf("counts %+v", c)
	}
	if n := m.Copies("ann@example.org", "7"); n != 3 {
		t.Errorf("%d copies", n)
	}
}

func TestSubscribe(t *testing.T) {
	m := start(t, 10)
	var mu sync.Mutex
	var heard []int64
	cancel := m.Subscribe(func(c Message) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, c.ID)
	})
	send(t, m, raw("1", "s"), "ann@example.org", "bob@example.org")
	cancel()
	send(t, m, raw("2", "s"), "ann@example.org")
	if !cmp.Equal(heard, []int64{1, 2}) {
		t.Errorf("heard %v", heard)
	}
}

func TestParsed(t *testing.T) {
	m := start(t, 10)
	send(t, m, []byte("Subject: =?utf-8?q?H=C3=A9?=\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"+
		"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nTee =E2=98=95\r\n"+
		"--b\r\nContent-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>caf=E9</p>\r\n--b--\r\n"),
		"ann@example.org")
	got, err := m.Parsed(1)
	if err != nil {
		t.Fatal(err)
	}
	if got.Text != "Tee ☕" || got.HTML != "<p>café</p>" || got.Headers[0] != (Header{"Subject", "Hé"}) {
		t.Errorf("got %+v", got)
	}
}

// A conversation by hand: what a server must answer, with commands sent in
// groups.
func TestConversation(t *testing.T) {
	m := start(t, 10)
	for _, test := range []struct{ name, say, want string }{
		{"order", "RCPT TO:<a@b>\r\nDATA\r\nBDAT 3 LAST\r\nabcMAIL FROM:<x@y>\r\nMAIL FROM:<x@y>\r\nRSET\r\nMAIL FROM:<>\r\nQUIT\r\n",
			"503 503 503 250 503 250 250 221"},
		{"syntax", "MAIL x\r\nMAIL FROM:x\r\nMAIL FROM:<x@y> SIZE=3\r\nRCPT TO:<>\r\nRCPT to: <a@b>\r\nFOO\r\nNOOP\r\nQUIT\r\n",
			"501 501 250 501 250 500 250 221"},
		{"chunks", "MAIL FROM:<x@y>\r\nRCPT TO:<a@b>\r\nBDAT 4\r\nA: 1BDAT 4 LAST\r\n\r\n\r\nMAIL FROM:<x@y>\r\nQUIT\r\n",
			"250 250 250 250 250 221"},
		{"too large a chunk", "MAIL FROM:<x@y>\r\nRCPT TO:<a@b>\r\nBDAT 9223372036854775807 LAST\r\n", "250 250"},
		{"no number", "MAIL FROM:<x@y>\r\nBDAT x LAST\r\nQUIT\r\n", "250 501"},
		{"dots", "MAIL FROM:<x@y>\r\nRCPT TO:<a@b>\r\nDATA\r\n", "250 250 354"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := net.Dial("tcp", address(m))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			r := bufio.NewScanner(c)
			if !r.Scan() || !strings.HasPrefix(r.Text(), "220 ") {
				t.Fatalf("greeting %q", r.Text())
			}
			if _, err := c.Write([]byte(test.say)); err != nil {
				t.Fatal(err)
			}
			if err := c.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			var codes []string
			for r.Scan() {
				codes = append(codes, r.Text()[:3])
			}
			if got := strings.Join(codes, " "); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
	got := m.List(Filter{}, 0)
	if len(got) != 1 || string(got[0].Raw) != "A: 1\r\n\r\n" {
		t.Errorf("kept %v", got)
	}
}

func TestPortInUse(t *testing.T) {
	m := start(t, 1)
	_, err := Start(Config{Port: m.Port(), Now: time.Now})
	want := fmt.Sprintf("mailbox: listen tcp 127.0.0.1:%d: bind: address already in use: choose another port, or 0 for a free one", m.Port())
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(raw("1", "s"))
	f.Add([]byte("Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = Parse(data) // may fail, may not panic
		headline(data)
	})
}
