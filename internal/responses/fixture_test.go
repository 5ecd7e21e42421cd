package responses

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/internal/store"
	"rapport/internal/token"
)

const (
	secret  = "a secret of at least thirty-two bytes"
	browser = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// testStore is a real store that can be switched off.
type testStore struct {
	*store.Store
	raw  *sql.DB
	down atomic.Bool
}

var errDown = errors.New("the database is switched off")

func (s *testStore) Ingest(ctx context.Context, in []store.Incoming, now time.Time) ([]store.Result, error) {
	if s.down.Load() {
		return nil, errDown
	}
	return s.Store.Ingest(ctx, in, now)
}

func (s *testStore) Message(ctx context.Context, id int64) (store.Message, bool, error) {
	if s.down.Load() {
		return store.Message{}, false, errDown
	}
	return s.Store.Message(ctx, id)
}

func (s *testStore) Contact(ctx context.Context, id contacts.ID) (contacts.Contact, bool, error) {
	if s.down.Load() {
		return contacts.Contact{}, false, errDown
	}
	return s.Store.Contact(ctx, id)
}

// fixture is one contact who was sent one message an hour ago.
type fixture struct {
	*testing.T
	*Responses
	store   *testStore
	clock   *clock.Manual
	handler http.Handler
	contact contacts.ID
	message int64
	base    token.Base
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	ctx := context.Background()
	name := filepath.Join(t.TempDir(), "rapport.db")
	s, err := store.Open(ctx, name, store.Options{Fleeting: true})
	must(t, err)
	t.Cleanup(s.Close)
	raw, err := sql.Open("sqlite", "file:"+name+"?_pragma=busy_timeout(10000)")
	must(t, err)
	t.Cleanup(func() { raw.Close() })
	f := &fixture{T: t, store: &testStore{Store: s, raw: raw}, clock: clock.NewManual(noon)}

	given := func(topic string) contacts.Consent {
		return contacts.Consent{Topic: topic, State: contacts.ConsentGiven, Source: "form", At: noon.Add(-48 * time.Hour)}
	}
	people, err := s.UpsertContacts(ctx, []store.ContactInput{{
		Contact:  contacts.Contact{Email: "ana@example.com", FirstName: "Ana"},
		Consents: []contacts.Consent{given("guides"), given("offers")},
	}}, noon.Add(-24*time.Hour))
	must(t, err)
	f.contact = people[0].ID
	_, _, err = s.Apply(ctx, store.ApplyInput{Hash: "v1", Numbers: map[string]map[string]int{"welcome": {"send:welcome": 1}}}, noon.Add(-24*time.Hour))
	must(t, err)
	must(t, s.SaveTemplate(ctx, store.CompiledTemplate{Hash: "h1", Name: "welcome", Campaign: "welcome", Links: []store.Link{
		{N: 1, URL: "https://shop.example/guides?a=1&b=2"}, {N: 2, URL: "https://shop.example/fit"},
		{N: 3, URL: "https://shop.example/tours"}, {N: 4, URL: "https://shop.example/?e={{ contact.email }}", Personal: true},
		{N: 5, URL: "javascript:alert(1)"},
	}}, noon.Add(-24*time.Hour)))
	f.message = f.send(1, noon.Add(-time.Hour), "sent", "h1")

	signer, err := token.NewSigner([]string{secret})
	must(t, err)
	f.base = signer.Message(f.message, int64(f.contact))
	f.Responses = New(Config{
		Store: f.store, Tokens: signer, Now: f.clock.Now, Wall: func() time.Time { return noon },
		Settings: func() Settings {
			return Settings{
				Company: "Northwind Bikes", Website: "https://northwind.example", Language: "en",
				Topics:        []Topic{{"guides", "Ideas and guides"}, {"offers", "Offers"}},
				CampaignTopic: map[string]string{"welcome": "guides"},
				Webhooks:      map[string][]string{"main": {"main secret"}, "other": {"other secret", "older secret"}},
			}
		},
	})
	f.handler = f.Handler()
	return f
}

// send writes a message as the ledger would have it.
func (f *fixture) send(sequence int64, at time.Time, state, hash string) int64 {
	f.Helper()
	id := ident.Message(ident.New(at, sequence), 1)
	_, err := f.store.raw.Exec(`insert into messages (id, contact_id, campaign_id, template, state, due_at, not_before, expires_at, decided_at, template_hash, created_at)
		values ($1, $2, (select id from campaigns where name = 'welcome'), 'welcome', $3, $4, $4, $4, $4, $5, $4)`, id, int64(f.contact), state, at.UnixMilli(), hash)
	must(f.T, err)
	return id
}

// do sends a request and returns the answer; header is name, value, name, value …
func (f *fixture) do(method, path, body string, header ...string) *httptest.ResponseRecorder {
	f.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("User-Agent", browser)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if method == http.MethodPost && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	return w
}

// events are the contact's events of a name.
func (f *fixture) events(name string) []contacts.Event {
	f.Helper()
	facts, err := f.store.LoadFacts(context.Background(), []contacts.ID{f.contact})
	must(f.T, err)
	var out []contacts.Event
	for _, e := range facts[f.contact].Events {
		if e.Name == name {
			out = append(out, e)
		}
	}
	return out
}

// people counts those events that are a person's.
func (f *fixture) people(name string) (n int) {
	for _, e := range f.events(name) {
		if !e.Machine {
			n++
		}
	}
	return n
}

func (f *fixture) consent(topic string) string {
	f.Helper()
	all, err := f.store.Consents(context.Background(), []contacts.ID{f.contact})
	must(f.T, err)
	for _, c := range all[f.contact] {
		if c.Topic == topic {
			return c.State
		}
	}
	return ""
}

func (f *fixture) suppressed() string {
	f.Helper()
	c, _, err := f.store.Store.Contact(context.Background(), f.contact)
	must(f.T, err)
	if c.Suppression == nil {
		return ""
	}
	return c.Suppression.Reason
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
