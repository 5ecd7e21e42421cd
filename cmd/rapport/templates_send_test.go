package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rapport/internal/delivery/smtp/smtptest"
	"rapport/internal/testenv"
)

// testable is a workspace whose sender signs and has two providers, the first of
// which is not to be had. All its mail is caught by the mailbox.
func testable(t *testing.T, port int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "acme")
	must(t, nil, "init", dir)
	file, _ := testenv.DKIMKey(t)
	settings := fmt.Sprintf(`
company: { name: Acme, address: "1 Example Street, 12345 Example Town", website: https://www.example.com }
public_url: https://go.example.com
providers:
  away: { smtp: { host: 127.0.0.1, port: 1, tls: none } }
  main: { smtp: { host: 127.0.0.1, port: %d, tls: none, username: me, password: "${PASSWORD}" } }
senders:
  hello:
    from: Acme <hello@example.com>
    bounces: b.example.com
    providers: [away, main]
    dkim: { domain: example.com, selector: s1, key: %q }
topics: { guides: { title: Guides, sender: hello } }
attributes: { bike: text, km: number, interested: bool }
delivery: mailbox
`, port, file)
	for path, text := range map[string]string{
		filepath.Join(dir, "rapport.yaml"): settings,
		filepath.Join(dir, "templates", "welcome.md"): "---\nsubject: \"{{ contact.first_name }}, your {{ contact.bike }}\"\ntopic: guides\n---\n" +
			"{{ contact.km | plus: 1 }} km. [A link](https://www.example.com/a)\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A test goes out through the provider that works, signed and marked; afterwards
// nothing in the database is otherwise.
func TestRule12ATestGoesOutAndCountsForNothing(t *testing.T) {
	server := smtptest.Start(t, smtptest.Options{Mechanisms: []string{"PLAIN"}, Username: "me", Password: "a secret"})
	dir := testable(t, server.Port)
	env := map[string]string{"PASSWORD": "a secret"}
	people := filepath.Join(t.TempDir(), "people.csv")
	if err := os.WriteFile(people, []byte("email,first_name,bike,km\nana@example.org,Ana,gravel bike,41\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, env, "-C", dir, "contacts", "import", people)
	before := must(t, env, "-C", dir, "contacts", "show", "ana@example.org", "--json") + must(t, env, "-C", dir, "messages", "list", "--json")

	a, out, errs := testApp(env)
	if code := a.run(context.Background(), []string{"-C", dir, "templates", "send", "welcome", "--contact", "ana@example.org", "--to", "me@example.net"}); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	if want := "sent \"[Test] Ana, your gravel bike\" to me@example.net through main: 250 2.0.0 ok queued as T1\n"; out.String() != want {
		t.Errorf("it says %q, want %q", out, want)
	}
	if want := "away is not to be had: temporary at connect: "; !strings.HasPrefix(errs.String(), want) {
		t.Errorf("it notes %q, want %q…", errs, want)
	}
	taken := server.Messages()
	if len(taken) != 1 || taken[0].To != "me@example.net" || taken[0].From != "test@b.example.com" {
		t.Fatalf("the server has %+v", taken)
	}
	m, err := mail.ReadMessage(bytes.NewReader(taken[0].Data))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Subject": "[Test] Ana, your gravel bike", "From": "\"Acme\" <hello@example.com>", "To": "<me@example.net>", "X-Rapport-Test": "yes", "X-Rapport-Id": "",
		"List-Unsubscribe": "<https://go.example.com/u/test>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
	} {
		if got := m.Header.Get(name); strings.TrimPrefix(got, "Acme") != strings.TrimPrefix(want, `"Acme"`) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if signature := m.Header.Get("DKIM-Signature"); !strings.Contains(signature, "d=example.com") || !strings.Contains(signature, "list-unsubscribe-post") {
		t.Errorf("the signature is %q", signature)
	}
	body, err := io.ReadAll(m.Body)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(strings.ReplaceAll(string(body), "=\r\n", ""), "=3D", "=")
	for _, want := range []string{"42 km.", `href="https://www.example.com/a"`, `href="https://go.example.com/u/test"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the mail does not say %s:\n%s", want, text)
		}
	}
	for _, never := range []string{"/c/", "/o/"} {
		if strings.Contains(text, "go.example.com"+never) {
			t.Errorf("something in it would count: %s", text)
		}
	}
	if after := must(t, env, "-C", dir, "contacts", "show", "ana@example.org", "--json") + must(t, env, "-C", dir, "messages", "list", "--json"); after != before {
		t.Errorf("afterwards the database says\n%s\nbefore\n%s", after, before)
	}
}

// What a server refuses is said, and ends with 1.
func TestATestThatIsRefused(t *testing.T) {
	server := smtptest.Start(t, smtptest.Options{Mechanisms: []string{"PLAIN"}, Username: "me", Password: "a secret", Script: func(s smtptest.Step) *smtptest.Action {
		if s.Verb == "rcpt" {
			return &smtptest.Action{Reply: "550 5.1.1 no such user"}
		}
		return nil
	}})
	a, out, errs := testApp(map[string]string{"PASSWORD": "a secret"})
	code := a.run(context.Background(), []string{"-C", testable(t, server.Port), "templates", "send", "welcome", "--set", "first_name=Jo", "--to", "me@example.net", "--json"})
	var got testResult
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if want := (testResult{Template: "welcome", To: "me@example.net", Provider: "main", Subject: "[Test] Jo, your bike", Reply: "550 5.1.1 no such user"}); got != want {
		t.Errorf("it says %+v, want %+v", got, want)
	}
	if want := "main did not take the test to me@example.net: 550 5.1.1 no such user"; code != 1 || !strings.Contains(errs.String(), want) {
		t.Errorf("exit code %d: %s", code, errs)
	}
}
