package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// With --online a page that is gone is told with its place, one that takes only
// people is not, and no address is asked twice or too many at once.
func TestLintAsksAddresses(t *testing.T) {
	var now, most atomic.Int64
	asked := make(chan string, 1000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		asked <- q.Method + " " + q.URL.Path
		switch {
		case q.URL.Path == "/gone":
			http.Error(w, "gone", http.StatusNotFound)
		case q.URL.Path == "/people":
			http.Error(w, "who are you", http.StatusForbidden)
		case q.URL.Path == "/broken":
			http.Error(w, "oh", http.StatusBadGateway)
		case q.URL.Path == "/nohead" && q.Method == "HEAD":
			http.Error(w, "no", http.StatusMethodNotAllowed)
		case q.URL.Path == "/moved":
			http.Redirect(w, q, "/there", http.StatusFound)
		}
	}))
	t.Cleanup(server.Close)
	dir := filepath.Join(t.TempDir(), "acme")
	must(t, nil, "init", dir)
	settings, err := os.ReadFile(filepath.Join(dir, "rapport.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	text.WriteString("---\nsubject: Links\n---\n")
	for _, path := range []string{"/there", "/gone", "/people", "/broken", "/nohead", "/moved", "/gone"} {
		fmt.Fprintf(&text, "[%s](%s%s)\n\n", path[1:], server.URL, path)
	}
	for i := range 40 {
		fmt.Fprintf(&text, "[more](%s/more/%d)\n\n", server.URL, i)
	}
	for path, data := range map[string][]byte{"templates/links.md": []byte(text.String()),
		"rapport.yaml": bytes.ReplaceAll(settings, []byte("https://www.example.com"), []byte(server.URL))} {
		if err := os.WriteFile(filepath.Join(dir, path), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a, out, errs := testApp(nil)
	if code := a.run(context.Background(), []string{"-C", dir, "templates", "lint", "links", "--online"}); code != 1 {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	var told []string
	for line := range strings.SplitSeq(out.String(), "\n") {
		if strings.HasPrefix(line, "templates/") {
			told = append(told, strings.ReplaceAll(line, server.URL, ""))
		}
	}
	want := "templates/links.md:6:8: warning: /gone: there is no such page: its server answers 404\n" +
		"templates/links.md:10:10: warning: /broken: its server answers 502"
	if got := strings.Join(told, "\n"); got != want {
		t.Errorf("it says\n%s\nwant\n%s", got, want)
	}
	close(asked)
	times := map[string]int{}
	for request := range asked {
		times[request]++
	}
	if times["HEAD /gone"] != 1 || times["GET /gone"] != 1 || times["HEAD /more/7"] != 1 || times["GET /more/7"] != 0 {
		t.Errorf("asked %v", times)
	}
	if most.Load() > askedAtOnce {
		t.Errorf("%d at once", most.Load())
	}
}

// What a machine says that is not online.
func TestLintTellsWhyNobodyAnswers(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	address := server.URL
	server.Close()
	a, _, _ := testApp(nil)
	secret := httptest.NewUnstartedServer(http.NotFoundHandler())
	secret.Config.ErrorLog = log.New(io.Discard, "", 0) // we hang up on it
	secret.StartTLS()
	t.Cleanup(secret.Close)
	got := a.askAddresses(context.Background(), []string{address, secret.URL})
	for of, want := range map[string]string{address: "refused", secret.URL: "its certificate is not good: "} {
		if !strings.Contains(got[of], want) {
			t.Errorf("%s: %q, want %q", of, got[of], want)
		}
	}
}
