package responses

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/store"
	"rapport/internal/token"
)

func contains(t *testing.T, body string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(body, w) {
			t.Errorf("the page does not say %q:\n%s", w, body)
		}
	}
}

func TestGetNeverUnsubscribes(t *testing.T) {
	f := newFixture(t)
	for _, method := range []string{"GET", "HEAD"} {
		w := f.do(method, f.base.Unsubscribe(), "List-Unsubscribe=One-Click")
		if w.Code != 200 {
			t.Errorf("%s: got %d", method, w.Code)
		}
		if method == "GET" {
			contains(t, w.Body.String(), "Unsubscribe from Ideas and guides", "Unsubscribe from everything", "a•••@example.com", `method="post"`, f.base.Preferences())
			if strings.Contains(w.Body.String(), "ana@example.com") {
				t.Error("the page tells the whole address: the message may have been passed on")
			}
		}
	}
	if f.consent("guides") != "given" || f.suppressed() != "" || len(f.events(contacts.EventUnsubscribed)) != 0 {
		t.Errorf("somebody was unsubscribed: %s %s", f.consent("guides"), f.suppressed())
	}
}

func TestOneClick(t *testing.T) {
	f := newFixture(t)
	var changed []contacts.ID
	f.Changed = func(_ context.Context, id contacts.ID) { changed = append(changed, id) }
	w := f.do("POST", f.base.Unsubscribe(), "List-Unsubscribe=One-Click")
	if w.Code != 200 || w.Header().Get("Location") != "" || len(w.Result().Cookies()) != 0 {
		t.Fatalf("RFC 8058 wants no redirect and no cookie: got %d %v", w.Code, w.Header())
	}
	if f.consent("guides") != "withdrawn" || f.consent("offers") != "given" || f.suppressed() != "" {
		t.Fatalf("one click ends the campaign's topic and nothing else: guides %s, offers %s, %s", f.consent("guides"), f.consent("offers"), f.suppressed())
	}
	e := f.events(contacts.EventUnsubscribed)
	if len(e) != 1 || e[0].Message != f.message || e[0].Campaign != "welcome" || e[0].Properties["topic"] != "guides" {
		t.Fatalf("got %+v", e)
	}
	if len(changed) != 1 || changed[0] != f.contact {
		t.Errorf("workers heard of %v", changed)
	}
	f.do("POST", f.base.Unsubscribe(), "List-Unsubscribe=One-Click")
	if n := len(f.events(contacts.EventUnsubscribed)); n != 1 {
		t.Errorf("the same request again makes %d events", n)
	}
}

func TestOneClickWithoutABodyCountsToo(t *testing.T) {
	for _, c := range []struct{ name, body, kind string }{
		{"none", "", ""},
		{"multipart, as some providers send it", "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n", "multipart/form-data; boundary=x"},
		{"nonsense", "%zz&;", ""},
		{"too large", strings.Repeat("a", formLimit+1), ""},
	} {
		f := newFixture(t)
		header := []string{}
		if c.kind != "" {
			header = []string{"Content-Type", c.kind}
		}
		if w := f.do("POST", f.base.Unsubscribe(), c.body, header...); w.Code != 200 || f.consent("guides") != "withdrawn" {
			t.Errorf("a body that is %s: got %d, guides %s", c.name, w.Code, f.consent("guides"))
		}
	}
}

// One who came back may leave again through the same message.
func TestLeavingTwice(t *testing.T) {
	f := newFixture(t)
	f.do("POST", f.base.Unsubscribe(), "List-Unsubscribe=One-Click")
	f.clock.Advance(time.Second)
	f.do("POST", f.base.Preferences(), "do=save&topic=guides&topic=offers")
	if f.consent("guides") != "given" {
		t.Fatal("the contact's own act does not bring consent back")
	}
	f.clock.Advance(time.Second)
	f.do("POST", f.base.Unsubscribe(), "List-Unsubscribe=One-Click")
	if f.consent("guides") != "withdrawn" {
		t.Fatal("the second time it does not work")
	}
}

func TestUnsubscribeFromEverything(t *testing.T) {
	f := newFixture(t)
	w := f.do("POST", f.base.Unsubscribe(), "from=all")
	contains(t, w.Body.String(), "You are unsubscribed", "We no longer write to a•••@example.com.", f.base.Preferences())
	if f.suppressed() != contacts.ReasonUnsubscribedAll || f.consent("guides") != "withdrawn" || f.consent("offers") != "withdrawn" {
		t.Fatalf("got %s, guides %s, offers %s", f.suppressed(), f.consent("guides"), f.consent("offers"))
	}
}

// A token outlives its campaign and its message.
func TestUnsubscribeAfterTheCampaignIsGone(t *testing.T) {
	f := newFixture(t)
	ctx := context.Background()
	old := f.Settings
	f.Settings = func() Settings { s := old(); s.CampaignTopic = nil; return s }
	f.do("POST", f.base.Unsubscribe(), "List-Unsubscribe=One-Click")
	if f.consent("guides") != "withdrawn" || f.consent("offers") != "withdrawn" {
		t.Errorf("the campaign is gone, so all topics end: guides %s, offers %s", f.consent("guides"), f.consent("offers"))
	}
	f = newFixture(t)
	if _, err := f.store.raw.ExecContext(ctx, `delete from messages`); err != nil {
		t.Fatal(err)
	}
	f.do("POST", f.base.Unsubscribe(), "List-Unsubscribe=One-Click")
	if f.consent("guides") != "withdrawn" || f.consent("offers") != "withdrawn" {
		t.Errorf("the message is gone, so all topics end: guides %s, offers %s", f.consent("guides"), f.consent("offers"))
	}
}

func TestUnsubscribeOfAnErasedContact(t *testing.T) {
	f := newFixture(t)
	if _, err := f.store.Erase(context.Background(), "ana@example.com", noon); err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{"GET", "POST"} {
		w := f.do(method, f.base.Unsubscribe(), "")
		contains(t, w.Body.String(), "You hear nothing more from us")
		if w.Code != 200 {
			t.Errorf("got %d", w.Code)
		}
	}
}

func TestPublicPagesWhileTheStoreIsAway(t *testing.T) {
	f := newFixture(t)
	f.store.down.Store(true)
	for _, c := range []struct{ method, path, says string }{
		{"GET", f.base.Unsubscribe(), "This page tries again by itself"},
		{"POST", f.base.Unsubscribe(), "your choice is not saved yet"},
		{"GET", f.base.Preferences(), "This page tries again by itself"},
		{"POST", f.base.Preferences(), "your choice is not saved yet"},
	} {
		w := f.do(c.method, c.path, "")
		if w.Code != 503 || w.Header().Get("Retry-After") != "10" {
			t.Errorf("%s %s: got %d %v", c.method, c.path, w.Code, w.Header())
		}
		contains(t, w.Body.String(), c.says)
	}
}

func TestBadTokensOnPages(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/u/x", "/p/x", "/v/x", f.base.Unsubscribe() + "x"} {
		if w := f.do("GET", path, ""); w.Code != 404 {
			t.Errorf("GET %s: got %d", path, w.Code)
		}
	}
	for _, path := range []string{"/u/x", "/p/x"} {
		if w := f.do("POST", path, "from=all"); w.Code != 404 {
			t.Errorf("POST %s: got %d", path, w.Code)
		}
	}
	if f.suppressed() != "" {
		t.Error("a bad token unsubscribed somebody")
	}
}

func TestPreferences(t *testing.T) {
	f := newFixture(t)
	w := f.do("GET", f.base.Preferences(), "")
	contains(t, w.Body.String(), "What may we write to you about?",
		`value="guides" checked> <span>Ideas and guides</span>`, `value="offers" checked> <span>Offers</span>`, "Unsubscribe from everything")
	h := w.Header()
	for name, want := range map[string]string{
		"Cache-Control": "no-store, private, max-age=0", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow",
		"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	} {
		if h.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, h.Get(name), want)
		}
	}
	w = f.do("POST", f.base.Preferences(), "do=save&topic=offers")
	contains(t, w.Body.String(), "Your choice is saved.", `value="guides"> <span>`, `value="offers" checked>`)
	if f.consent("guides") != "withdrawn" || f.consent("offers") != "given" {
		t.Fatalf("guides %s, offers %s", f.consent("guides"), f.consent("offers"))
	}
	if e := f.events(contacts.EventUnsubscribed); len(e) != 1 || e[0].Properties["topic"] != "guides" {
		t.Fatalf("got %+v", e)
	}
	f.do("POST", f.base.Preferences(), "do=save&topic=offers")
	if n := len(f.events(contacts.EventUnsubscribed)); n != 1 {
		t.Errorf("saving the same again makes %d events", n)
	}
	f.do("POST", f.base.Preferences(), "do=save&topic=offers&topic=nothing-of-ours")
	if f.consent("nothing-of-ours") != "" {
		t.Error("a topic that is not there was given consent to")
	}
}

func TestEverythingAndBackAgain(t *testing.T) {
	f := newFixture(t)
	w := f.do("POST", f.base.Preferences(), "do=none")
	contains(t, w.Body.String(), "You are unsubscribed from everything.")
	if f.suppressed() != contacts.ReasonUnsubscribedAll {
		t.Fatalf("got %q", f.suppressed())
	}
	w = f.do("GET", f.base.Preferences(), "")
	contains(t, w.Body.String(), "You are unsubscribed from everything. Tick a topic to hear from us again.", `value="offers"> <span>`)
	f.clock.Advance(time.Second)
	f.do("POST", f.base.Preferences(), "do=save")
	f.do("POST", f.base.Preferences(), "do=save&topic=nothing-of-ours")
	if f.suppressed() == "" {
		t.Fatal("saving without a topic brought mail back")
	}
	f.do("POST", f.base.Preferences(), "do=save&topic=offers")
	if f.suppressed() != "" || f.consent("offers") != "given" || f.consent("guides") != "withdrawn" {
		t.Fatalf("got %q, offers %s, guides %s", f.suppressed(), f.consent("offers"), f.consent("guides"))
	}
}

func TestOnlyOwnSuppressionCanBeLifted(t *testing.T) {
	for reason, says := range map[string]string{
		contacts.ReasonHardBounce: "Mail to your address came back",
		contacts.ReasonComplaint:  "You reported a message of ours as unwanted",
		contacts.ReasonManual:     "We have stopped writing to your address",
	} {
		f := newFixture(t)
		if _, err := f.store.Suppress(context.Background(), []store.Suppression{{Email: "ana@example.com", Reason: reason, Source: "test", At: noon}}, noon); err != nil {
			t.Fatal(err)
		}
		for _, w := range []string{f.do("GET", f.base.Preferences(), "").Body.String(), f.do("POST", f.base.Preferences(), "do=save&topic=offers").Body.String()} {
			contains(t, w, says)
		}
		if f.suppressed() != reason {
			t.Errorf("%s was lifted", reason)
		}
	}
}

func TestView(t *testing.T) {
	f := newFixture(t)
	if w := f.do("GET", f.base.View(), ""); w.Code != 404 {
		t.Errorf("without a way to show it: got %d", w.Code)
	}
	var err error
	found := true
	f.View = func(_ context.Context, c token.Claims) ([]byte, bool, error) {
		if c.Message != f.message || c.Contact != int64(f.contact) {
			t.Errorf("got %+v", c)
		}
		return []byte("<p>Hi Ana</p>"), found, err
	}
	w := f.do("GET", f.base.View(), "")
	if w.Code != 200 || w.Body.String() != "<p>Hi Ana</p>" || !strings.HasPrefix(w.Header().Get("Content-Security-Policy"), "default-src 'none';") {
		t.Errorf("got %d %q %v", w.Code, w.Body, w.Header())
	}
	found = false
	if w := f.do("GET", f.base.View(), ""); w.Code != 404 || !strings.Contains(w.Body.String(), "This message is gone") {
		t.Errorf("got %d", w.Code)
	}
	err = errors.New("away")
	if w := f.do("GET", f.base.View(), ""); w.Code != http.StatusServiceUnavailable {
		t.Errorf("got %d", w.Code)
	}
}
