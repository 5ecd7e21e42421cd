package engine

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/contacts"
	"rapport/internal/delivery/smtp/smtptest"
	"rapport/internal/store"
	"rapport/internal/strict"
	"rapport/internal/workspace"
)

// shopWith is the shop of testdata with files replaced or added.
func shopWith(t *testing.T, changes map[string]string) *workspace.Workspace {
	t.Helper()
	files := map[string][]byte{}
	for _, pattern := range []string{"*.yaml", "*/*.yaml", "templates/*"} {
		names, err := filepath.Glob(filepath.Join("testdata/shop", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files[filepath.ToSlash(strings.TrimPrefix(name, "testdata/shop"+string(filepath.Separator)))] = data
		}
	}
	for name, text := range changes {
		if text == "" {
			delete(files, name)
			continue
		}
		files[name] = []byte(text)
	}
	var list []workspace.File
	for _, name := range slices.Sorted(maps.Keys(files)) {
		list = append(list, workspace.File{Path: name, Data: files[name]})
	}
	w, findings := workspace.FromFiles(list, nil)
	for _, f := range findings {
		if !f.Warning {
			t.Fatal(strict.Render(f, false))
		}
	}
	return w
}

// live is rapport.yaml with mail that goes to a scripted server.
func live(port int, more string) string {
	return fmt.Sprintf(`
company: { name: Northwind Bikes, address: "Hafenstrasse 12, 20457 Hamburg, Germany", website: https://northwind.example, timezone: Europe/Berlin }
public_url: https://go.northwind.example
providers:
  main: { smtp: { host: 127.0.0.1, port: %d, tls: none } }
senders:
  mia: { from: Mia from Northwind <mia@news.northwind.example> }
topics:
  guides: { title: Ideas and guides, sender: mia }
delivery: live
%s`, port, more)
}

// one is a campaign of one mail at nine.
const one = `
campaign: welcome
topic: guides
audience: { segment: prospects }
start: { schedule: "0 9 * * *" }
steps: [ { send: one } ]
`

// run is an engine over a scripted mail server, on a clock that stands still.
type run struct {
	*Engine
	t      *testing.T
	clock  *clock.Manual
	server *smtptest.Server
}

// start opens an engine, applies the shop with changes, and signs people up.
// Without a campaign among the changes it has one mail at nine.
func start(t *testing.T, people int, o smtptest.Options, more string, changes map[string]string) *run {
	t.Helper()
	r := &run{t: t, clock: clock.NewManual(monday), server: smtptest.Start(t, o)}
	files := map[string]string{"rapport.yaml": live(r.server.Port, more), "campaigns/welcome.yaml": one}
	maps.Copy(files, changes)
	r.Engine = openEngine(t, Options{Clock: r.clock})
	apply(t, r.Engine, shopWith(t, files))
	if people > 0 {
		signUp(t, r.Store, people, monday)
	}
	r.settle()
	return r
}

func (r *run) settle() {
	r.t.Helper()
	settle(r.t, r.Engine)
}

// at moves the clock to a time of that week in Berlin and lets all happen.
func (r *run) at(day int, hour, minute int) {
	r.t.Helper()
	r.clock.Set(monday.AddDate(0, 0, day).Add(time.Duration(hour-8)*time.Hour + time.Duration(minute)*time.Minute))
	r.settle()
}

// messages are all messages in the ledger, each as "state: reason | reply".
func (r *run) messages() []string {
	r.t.Helper()
	list, err := r.Store.Messages(r.t.Context(), store.MessageFilter{Limit: 10_000})
	if err != nil {
		r.t.Fatal(err)
	}
	var out []string
	for _, m := range list {
		text := string(m.State)
		if m.Reason != "" {
			text += ": " + m.Reason
		}
		out = append(out, text)
	}
	slices.Sort(out)
	return out
}

func (r *run) wants(want ...string) {
	r.t.Helper()
	if got := r.messages(); !slices.Equal(got, want) {
		r.t.Errorf("messages:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func (r *run) contact(email string) contacts.Contact {
	r.t.Helper()
	c, found, err := r.Store.ContactByEmail(r.t.Context(), email)
	if err != nil || !found {
		r.t.Fatalf("%s: %v", email, err)
	}
	return c
}

func (r *run) event(name, email, key string, properties map[string]any) {
	r.t.Helper()
	_, err := r.Store.Ingest(r.t.Context(), []store.Incoming{{Email: email, Source: "test",
		Event: contacts.Event{Name: name, At: r.clock.Now(), Key: key, Properties: properties}}}, r.clock.Now())
	if err != nil {
		r.t.Fatal(err)
	}
}
