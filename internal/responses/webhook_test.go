package responses

import (
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/ident"
)

// hook sends a callback as a sender with a secret would.
func (f *fixture) hook(provider, secret, body string) *httptest.ResponseRecorder {
	f.Helper()
	at := strconv.FormatInt(noon.Unix(), 10)
	return f.do("POST", "/webhooks/generic/"+provider, body, "Content-Type", "application/json",
		TimestampHeader, at, SignatureHeader, Sign(secret, at, []byte(body)))
}

func answered(t *testing.T, what string, w *httptest.ResponseRecorder, code int, body string) {
	t.Helper()
	if w.Code != code || strings.TrimSuffix(w.Body.String(), "\n") != body {
		t.Errorf("%s:\n got %d %s\nwant %d %s", what, w.Code, w.Body, code, body)
	}
}

// Made with another implementation of HMAC.
func TestSignatureVector(t *testing.T) {
	const want = "v1=50e0747f154de1b6acacf698c4f6c13ace01f76ff1aabcb1d07c9df5c5a1e306"
	if got := Sign("main secret", "1772452800", []byte(`{"event":"order.placed"}`)); got != want {
		t.Errorf("got %s", got)
	}
}

func TestWebhookSignature(t *testing.T) {
	f := newFixture(t)
	body := `{"event":"order.placed","email":"ana@example.com","id":"1"}`
	at := strconv.FormatInt(noon.Unix(), 10)
	stamp := func(d time.Duration) string { return strconv.FormatInt(noon.Add(d).Unix(), 10) }
	for _, c := range []struct {
		name, provider, timestamp, signature, body string
		code                                       int
		want                                       string
	}{
		{"no timestamp", "main", "", "", body, 401, `{"error":"the header Rapport-Timestamp is missing: send the Unix seconds at which you sign"}`},
		{"a timestamp in words", "main", "noon", "v1=", body, 401, `{"error":"the header Rapport-Timestamp is not a number of Unix seconds"}`},
		{"no signature", "main", at, "", body, 401, `{"error":"the header Rapport-Signature is missing: send v1= and the hexadecimal HMAC-SHA256 of timestamp, dot and body"}`},
		{"too old", "main", stamp(-6 * time.Minute), Sign("main secret", stamp(-6*time.Minute), []byte(body)), body, 401, `{"error":"the signature is 6m0s old, more than 5m0s: check the sender's clock"}`},
		{"ahead of time", "main", stamp(301 * time.Second), Sign("main secret", stamp(301*time.Second), []byte(body)), body, 401, `{"error":"the signature is 5m1s ahead of time, more than 5m0s: check the sender's clock"}`},
		{"another secret", "main", at, Sign("other secret", at, []byte(body)), body, 401, `{"error":"the signature does not fit the body: sign the raw bytes with the secret of this provider"}`},
		{"another body", "main", at, Sign("main secret", at, []byte(body)), body + " ", 401, `{"error":"the signature does not fit the body: sign the raw bytes with the secret of this provider"}`},
		{"another timestamp", "main", stamp(time.Second), Sign("main secret", at, []byte(body)), body, 401, `{"error":"the signature does not fit the body: sign the raw bytes with the secret of this provider"}`},
		{"a signature without its version", "main", at, strings.TrimPrefix(Sign("main secret", at, []byte(body)), "v1="), body, 401, `{"error":"the signature does not fit the body: sign the raw bytes with the secret of this provider"}`},
		{"no such provider", "nobody", at, Sign("main secret", at, []byte(body)), body, 404, `{"error":"there is no provider \"nobody\" with webhook: { kind: generic, secret: … } in the workspace"}`},
		{"good", "main", at, Sign("main secret", at, []byte(body)), body, 200, `{"accepted":1,"duplicates":0}`},
		{"good, as old as it may be", "main", stamp(-5 * time.Minute), Sign("main secret", stamp(-5*time.Minute), []byte(body)), body, 200, `{"accepted":0,"duplicates":1}`},
		{"two signatures, the second good", "main", at, Sign("x", at, []byte(body)) + ", " + Sign("main secret", at, []byte(body)), body, 200, `{"accepted":0,"duplicates":1}`},
		{"an older secret", "other", at, Sign("older secret", at, []byte(body)), body, 200, `{"accepted":1,"duplicates":0}`},
		{"the name generic, for any provider", "generic", at, Sign("other secret", at, []byte(body)), body, 200, `{"accepted":1,"duplicates":0}`},
	} {
		w := f.do("POST", "/webhooks/generic/"+c.provider, c.body, TimestampHeader, c.timestamp, SignatureHeader, c.signature)
		answered(t, c.name, w, c.code, c.want)
	}
	w := f.do("POST", "/webhooks/main", body, TimestampHeader, at, SignatureHeader, Sign("main secret", at, []byte(body)))
	answered(t, "the provider's own address", w, 200, `{"accepted":0,"duplicates":1}`)
}

func TestWebhookBodies(t *testing.T) {
	f := newFixture(t)
	many := "[" + strings.Repeat(`{"event":"a"},`, 1000) + `{"event":"a"}]`
	for _, c := range []struct {
		name, body string
		code       int
		want       string
	}{
		{"nothing", "", 400, `{"error":"the body is not JSON: line 1, column 1: unexpected end of JSON input"}`},
		{"no JSON", "event=order.placed", 400, `{"error":"the body is not JSON: line 1, column 1: invalid character 'e' looking for beginning of value"}`},
		{"JSON that breaks off", "{\n  \"event\": \"order.placed\",\n  oops", 400, `{"error":"the body is not JSON: line 3, column 3: invalid character 'o' looking for beginning of object key string"}`},
		{"JSON that ends too soon", `[{"event":`, 400, `{"error":"the body is not JSON: line 1, column 10: unexpected end of JSON input"}`},
		{"two values", `{} {}`, 400, `{"error":"the body is not JSON: line 1, column 4: invalid character '{' after top-level value"}`},
		{"too large", `"` + strings.Repeat("a", 1<<20) + `"`, 413, `{"error":"the body has more than 1048576 bytes: send fewer events in one request"}`},
		{"too many", many, 413, `{"error":"too many events: 1001 in one request, at most 1000 may come at once"}`},
		{"an empty list", `[]`, 200, `{"accepted":0,"duplicates":0}`},
		{"a number", `5`, 422, `{"accepted":0,"duplicates":0,"errors":[{"index":0,"error":"it is a number and must be an object"}]}`},
	} {
		answered(t, c.name, f.hook("main", "main secret", c.body), c.code, c.want)
	}
}

func TestWebhookEvents(t *testing.T) {
	f := newFixture(t)
	id := ident.Format(f.message)
	for _, c := range []struct{ event, want string }{
		{`null`, `event is missing: what happened, such as "order.placed"`},
		{`{"event":5}`, `event must not be a number`},
		{`{"event":"order.placed","email":"ana@example.com","colour":"red"}`, `there is no field "colour": use event, id, message, message_id, email, at, link, topic, machine and properties`},
		{`{"event":"email.sent","message":"` + id + `"}`, `event "email.sent" is the engine's own: it knows what it has sent`},
		{`{"event":"email.liked","message":"` + id + `"}`, `event "email.liked" is not known: use email.delivered, opened, clicked, replied, bounced, complained or unsubscribed`},
		{`{"event":"consent.given","email":"ana@example.com"}`, `event "consent.given" is the engine's own: names that start with consent., contact. or score. are taken`},
		{`{"event":"score.predicted","email":"ana@example.com"}`, `event "score.predicted" is the engine's own: names that start with consent., contact. or score. are taken`},
		{`{"event":"Order Placed","email":"ana@example.com"}`, `event "Order Placed" is no name: lower-case words with dots between them, such as "order.placed"`},
		{`{"event":"order.placed"}`, `it names nobody: send message, message_id or email`},
		{`{"event":"order.placed","email":"ana@example.com","at":"yesterday"}`, `at "yesterday" is no time: write it as 2026-03-02T09:30:00Z (RFC 3339)`},
		{`{"event":"email.delivered","message":"abc"}`, `message "abc" is not an id of ours: send what X-Rapport-Id says`},
		{`{"event":"email.delivered","message_id":"<abc@ses.example>"}`, `message_id "<abc@ses.example>" is not one of ours: send what X-Rapport-Id says as message, or an email`},
		{`{"event":"email.bounced","message":"` + id + `"}`, `email.bounced needs properties.type: "hard" when the address is dead, "soft" when it may work later`},
		{`{"event":"order.placed","email":"ana@example.com","topic":"guides"}`, `topic goes with email.unsubscribed only`},
	} {
		read, err := ParseCallback([]byte(c.event), "main", "1")
		if err != nil || len(read.Bad) != 1 || read.Bad[0].Error != c.want {
			t.Errorf("%s:\n got %+v, %v\nwant %s", c.event, read, err, c.want)
		}
	}
}

// What is good is stored, whatever stands beside it.
func TestWebhookKeepsTheGoodOnes(t *testing.T) {
	f := newFixture(t)
	body := `[{"event":"order.placed","email":"ana@example.com","id":"1","properties":{"total":89}},{"event":"?"},
		{"event":"order.placed","email":"nobody@example.com","id":"2"},{"event":"order.paid","email":"ana@example.com","id":"3"}]`
	const bad = `"errors":[{"index":1,"error":"event \"?\" is no name: lower-case words with dots between them, such as \"order.placed\""}]}`
	const unmatched = `"unmatched":[{"index":2,"error":"there is no contact with this address"}],`
	answered(t, "at first", f.hook("main", "main secret", body), 422, `{"accepted":2,"duplicates":0,`+unmatched+bad)
	answered(t, "sent again", f.hook("main", "main secret", body), 422, `{"accepted":0,"duplicates":2,`+unmatched+bad)
	if e := f.events("order.placed"); len(e) != 1 || e[0].Properties["total"] != 89.0 {
		t.Errorf("got %+v", e)
	}
}

func TestWebhookFindsTheMessage(t *testing.T) {
	f := newFixture(t)
	id := ident.Format(f.message)
	for i, c := range []struct{ name, event string }{
		{"by our id", `{"event":"email.delivered","message":"` + id + `","id":"a%d"}`},
		{"by our id in capitals", `{"event":"email.delivered","message":"` + strings.ToUpper(id) + `","id":"a%d"}`},
		{"by Message-ID", `{"event":"email.delivered","message_id":"<` + id + `@news.northwind.example>","id":"a%d"}`},
		{"by Message-ID without brackets", `{"event":"email.delivered","message_id":"` + id + `@news.northwind.example","id":"a%d"}`},
		{"by address, where the Message-ID is the provider's", `{"event":"email.delivered","message_id":"<1@ses.example>","email":"Ana@EXAMPLE.com","id":"a%d"}`},
	} {
		answered(t, c.name, f.hook("main", "main secret", fmt.Sprintf(c.event, i)), 200, `{"accepted":1,"duplicates":0}`)
	}
	e := f.events(contacts.EventDelivered)
	if len(e) != 5 || e[0].Message != f.message || e[3].Message != f.message || e[4].Message != 0 {
		t.Errorf("got %+v", e)
	}
}

func TestWebhookWithoutAnID(t *testing.T) {
	f := newFixture(t)
	const timed = `{"event":"order.placed","email":"ana@example.com","at":"2026-03-02T09:30:00Z"}`
	answered(t, "with a time", f.hook("main", "main secret", timed), 200, `{"accepted":1,"duplicates":0}`)
	answered(t, "with the same time", f.hook("main", "main secret", timed), 200, `{"accepted":0,"duplicates":1}`)
	const twice = `[{"event":"page.seen","email":"ana@example.com"},{"event":"page.seen","email":"ana@example.com"}]`
	answered(t, "two that are equal are two", f.hook("main", "main secret", twice), 200, `{"accepted":2,"duplicates":0}`)
	answered(t, "the request that is sent again is one", f.hook("main", "main secret", twice), 200, `{"accepted":0,"duplicates":2}`)
}

func TestWebhookFollows(t *testing.T) {
	t.Run("hard bounce", func(t *testing.T) {
		f := newFixture(t)
		f.hook("main", "main secret", `{"event":"email.bounced","message":"`+ident.Format(f.message)+`","properties":{"type":"hard"}}`)
		if f.suppressed() != contacts.ReasonHardBounce {
			t.Errorf("got %q", f.suppressed())
		}
	})
	t.Run("soft bounce", func(t *testing.T) {
		f := newFixture(t)
		f.hook("main", "main secret", `{"event":"email.bounced","message":"`+ident.Format(f.message)+`","properties":{"type":"soft"}}`)
		if f.suppressed() != "" {
			t.Errorf("got %q", f.suppressed())
		}
	})
	t.Run("complaint", func(t *testing.T) {
		f := newFixture(t)
		f.hook("main", "main secret", `{"event":"email.complained","email":"ana@example.com"}`)
		if f.suppressed() != contacts.ReasonComplaint {
			t.Errorf("got %q", f.suppressed())
		}
	})
	t.Run("unsubscribe of a message ends its topic", func(t *testing.T) {
		f := newFixture(t)
		f.hook("main", "main secret", `{"event":"email.unsubscribed","message":"`+ident.Format(f.message)+`"}`)
		if f.consent("guides") != "withdrawn" || f.consent("offers") != "given" {
			t.Errorf("guides %s, offers %s", f.consent("guides"), f.consent("offers"))
		}
	})
	t.Run("unsubscribe of an address ends everything", func(t *testing.T) {
		f := newFixture(t)
		f.hook("main", "main secret", `{"event":"email.unsubscribed","email":"ana@example.com"}`)
		if f.consent("guides") != "withdrawn" || f.consent("offers") != "withdrawn" {
			t.Errorf("guides %s, offers %s", f.consent("guides"), f.consent("offers"))
		}
	})
}

func TestWebhookWhileTheStoreIsAway(t *testing.T) {
	f := newFixture(t)
	f.store.down.Store(true)
	w := f.hook("main", "main secret", `{"event":"order.placed","email":"ana@example.com","id":"1"}`)
	answered(t, "away", w, 503, `{"error":"the events could not be stored: send them again"}`)
	if w.Header().Get("Retry-After") != "10" {
		t.Errorf("got Retry-After %q", w.Header().Get("Retry-After"))
	}
	f.store.down.Store(false)
	answered(t, "back", f.hook("main", "main secret", `{"event":"order.placed","email":"ana@example.com","id":"1"}`), 200, `{"accepted":1,"duplicates":0}`)
}

func FuzzParseCallback(f *testing.F) {
	f.Add([]byte(`[{"event":"order.placed","email":"ana@example.com","id":"1"}]`))
	f.Add([]byte(`{"event":"email.clicked","message":"0000000000001","properties":{"a":[1,{"b":null}]}}`))
	f.Add([]byte("\xff[{"))
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := ParseCallback(body, "x", "1")
		if err != nil {
			return
		}
		if len(c.Events) != len(c.Index) || len(c.Events)+len(c.Bad) > MaxEvents {
			t.Fatalf("%d events, %d places, %d bad", len(c.Events), len(c.Index), len(c.Bad))
		}
		for _, e := range c.Events {
			if e.Key == "" || CheckName(e.Name) != "" || e.Message == 0 && e.Email == "" {
				t.Fatalf("%+v was let through", e)
			}
		}
	})
}
