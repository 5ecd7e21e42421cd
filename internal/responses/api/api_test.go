package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/responses"
	"rapport/internal/store"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

type testStore struct {
	*store.Store
	down atomic.Bool
}

var errDown = errors.New("the database is switched off")

func (s *testStore) Ingest(ctx context.Context, in []store.Incoming, now time.Time) ([]store.Result, error) {
	if s.down.Load() {
		return nil, errDown
	}
	return s.Store.Ingest(ctx, in, now)
}

func (s *testStore) UpsertContacts(ctx context.Context, in []store.ContactInput, now time.Time) ([]store.ContactResult, error) {
	if s.down.Load() {
		return nil, errDown
	}
	return s.Store.UpsertContacts(ctx, in, now)
}

func (s *testStore) Campaigns(ctx context.Context) (map[string]store.Campaign, error) {
	if s.down.Load() {
		return nil, errDown
	}
	return s.Store.Campaigns(ctx)
}

type fixture struct {
	*testing.T
	store   *testStore
	handler http.Handler
	key     string // with every scope
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	ctx := context.Background()
	s, err := store.Open(ctx, filepath.Join(t.TempDir(), "rapport.db"), store.Options{Fleeting: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	f := &fixture{T: t, store: &testStore{Store: s}}
	f.key = f.newKey(Scopes...)
	if _, _, err := s.Apply(ctx, store.ApplyInput{Hash: "v1", Numbers: map[string]map[string]int{"welcome": {"send:welcome": 1}}}, noon); err != nil {
		t.Fatal(err)
	}
	f.handler = New(Config{Store: f.store, Ingest: responses.NewGroup(f.store), Now: func() time.Time { return noon }, Settings: func() Settings {
		return Settings{Topics: []string{"guides", "offers"}, TransactionalStarts: map[string]bool{"password.forgotten": true}, Question: store.Question{Zone: time.UTC}}
	}})
	return f
}

func (f *fixture) newKey(scopes ...string) string {
	f.Helper()
	_, secret, err := f.store.CreateKey(context.Background(), "test", scopes, noon)
	if err != nil {
		f.Fatal(err)
	}
	return secret
}

func (f *fixture) do(method, path, key, body string) *httptest.ResponseRecorder {
	f.Helper()
	r := httptest.NewRequest(method, "/api/v1"+path, strings.NewReader(body))
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	return w
}

func (f *fixture) answered(what string, w *httptest.ResponseRecorder, code int, body string) {
	f.Helper()
	if got := strings.TrimSpace(w.Body.String()); w.Code != code || got != body {
		f.Errorf("%s:\n got %d %s\nwant %d %s", what, w.Code, got, code, body)
	}
	if w.Code >= 400 && w.Header().Get("Content-Type") != "application/problem+json" {
		f.Errorf("%s: an error of the type %s", what, w.Header().Get("Content-Type"))
	}
}

func TestKeys(t *testing.T) {
	f := newFixture(t)
	order := `{"event":"order.placed","email":"ana@example.com","create":true}`
	f.answered("no key", f.do("POST", "/events", "", order), 401, `{"title":"Unauthorized","status":401,"detail":"send a key as \"Authorization: Bearer rpk_…\"; `+"`rapport keys create`"+` makes one"}`)
	f.answered("an unknown key", f.do("POST", "/events", "rpk_nonsense", order), 401, `{"title":"Unauthorized","status":401,"detail":"this key is not known, or was revoked"}`)
	f.answered("the wrong scope", f.do("POST", "/events", f.newKey(ContactsWrite), order), 403, `{"title":"Forbidden","status":403,"detail":"this key does not have the scope events:write"}`)
	k, secret, err := f.store.CreateKey(context.Background(), "old", Scopes, noon)
	if err != nil {
		t.Fatal(err)
	}
	f.answered("a good key", f.do("POST", "/events", secret, order), 200, `{"accepted":1,"duplicates":0}`)
	if _, err := f.store.RevokeKey(context.Background(), k.ID, noon); err != nil {
		t.Fatal(err)
	}
	f.answered("a revoked key", f.do("POST", "/events", secret, order), 401, `{"title":"Unauthorized","status":401,"detail":"this key is not known, or was revoked"}`)
	f.answered("no such operation", f.do("GET", "/nothing", f.key, ""), 404, `{"title":"Not Found","status":404,"detail":"there is no such operation; /api/v1/openapi.json lists them"}`)
}

func TestEvents(t *testing.T) {
	f := newFixture(t)
	for _, c := range []struct {
		name, body string
		code       int
		want       string
	}{
		{"an unknown contact", `{"event":"order.placed","email":"ana@example.com"}`, 422, `{"title":"Unprocessable Entity","status":422,"detail":"1 events could not be taken; the others are stored","errors":[{"message":"there is no contact with this address; send create: true to make a contact of it","location":"body[0]"}],"accepted":0,"duplicates":0}`},
		{"a new contact", `{"event":"order.placed","email":"Ana@Example.com","create":true,"id":"1","at":"2026-03-01T10:00:00+01:00","properties":{"total":89}}`, 200, `{"accepted":1,"duplicates":0}`},
		{"the same again", `{"event":"order.placed","email":"ana@example.com","id":"1"}`, 200, `{"accepted":0,"duplicates":1}`},
		{"good beside bad", `[{"event":"order.paid","email":"ana@example.com","id":"2"},{"event":"order.paid"},{"event":"order.paid","email":"bob@example.com"}]`, 422,
			`{"title":"Unprocessable Entity","status":422,"detail":"2 events could not be taken; the others are stored","errors":[{"message":"it names nobody: send email or contact","location":"body[1]"},{"message":"there is no contact with this address; send create: true to make a contact of it","location":"body[2]"}],"accepted":1,"duplicates":0}`},
		{"no JSON", `event`, 400, `{"title":"Bad Request","status":400,"detail":"the body is not JSON: line 1, column 1: invalid character 'e' looking for beginning of value"}`},
		{"too many", "[" + strings.Repeat(`{"event":"a"},`, 1000) + `{}]`, 413, `{"title":"Request Entity Too Large","status":413,"detail":"too many events: 1001 in one request, at most 1000 may come at once"}`},
	} {
		f.answered(c.name, f.do("POST", "/events", f.key, c.body), c.code, c.want)
	}
	if w := f.do("POST", "/events", f.key, `"`+strings.Repeat("a", 1<<20)+`"`); w.Code != 413 {
		t.Errorf("a body that is too large: got %d %s", w.Code, w.Body)
	}
	facts := f.facts("ana@example.com")
	var at []time.Time
	for _, e := range facts.Events {
		if e.Name == "order.placed" {
			at = append(at, e.At)
		}
	}
	if len(at) != 1 || !at[0].Equal(time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("got %v", at)
	}
}

func (f *fixture) facts(email string) *contacts.Facts {
	f.Helper()
	ctx := context.Background()
	c, _, err := f.store.ContactByEmail(ctx, email)
	if err != nil {
		f.Fatal(err)
	}
	all, err := f.store.LoadFacts(ctx, []contacts.ID{c.ID})
	if err != nil {
		f.Fatal(err)
	}
	return all[c.ID]
}

func TestWhatIsWrongWithAnEvent(t *testing.T) {
	for body, want := range map[string]string{
		`{"event":"email.clicked","email":"a@example.com"}`:             "event email.clicked tells how somebody answered a message: it comes through /webhooks/",
		`{"event":"order.placed","email":"a@example.com","contact":5}`:  "it names somebody twice: send email or contact",
		`{"event":"order.placed","contact":-5}`:                         "contact is no id",
		`{"event":"order.placed","contact":"5"}`:                        "contact must not be a text",
		`{"event":"order.placed","email":"a@example.com","when":"now"}`: `there is no field "when": use event, email, contact, id, at, properties and create`,
		`{"event":"order.placed","email":"a@example.com","at":"now"}`:   `at "now" is no time: write it as 2026-03-02T09:30:00Z (RFC 3339)`,
		`[]`: "it is a list and must be an object",
	} {
		if _, wrong := parseEvent([]byte(body)); wrong != want {
			t.Errorf("%s:\n got %s\nwant %s", body, wrong, want)
		}
	}
}

// semantics.md, rule 11: starting a transactional campaign needs its own scope.
func TestTransactionalScope(t *testing.T) {
	f := newFixture(t)
	body := `{"event":"password.forgotten","email":"ana@example.com","create":true}`
	f.answered("without the scope", f.do("POST", "/events", f.newKey(EventsWrite), body), 422,
		`{"title":"Unprocessable Entity","status":422,"detail":"1 events could not be taken; the others are stored","errors":[{"message":"event password.forgotten starts a transactional campaign: the key needs the scope transactional","location":"body[0]"}],"accepted":0,"duplicates":0}`)
	f.answered("with the scope", f.do("POST", "/events", f.newKey(EventsWrite, Transactional), body), 200, `{"accepted":1,"duplicates":0}`)
}

func TestContacts(t *testing.T) {
	f := newFixture(t)
	ana := `{"email":"Ana@Example.com","first_name":"Ana","timezone":"Europe/Berlin","attributes":{"country":"DE","bikes":2},"consents":[{"topic":"guides","source":"checkout form","at":"2026-03-01T10:00:00Z"}]}`
	w := f.do("PUT", "/contacts", f.key, ana)
	var out struct{ Contacts []Stored }
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != 200 || len(out.Contacts) != 1 || !out.Contacts[0].Created || out.Contacts[0].Email != "ana@example.com" {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	w = f.do("GET", "/contacts/ana@example.com", f.key, "")
	var v ContactView
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || v.FirstName != "Ana" || v.Attributes["bikes"] != 2.0 || v.Timezone != "Europe/Berlin" ||
		len(v.Consents) != 1 || v.Consents[0].State != "given" || v.Consents[0].Source != "checkout form" {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	f.answered("an unknown contact", f.do("GET", "/contacts/bob@example.com", f.key, ""), 404, `{"title":"Not Found","status":404,"detail":"there is no contact with this address"}`)
	f.answered("no address", f.do("GET", "/contacts/bob", f.key, ""), 404, `{"title":"Not Found","status":404,"detail":"there is no contact with this address"}`)

	// Rule 27: only the contact can give again what they withdrew.
	withdrawn := `{"email":"ana@example.com","consents":[{"topic":"guides","state":"withdrawn","source":"phone","at":"2026-03-02T08:00:00Z"}]}`
	f.do("PUT", "/contacts", f.key, withdrawn)
	again := `{"email":"ana@example.com","consents":[{"topic":"guides","source":"list","at":"2026-03-02T09:00:00Z"}]}`
	if w := f.do("POST", "/contacts", f.key, again); w.Code != 200 || !strings.Contains(w.Body.String(), `"refused":["consent to guides: withdrawn on 2026-03-02; only the contact can give it again"]`) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if got := f.facts("ana@example.com").ConsentFor("guides").State; got != "withdrawn" {
		t.Errorf("got %s", got)
	}
	own := `{"email":"ana@example.com","consents":[{"topic":"guides","source":"newsletter form","at":"2026-03-02T10:00:00Z","own_act":true}]}`
	if w := f.do("POST", "/contacts", f.key, own); w.Code != 200 {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if got := f.facts("ana@example.com").ConsentFor("guides").State; got != "given" {
		t.Errorf("got %s", got)
	}
}

func TestWhatIsWrongWithAContact(t *testing.T) {
	for body, want := range map[string]string{
		`{"first_name":"Ana"}`:                                                                           "email is missing",
		`{"email":"a@example.com","name":"Ana"}`:                                                         `there is no field "name": use email, first_name, last_name, language, timezone, attributes, consents and referred_by`,
		`{"email":"a@example.com","timezone":"Mars/Base"}`:                                               `timezone "Mars/Base" is not known: use an IANA name such as Europe/Berlin`,
		`{"email":"a@example.com","consents":[{"topic":"news","source":"x"}]}`:                           `there is no topic "news" in the workspace`,
		`{"email":"a@example.com","consents":[{"topic":"guides"}]}`:                                      "the consent to guides needs a source: where it was said",
		`{"email":"a@example.com","consents":[{"topic":"guides","source":"x","state":"maybe"}]}`:         `the consent to guides is "maybe": it must be given, withdrawn or pending`,
		`{"email":"a@example.com","consents":[{"topic":"guides","source":"x","at":"2026-03-02 10:00"}]}`: `the consent to guides: at "2026-03-02 10:00" is no time: write it as 2026-03-02T09:30:00Z (RFC 3339)`,
	} {
		if _, _, _, wrong := parseContact([]byte(body), []string{"guides"}); wrong != want {
			t.Errorf("%s:\n got %s\nwant %s", body, wrong, want)
		}
	}
}

func TestReports(t *testing.T) {
	f := newFixture(t)
	f.answered("segments", f.do("GET", "/segments", f.key, ""), 200, `{"segments":[]}`)
	f.answered("campaigns", f.do("GET", "/campaigns/welcome", f.key, ""), 200, `{"name":"welcome","status":"running","enrolled":0,"running":0,"finished":0,"exited":0,"control":0,"converted":0,"refused":0,"messages":{},"answers":{"delivered":0,"opened":0,"clicked":0,"replied":0,"bounced":0,"complained":0,"unsubscribed":0}}`)
	if w := f.do("GET", "/campaigns", f.key, ""); w.Code != 200 || !strings.HasPrefix(w.Body.String(), `{"campaigns":[{"name":"welcome",`) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	f.answered("no such campaign", f.do("GET", "/campaigns/none", f.key, ""), 404, `{"title":"Not Found","status":404,"detail":"there is no campaign with this name"}`)
	f.answered("messages", f.do("GET", "/messages?state=sent&campaign=welcome", f.key, ""), 200, `{"messages":[]}`)
	f.answered("messages of no campaign", f.do("GET", "/messages?campaign=none", f.key, ""), 422, `{"title":"Unprocessable Entity","status":422,"detail":"campaign: there is none with this name"}`)
	f.answered("a page of nothing", f.do("GET", "/messages?before=x", f.key, ""), 422, `{"title":"Unprocessable Entity","status":422,"detail":"before: \"x\" is not an id: an id has 13 letters and digits"}`)
	f.answered("no such message", f.do("GET", "/messages/0000000000001", f.key, ""), 404, `{"title":"Not Found","status":404,"detail":"there is no message with this id"}`)
	if w := f.do("GET", "/messages?state=lost", f.key, ""); w.Code != 422 {
		t.Errorf("a state that is none: got %d %s", w.Code, w.Body)
	}
}

func TestStoreAway(t *testing.T) {
	f := newFixture(t)
	f.store.down.Store(true)
	const want = `{"title":"Service Unavailable","status":503,"detail":"the database does not answer: try again"}`
	for _, c := range []struct{ method, path, body string }{
		{"POST", "/events", `{"event":"order.placed","email":"ana@example.com","create":true}`},
		{"PUT", "/contacts", `{"email":"ana@example.com"}`},
		{"GET", "/campaigns", ""},
	} {
		w := f.do(c.method, c.path, f.key, c.body)
		f.answered(c.path, w, 503, want)
		if w.Header().Get("Retry-After") != "10" {
			t.Errorf("%s: got Retry-After %q", c.path, w.Header().Get("Retry-After"))
		}
	}
}

func TestDescription(t *testing.T) {
	f := newFixture(t)
	w := f.do("GET", "/openapi.json", "", "")
	var d struct {
		OpenAPI string
		Paths   map[string]map[string]struct{ OperationID string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil || w.Code != 200 || !strings.HasPrefix(d.OpenAPI, "3.") {
		t.Fatalf("got %d %v %.200s", w.Code, err, w.Body)
	}
	for path, method := range map[string]string{"/events": "post", "/contacts": "put", "/contacts/{email}": "get", "/segments": "get", "/campaigns": "get", "/messages": "get"} {
		if d.Paths["/api/v1"+path][method].OperationID == "" {
			t.Errorf("%s %s is not described", method, path)
		}
	}
}
