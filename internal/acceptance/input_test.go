package acceptance

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"rapport/internal/responses"
)

// What comes over the wire and cannot be used is refused in words that help,
// and changes nothing.
func TestBadInput(t *testing.T) {
	t.Parallel()
	in := install(t, options{backend: embedded, smtp: freePort(t)})
	t.Run("import", in.badImport)
	in.prepare(3)
	in.serve()
	r := newResponder(in)
	t.Run("webhook", func(t *testing.T) { badWebhooks(t, r) })
	t.Run("events", func(t *testing.T) { badEvents(t, r) })
	t.Run("import in another encoding", in.importLatin)

	totals, err := in.store.Totals(t.Context())
	if err != nil || totals.Events["order.placed"] != 0 {
		t.Errorf("there are events: %v %v", totals.Events, err)
	}
	if took := in.running[0].stop(t, 20*time.Second); took > 5*time.Second {
		t.Errorf("stopping took %s", took)
	}
}

func badWebhooks(t *testing.T, r *responder) {
	const good = `{"event":"order.placed","id":"1","email":"p00001@example.com"}`
	for _, c := range []struct {
		name, path, body, secret string
		age                      time.Duration
		status                   int
		want                     string
	}{
		{"another secret", "/webhooks/main", good, "somebody else's secret", 0, 401,
			`{"error":"the signature does not fit the body: sign the raw bytes with the secret of this provider"}`},
		{"an old signature", "/webhooks/main", good, webhookSecret, time.Hour, 401, ""},
		{"another provider", "/webhooks/backup", good, webhookSecret, 0, 404,
			`{"error":"there is no provider \"backup\" with webhook: { kind: generic, secret: … } in the workspace"}`},
		{"too large", "/webhooks/main", `"` + strings.Repeat("a", 1<<20) + `"`, webhookSecret, 0, 413,
			`{"error":"the body has more than 1048576 bytes: send fewer events in one request"}`},
		{"not JSON", "/webhooks/main", "event=order.placed", webhookSecret, 0, 400,
			`{"error":"the body is not JSON: line 1, column 1: invalid character 'e' looking for beginning of value"}`},
		{"JSON that breaks off", "/webhooks/main", "{\n  \"event\": \"order.pla", webhookSecret, 0, 400,
			`{"error":"the body is not JSON: line 2, column 21: unexpected end of JSON input"}`},
		{"somebody unknown", "/webhooks/main", `{"event":"order.placed","id":"2","email":"nobody@example.com"}`, webhookSecret, 0, 200,
			`{"accepted":0,"duplicates":0,"unmatched":[{"index":0,"error":"there is no contact with this address"}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := strconv.FormatInt(time.Now().Add(-c.age).Unix(), 10)
			q := request(t, r, c.path, c.body)
			q.Header.Set(responses.TimestampHeader, at)
			q.Header.Set(responses.SignatureHeader, responses.Sign(c.secret, at, []byte(c.body)))
			status, text := r.answer(t, q)
			if status != c.status || c.want != "" && text != c.want {
				t.Errorf("got %d %s\nwant %d %s", status, text, c.status, c.want)
			}
		})
	}
}

func badEvents(t *testing.T, r *responder) {
	for _, c := range []struct {
		name, key, body string
		status          int
		want            string // within the answer
	}{
		{"without a key", "", `{"event":"order.placed","email":"p00001@example.com"}`, 401, `"status":401`},
		{"with a key of nobody", "rk_of_nobody", `{"event":"order.placed","email":"p00001@example.com"}`, 401, `"status":401`},
		{"not JSON", r.in.key, `order.placed`, 400, `the body is not JSON: line 1, column 1: invalid character 'o' looking for beginning of value`},
		{"nobody", r.in.key, `{"event":"order.placed"}`, 422, `it names nobody: send email or contact`},
		{"no name", r.in.key, `{"event":"Order Placed","email":"p00001@example.com"}`, 422, `is no name: lower-case words with dots between them`},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := request(t, r, "/api/v1/events", c.body)
			if c.key != "" {
				q.Header.Set("Authorization", "Bearer "+c.key)
			}
			status, text := r.answer(t, q)
			if status != c.status || !strings.Contains(text, c.want) {
				t.Errorf("got %d %s\nwant %d with %s", status, text, c.status, c.want)
			}
		})
	}
}

func request(t *testing.T, r *responder, path, body string) *http.Request {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.in.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/json")
	return q
}

// badImport reads a file whose lines have broken encodings: the good rows come
// in, the others are given back with the line and the reason.
func (in *installation) badImport(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "broken.csv")
	write(t, file, "email,first_name\nana@example.com,Ana\nj\xfcrgen@example.com,Jürgen\nbea@example.com,B\xe9a\nzoe@example.com,Zoë\n")
	r := run(t, in.command("contacts", "import", file, "--json"))
	if r.code != 0 || !strings.Contains(r.stdout, `"rejected": 2`) {
		t.Errorf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
	const want = `rejected_line,rejected_reason,email,first_name
3,"the column ""email"" is not UTF-8 text (byte 0xFC): save the file as UTF-8, or name its encoding",j` + "\uFFFD" + `rgen@example.com,Jürgen
4,"the column ""first_name"" is not UTF-8 text (byte 0xE9): save the file as UTF-8, or name its encoding",bea@example.com,B` + "\uFFFD" + `a
`
	if got := read(t, filepath.Join(dir, "broken.rejected.csv")); got != want {
		t.Errorf("rejected were\n%s\nnot\n%s", got, want)
	}
	write(t, file, "email,na\xffme\nana@example.com,Ana\n")
	r = run(t, in.command("contacts", "import", file))
	if want := "rapport: cannot import " + file + ": line 1: the names of the columns are not UTF-8 text; save the file as CSV in UTF-8\n"; r.code != 1 || r.stderr != want {
		t.Errorf("exit code %d: %q, not %q", r.code, r.stderr, want)
	}
}

// importLatin imports while the installation runs, in an encoding that has to
// be named or found out.
func (in *installation) importLatin(t *testing.T) {
	file := filepath.Join(t.TempDir(), "latin.csv")
	write(t, file, "email;first_name\nd1@example.com;J\xfcrgen\nd2@example.com;B\xe9a\nd3@example.com;Zo\xeb\n")
	r := run(t, in.command("contacts", "import", file))
	if want := "note: the file is not UTF-8; it was read as Windows-1252\n"; r.code != 0 || r.stderr != want {
		t.Errorf("exit code %d: %q, not %q", r.code, r.stderr, want)
	}
	c, found, err := in.store.ContactByEmail(t.Context(), "d1@example.com")
	if err != nil || !found || c.FirstName != "Jürgen" {
		t.Errorf("got %q %v %v", c.FirstName, found, err)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		return fmt.Sprint(err)
	}
	return string(text)
}
