package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/measure"
	"rapport/internal/queue"
	"rapport/internal/store"
)

// ask sends a request as a browser on this machine would; header is name, value …
func ask(h http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://localhost:8080"+path, nil)
	r.RemoteAddr = "127.0.0.1:50000"
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

var tags = regexp.MustCompile(`<[^>]*>`)

// text is what a page says, without its markup.
func text(w *httptest.ResponseRecorder) string {
	return strings.Join(strings.Fields(tags.ReplaceAllString(w.Body.String(), " ")), " ")
}

func says(t *testing.T, w *httptest.ResponseRecorder, want ...string) {
	t.Helper()
	page := text(w)
	for _, s := range want {
		if !strings.Contains(page, s) {
			t.Errorf("the page does not say %q:\n%s", s, page)
		}
	}
}

func TestRooms(t *testing.T) {
	f := seeded(t)
	w := New(f.config())
	id := int64(f.people[7])
	for _, c := range []struct {
		path string
		want []string
	}{
		{"/", []string{"Waiting for the right moment", "25 messages are ready and held back. The most frequent reason: quiet hours.",
			"1 paused: come-back.", "Of 5 messages nobody knows whether the mail server took it.", "2 batches ready, 0 in hand, 1 later", "birthday in 4 h", "missed", "All mail is caught."}},
		{"/campaigns", []string{"welcome running Three useful guides before the first offer", "schedule 0 9 * * MON-FRI, next in 19 h", "come-back paused"}},
		{"/campaigns/welcome", []string{"Pause", "Stop for good", "guide-routes", "nothing sent yet", "no consent to guides 3", "excluded: in segment competitors 1", "14 are held out", "Too few to say anything", "wait for email clicked template guide-fit, up to 4d", "12 enrolled, 1 not"}},
		{"/campaigns/come-back", []string{"Resume"}},
		{"/results", []string{"welcome", "Too few to say anything", "No winner", "discount", "held out"}},
		{"/ladder", []string{"prospect 90 38 %", "stranger → prospect", "kept while event order.placed in_last 540d"}},
		{"/ladder?days=7", []string{"7 days"}},
		{"/contacts", []string{"240 contacts.", "More"}},
		{"/contacts?q=lena", []string{"Whose address or name begins with “lena”.", "lena.3@example.com"}},
		{"/contacts?q=nobody-of-that-name", []string{"Nobody is called that."}},
		{"/contacts?after=nonsense", []string{"240 contacts."}},
		{fmt.Sprint("/contacts/", id), []string{"Émile Berger", "Europe/Berlin, 14:00 there", "newsletter form", "Stage: customer → client", "Opened welcome, by a machine", "readers is in", "order: N-1001", "nps 9"}},
		{"/segments", []string{"readers 190 79 %", "Used by monthly-guide"}},
		{"/messages", []string{"all 375", "queued 25", "550 5.1.1 no such user here", "Older"}},
		{"/messages?state=queued&campaign=monthly-guide", []string{"quiet hours; from 2026-06-10 08:00", "its time has not come", "not before"}},
		{"/messages?state=nonsense&campaign=nonsense&before=nonsense", []string{"all 375"}},
		{"/providers", []string{"relay open", "smtp.northwind.example:587", "mia, workshop"}},
		{"/mailbox", []string{"12 messages to 12 addresses, no second copy", "Three checks that take five minutes · 11"}},
		{"/mailbox?q=ana.110", []string{"ana.110@example.com"}},
		{"/mailbox?q=nobody", []string{"No such mail."}},
		{"/mailbox/1", []string{"mia@news.northwind.example", "HTML", "Headers"}},
		{"/mailbox/1?show=text", []string{"here is the first of three guides."}},
		{"/mailbox/1?show=headers", []string{"Content-Type multipart/alternative"}},
	} {
		t.Run(c.path, func(t *testing.T) {
			r := ask(w, "GET", c.path)
			if r.Code != 200 || r.Header().Get("Cache-Control") != "no-store" || r.Header().Get("Content-Type") != "text/html; charset=utf-8" {
				t.Fatalf("got %d %v", r.Code, r.Header())
			}
			says(t, r, c.want...)
		})
	}
}

func TestPartOfAPage(t *testing.T) {
	f := seeded(t)
	r := ask(New(f.config()), "GET", "/campaigns", "Rapport-Part", "main")
	if body := r.Body.String(); !strings.HasPrefix(body, `<div id="room" data-live="3">`) || strings.Contains(body, "<html") {
		t.Errorf("got %.200s", body)
	}
}

func TestNotFound(t *testing.T) {
	f := seeded(t)
	w := New(f.config())
	for _, path := range []string{"/nowhere", "/campaigns/none", "/contacts/1234567", "/contacts/ana", "/mailbox/999", "/mailbox/x"} {
		if r := ask(w, "GET", path); r.Code != 404 || !strings.Contains(text(r), "There is no such page") {
			t.Errorf("%s: got %d", path, r.Code)
		}
	}
	for path, want := range map[string]string{"/mailbox/999/html": "there is no such mail, or it has no HTML\n", "/assets/none.css": "there is no such file\n"} {
		if r := ask(w, "GET", path); r.Code != 404 || r.Body.String() != want {
			t.Errorf("%s: got %d %q", path, r.Code, r.Body)
		}
	}
}

func TestAnExactAddressLeadsToItsContact(t *testing.T) {
	f := seeded(t)
	r := ask(New(f.config()), "GET", "/contacts?q=Lena.3@EXAMPLE.com")
	if want := fmt.Sprint("/contacts/", int64(f.people[3])); r.Code != 303 || r.Header().Get("Location") != want {
		t.Errorf("got %d to %q, want %s", r.Code, r.Header().Get("Location"), want)
	}
}

func TestTheTimelineGoesOn(t *testing.T) {
	f := seeded(t)
	var in []store.Incoming
	for i := range 120 {
		in = append(in, store.Incoming{Event: contacts.Event{Contact: f.people[0], Name: "page.seen", At: noon.Add(-time.Duration(i) * time.Minute), Key: fmt.Sprint("seen", i)}})
	}
	_, err := f.store.Ingest(context.Background(), in, noon)
	must(t, err)
	w := New(f.config())
	next, seen := fmt.Sprint("/contacts/", int64(f.people[0])), 0
	for range 4 {
		body := ask(w, "GET", next).Body.String()
		seen += strings.Count(body, "page.seen")
		m := regexp.MustCompile(`href="(/contacts/[^"]*#timeline)"`).FindStringSubmatch(body)
		if m == nil {
			break
		}
		next = strings.ReplaceAll(strings.TrimSuffix(m[1], "#timeline"), "&amp;", "&")
	}
	if seen != 120 {
		t.Errorf("%d of 120 events stand on the pages of the timeline", seen)
	}
}

func TestControl(t *testing.T) {
	f := seeded(t)
	c := f.config()
	var changed []string
	c.Changed = func(_ context.Context, name string) { changed = append(changed, name) }
	w := New(c)
	status := func() store.CampaignStatus {
		all, err := f.store.Campaigns(context.Background())
		must(t, err)
		return all["welcome"].Status
	}
	for _, step := range []struct {
		act  string
		want store.CampaignStatus
	}{{"pause", store.Paused}, {"pause", store.Paused}, {"resume", store.Running}, {"pause", store.Paused}, {"stop", store.Stopped}, {"resume", store.Stopped}} {
		r := ask(w, "POST", "/campaigns/welcome/"+step.act, "Sec-Fetch-Site", "same-origin")
		if r.Code != 303 || r.Header().Get("Location") != "/campaigns/welcome" || status() != step.want {
			t.Errorf("%s: got %d, the campaign is %s, want %s", step.act, r.Code, status(), step.want)
		}
	}
	if len(changed) != 6 || changed[0] != "welcome" {
		t.Errorf("workers heard of %v", changed)
	}
	for path, want := range map[string]string{"/campaigns/none/pause": "there is no campaign none\n", "/campaigns/welcome/delete": "there is nothing of this name to do with a campaign\n"} {
		if r := ask(w, "POST", path); r.Code != 404 || r.Body.String() != want {
			t.Errorf("%s: got %d %q", path, r.Code, r.Body)
		}
	}
	if r := ask(w, "GET", "/campaigns/welcome/pause"); r.Code == 303 {
		t.Error("a link can pause a campaign")
	}
}

func TestAnotherSiteCannotPost(t *testing.T) {
	f := seeded(t)
	w := New(f.config())
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}} {
		r := ask(w, "POST", "/campaigns/welcome/stop", header...)
		if r.Code != 403 || r.Body.String() != "this form was posted from another site: use the dashboard's own page\n" {
			t.Errorf("%v: got %d %q", header, r.Code, r.Body)
		}
	}
	all, err := f.store.Campaigns(context.Background())
	must(t, err)
	if all["welcome"].Status != store.Running {
		t.Errorf("the campaign is %s", all["welcome"].Status)
	}
}

func TestWithoutAPasswordOnlyThisMachine(t *testing.T) {
	f := empty(t)
	w := New(f.config())
	const refused = "the dashboard has no password, so it answers only on its own machine: start it with one to reach it from elsewhere\n"
	for _, c := range []struct {
		name, from, host, forwarded string
		ok                          bool
	}{
		{"this machine", "127.0.0.1:1", "localhost:8080", "", true},
		{"this machine by number", "127.0.0.1:1", "127.0.0.1:8080", "", true},
		{"this machine, IPv6", "[::1]:1", "[::1]:8080", "", true},
		{"another machine", "192.0.2.7:1", "192.0.2.1:8080", "", false},
		{"a name that leads here (DNS rebinding)", "127.0.0.1:1", "evil.example:8080", "", false},
		{"a proxy on this machine", "127.0.0.1:1", "localhost:8080", "192.0.2.7", false},
	} {
		for _, path := range []string{"/", "/metrics", "/contacts", "/assets/style.css"} {
			r := httptest.NewRequest("GET", path, nil)
			r.RemoteAddr, r.Host = c.from, c.host
			if c.forwarded != "" {
				r.Header.Set("X-Forwarded-For", c.forwarded)
			}
			rw := httptest.NewRecorder()
			w.ServeHTTP(rw, r)
			if ok := rw.Code == 200; ok != c.ok || !ok && (rw.Code != 403 || rw.Body.String() != refused) {
				t.Errorf("%s, %s: got %d %.80q", c.name, path, rw.Code, rw.Body)
			}
		}
	}
}

func TestPassword(t *testing.T) {
	f := empty(t)
	c := f.config()
	c.Password = "open sesame"
	w := New(c)
	from := func(header string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "https://rapport.example/", nil)
		r.RemoteAddr = "192.0.2.7:1"
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		rw := httptest.NewRecorder()
		w.ServeHTTP(rw, r)
		return rw
	}
	for header, ok := range map[string]bool{
		"": false, "Basic bWlhOm9wZW4gc2VzYW1l": true, "Basic bWlhOnNlc2FtZQ==": false, "Bearer open sesame": true, "bearer open sesame": true,
		"Bearer": false, "Bearer wrong": false, "Token open sesame": false,
	} {
		rw := from(header)
		if got := rw.Code == 200; got != ok {
			t.Errorf("%q: got %d", header, rw.Code)
		}
		if !ok && (rw.Code != 401 || rw.Header().Get("WWW-Authenticate") != `Basic realm="Rapport", charset="UTF-8"` || rw.Body.String() != "the dashboard needs its password, as Basic (any name) or Bearer\n") {
			t.Errorf("%q: got %d %v %q", header, rw.Code, rw.Header(), rw.Body)
		}
	}
}

func TestCheckListen(t *testing.T) {
	for _, c := range []struct{ address, password, want string }{
		{"127.0.0.1:8080", "", ""}, {"localhost:8080", "", ""}, {"[::1]:8080", "", ""}, {"0.0.0.0:8080", "x", ""}, {":8080", "x", ""},
		{":8080", "", "the dashboard would be open to everybody on :8080: set RAPPORT_PASSWORD, or listen on 127.0.0.1"},
		{"192.0.2.1:8080", "", "the dashboard would be open to everybody on 192.0.2.1:8080: set RAPPORT_PASSWORD, or listen on 127.0.0.1"},
		{"8080", "", `the address "8080" of the dashboard cannot be read: write it as 127.0.0.1:8080`},
	} {
		err := CheckListen(c.address, c.password)
		if got := fmt.Sprint(err); err == nil && c.want != "" || err != nil && got != c.want {
			t.Errorf("%s: got %v, want %s", c.address, err, c.want)
		}
	}
}

func TestTwoHalves(t *testing.T) {
	f := empty(t)
	w := New(f.config())
	for _, path := range []string{"/o/t", "/c/t/1", "/u/t", "/p/t", "/v/t", "/webhooks/generic/main", "/robots.txt"} {
		for name, h := range map[string]http.Handler{"all": w, "public": w.Public()} {
			r := httptest.NewRequest("POST", path, nil) // from far away, and without a password
			rw := httptest.NewRecorder()
			h.ServeHTTP(rw, r)
			if rw.Body.String() != "public "+path+"\n" {
				t.Errorf("%s on %s: got %d %q", path, name, rw.Code, rw.Body)
			}
		}
		if r := ask(w.Private(), "GET", path); r.Code != 404 {
			t.Errorf("%s on the private half: got %d", path, r.Code)
		}
	}
	for _, path := range []string{"/", "/contacts", "/metrics", "/mailbox"} {
		if r := ask(w.Public(), "GET", path); r.Code != 404 {
			t.Errorf("%s on the public half: got %d", path, r.Code)
		}
	}
	if r := ask(w.Public(), "GET", "/api/v1/events"); r.Body.String() != "api /api/v1/events\n" {
		t.Errorf("got %q", r.Body)
	}
}

// brokenStore and brokenQueue do not answer.
type brokenStore struct{ Store }

var errAway = errors.New("cannot reach the database")

func (brokenStore) Ping(context.Context) error                                   { return errAway }
func (brokenStore) Totals(context.Context) (store.Totals, error)                 { return store.Totals{}, errAway }
func (brokenStore) Campaigns(context.Context) (map[string]store.Campaign, error) { return nil, errAway }

type brokenQueue struct{}

func (brokenQueue) Ping(context.Context) error { return errors.New("the queue is unreachable") }
func (brokenQueue) Depth(context.Context) (map[string]queue.Depth, error) {
	return nil, errors.New("the queue is unreachable")
}

func TestHealth(t *testing.T) {
	f := empty(t)
	c := f.config()
	w := New(c)
	if r := ask(w, "GET", "/healthz"); r.Code != 200 || r.Body.String() != "ok\n" {
		t.Errorf("got %d %q", r.Code, r.Body)
	}
	if r := ask(w, "GET", "/readyz"); r.Code != 200 || r.Body.String() != `{"database":"ok","queue":"ok"}`+"\n" {
		t.Errorf("got %d %q", r.Code, r.Body)
	}
	c.Failing = func() []Failing {
		return []Failing{{Name: "backup for sender mia", Reason: "550 no", Since: noon}, {Name: "main", Reason: "421 later", Since: noon}}
	}
	if r := ask(New(c), "GET", "/readyz"); r.Code != 200 || r.Body.String() != `{"database":"ok","degraded":["backup for sender mia","main"],"queue":"ok"}`+"\n" {
		t.Errorf("got %d %q", r.Code, r.Body)
	}
	c = f.config()
	c.Queue = brokenQueue{}
	if r := ask(New(c), "GET", "/readyz"); r.Code != 503 || r.Body.String() != `{"database":"ok","queue":"away"}`+"\n" {
		t.Errorf("got %d %q", r.Code, r.Body)
	}
	c = f.config()
	c.Store = brokenStore{f.store}
	if r := ask(New(c), "GET", "/readyz"); r.Code != 503 || r.Body.String() != `{"database":"away","queue":"ok"}`+"\n" {
		t.Errorf("got %d %q", r.Code, r.Body)
	}
}

func TestWhyTheGuardPaused(t *testing.T) {
	f := seeded(t)
	all, err := f.store.Campaigns(t.Context())
	must(t, err)
	_, err = f.store.PauseFor(t.Context(), all["welcome"], "paused by the guard: 62 of 1000 messages bounced (6.2%, above 5%)", noon)
	must(t, err)
	w := New(f.config())
	for _, path := range []string{"/", "/campaigns", "/campaigns/welcome"} {
		says(t, ask(w, "GET", path), "was paused by the guard: 62 of 1000 messages bounced (6.2%, above 5%).")
	}
}

func TestAProviderIsClosedAndOpenedHere(t *testing.T) {
	f := seeded(t)
	c := f.config()
	why := store.ClosedByHand
	c.Failing = func() []Failing {
		return []Failing{{Name: "relay", Reason: why, Since: noon.Add(-time.Hour), Closed: true}}
	}
	w := New(c)
	for range 2 {
		if r := ask(w, "POST", "/providers/relay/close"); r.Code != 303 || r.Header().Get("Location") != "/providers" {
			t.Fatalf("got %d %s", r.Code, r.Body)
		}
	}
	says(t, ask(w, "GET", "/providers"), "relay closed Open It was closed by hand,", "Find out why before you open it")
	says(t, ask(w, "GET", "/"), "relay was closed by hand. That was 1 h ago.")
	if r := ask(w, "POST", "/providers/relay/open"); r.Code != 303 {
		t.Fatalf("got %d %s", r.Code, r.Body)
	}
	says(t, ask(w, "GET", "/providers"), "relay open Close")
	for path, want := range map[string]string{"/providers/none/open": "there is no provider none\n", "/providers/relay/burn": "there is nothing of this name to do with a provider\n"} {
		if r := ask(w, "POST", path); r.Code != 404 || r.Body.String() != want {
			t.Errorf("%s: got %d %q", path, r.Code, r.Body)
		}
	}
}

func TestStoreAway(t *testing.T) {
	f := seeded(t)
	c := f.config()
	c.Store = brokenStore{f.store}
	w := New(c)
	for _, path := range []string{"/", "/campaigns", "/campaigns/welcome", "/messages"} {
		r := ask(w, "GET", path)
		if r.Code != 503 || r.Header().Get("Retry-After") != "5" {
			t.Errorf("%s: got %d %v", path, r.Code, r.Header())
		}
		says(t, r, "The database does not answer", "Nothing is lost", "cannot reach the database")
	}
	if r := ask(w, "POST", "/campaigns/welcome/pause"); r.Code != 503 || r.Body.String() != "the database does not answer: look at the campaign, and try again\n" {
		t.Errorf("got %d %q", r.Code, r.Body)
	}
}

func TestMetrics(t *testing.T) {
	f := seeded(t)
	c := f.config()
	c.Failing = func() []Failing { return []Failing{{Name: "main", Reason: "421 later", Since: noon.Add(-time.Minute)}} }
	body := ask(New(c), "GET", "/metrics").Body.String()
	for _, want := range []string{
		`rapport_messages{state="sent"} 335`, `rapport_messages{state="queued"} 25`, `rapport_contacts{stage="prospect"} 90`,
		`rapport_queue_batches{lane="50-mia",state="ready"} 2`, `rapport_queue_batches{lane="50-mia",state="delayed"} 1`,
		`rapport_up{part="database"} 1`, `rapport_up{part="queue"} 1`, `rapport_provider_failing_seconds{provider="main"} 60`,
	} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("there is no %s in\n%s", want, body)
		}
	}
	c = f.config()
	c.Queue, c.Store = brokenQueue{}, brokenStore{f.store}
	body = ask(New(c), "GET", "/metrics").Body.String()
	for _, want := range []string{`rapport_up{part="database"} 0`, `rapport_up{part="queue"} 0`} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("there is no %s in\n%s", want, body)
		}
	}
}

func TestBeforeTheFirstApply(t *testing.T) {
	f := empty(t)
	w := New(f.config())
	says(t, ask(w, "GET", "/"), "Nothing is applied yet", "Run rapport apply")
	says(t, ask(w, "GET", "/campaigns"), "There is no campaign yet.")
	says(t, ask(w, "GET", "/ladder"), "There is nobody yet.")
	says(t, ask(w, "GET", "/segments"), "There is no segment yet.")
	says(t, ask(w, "GET", "/contacts"), "0 contacts.")
	if r := ask(w, "GET", "/mailbox"); r.Code != 404 {
		t.Errorf("a mailbox where there is none: got %d", r.Code)
	}
}

func TestAssets(t *testing.T) {
	f := empty(t)
	w := New(f.config())
	for name, kind := range map[string]string{"style.css": "text/css; charset=utf-8", "live.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"} {
		r := ask(w, "GET", "/assets/"+name)
		if r.Code != 200 || r.Header().Get("Content-Type") != kind || r.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s: got %d %v", name, r.Code, r.Header())
		}
	}
}

func TestWhatMailingWasWorth(t *testing.T) {
	f := comparing(t, 12000)
	w := New(f.config())
	says(t, ask(w, "GET", "/results"), "10.0 % of all contacts get none, since Monday, 9 March 2026", "It works: of 100 contacts,", "Worth ", "discount has won", "ahead of service",
		"Look 1, 9 Jun 2026, 13:00: discount has won", "of those held out, 0 would have been")
	says(t, ask(w, "GET", "/campaigns/welcome"), "What it is worth", "1 200 are held out", "discount has won", "with 95 % certainty")
}

func TestNothingIsComparedYet(t *testing.T) {
	f := empty(t)
	says(t, ask(New(f.config()), "GET", "/results"), "Nothing is compared yet.")
}

// A reader who gives up spoils no count for those who wait for it.
func TestWhatIsCountedForAllOutlastsWhoAskedFirst(t *testing.T) {
	gone, leave := context.WithCancel(t.Context())
	leave()
	c := newCachedBy(func() time.Time { return noon }, func(ctx context.Context, name string) (string, error) {
		if _, bounded := ctx.Deadline(); !bounded {
			return "", errors.New("it may take for ever")
		}
		return name, ctx.Err()
	})
	if got, err := c.get(gone, "welcome"); got != "welcome" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestACampaignIsShownWithoutItsWorthWhereThatCannotBeCounted(t *testing.T) {
	f := comparing(t, 12000)
	c := f.config()
	c.Store = uncounted{f.store}
	w := New(c)
	if r := ask(w, "GET", "/campaigns/welcome"); r.Code != 200 || strings.Contains(r.Body.String(), "What it is worth") {
		t.Errorf("status %d", r.Code)
	}
}

type uncounted struct{ Store }

func (uncounted) Controls(context.Context, store.CompareInput) (measure.Uplift, error) {
	return measure.Uplift{}, errAway
}
func (uncounted) Arms(context.Context, store.CompareInput) (map[string]measure.Arm, error) {
	return nil, errAway
}
