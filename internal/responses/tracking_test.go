package responses

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rapport/internal/clock"
	"rapport/internal/contacts"
)

func TestOpen(t *testing.T) {
	f := newFixture(t)
	w := f.do("GET", f.base.Open(), "")
	if w.Code != 200 || w.Header().Get("Content-Type") != "image/gif" || w.Header().Get("Cache-Control") != "no-store, private, max-age=0" || w.Body.Len() != 43 {
		t.Fatalf("got %d %v %d bytes", w.Code, w.Header(), w.Body.Len())
	}
	e := f.events(contacts.EventOpened)
	if len(e) != 1 || e[0].Machine || e[0].Message != f.message || e[0].Campaign != "welcome" || e[0].Template != "welcome" || !e[0].At.Equal(noon) {
		t.Fatalf("got %+v", e)
	}
	f.do("GET", f.base.Open(), "")
	if n := len(f.events(contacts.EventOpened)); n != 1 {
		t.Errorf("an open that is repeated within a minute is %d events", n)
	}
	f.clock.Advance(time.Minute)
	f.do("GET", f.base.Open(), "")
	if n := len(f.events(contacts.EventOpened)); n != 2 {
		t.Errorf("an open a minute later makes %d events", n)
	}
	for _, path := range []string{"/o/nonsense", "/o/" + string(f.base)[1:]} {
		if w := f.do("GET", path, ""); w.Code != 200 || w.Body.Len() != 43 {
			t.Errorf("%s: got %d, %d bytes: the picture always comes", path, w.Code, w.Body.Len())
		}
	}
}

func TestMachineOpens(t *testing.T) {
	for _, c := range []struct{ name, method, agent, why string }{
		{"Apple Mail Privacy Protection", "GET", "Mozilla/5.0", whyProxy},
		{"HEAD", "HEAD", browser, whyHead},
		{"curl", "GET", "curl/8.5.0", whyAgent},
		{"a crawler", "GET", "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", whyAgent},
		{"a scanner", "GET", "BarracudaCentral", whyAgent},
		{"nobody", "GET", "", whyAgent},
		{"Gmail's picture proxy, when a person opens", "GET", "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", ""},
		{"Yahoo's picture proxy, when a person opens", "GET", "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", ""},
		{"Outlook", "GET", "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; WOW64; Trident/7.0; Microsoft Outlook 16.0.17328; ms-office)", ""},
		{"Thunderbird", "GET", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.2.0", ""},
		{"Apple Mail on a phone", "GET", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			f.do(c.method, f.base.Open(), "", "User-Agent", c.agent)
			e := f.events(contacts.EventOpened)
			if len(e) != 1 || e[0].Machine != (c.why != "") {
				t.Fatalf("got %+v", e)
			}
			if why, _ := e[0].Properties["machine"].(string); why != c.why {
				t.Errorf("got the reason %q, want %q", why, c.why)
			}
		})
	}
}

func TestOpenSoonerThanAPerson(t *testing.T) {
	f := newFixture(t)
	m := f.send(2, noon.Add(-time.Second), "sent", "h1")
	f.do("GET", f.Tokens.Message(m, int64(f.contact)).Open(), "")
	if e := f.events(contacts.EventOpened); len(e) != 1 || !e[0].Machine || e[0].Properties["machine"] != whyInstant {
		t.Fatalf("got %+v", e)
	}
}

func TestClick(t *testing.T) {
	f := newFixture(t)
	w := f.do("GET", f.base.Click(1), "")
	if w.Code != 302 || w.Header().Get("Location") != "https://shop.example/guides?a=1&b=2" || w.Body.Len() != 0 {
		t.Fatalf("got %d %v %q", w.Code, w.Header(), w.Body)
	}
	if got := w.Header().Get("Referrer-Policy"); got != "no-referrer" {
		t.Errorf("the address, which is a permission, would be told to the target: %q", got)
	}
	e := f.events(contacts.EventClicked)
	if len(e) != 1 || e[0].Machine || e[0].Link != "https://shop.example/guides?a=1&b=2" || e[0].Message != f.message {
		t.Fatalf("got %+v", e)
	}
}

func TestRule25NoOpenRedirect(t *testing.T) {
	f := newFixture(t)
	personal := f.Tokens.Personal(f.base, f.message, 4, "https://shop.example/?e=ana%40example.com")
	other := f.send(3, noon.Add(-time.Hour), "sent", "h1")
	for _, c := range []struct{ name, path string }{
		{"a token that was changed", "/c/x" + string(f.base)[1:] + "/1"},
		{"a link that the template does not have", f.base.Click(9)},
		{"a link that is no number", "/c/" + string(f.base) + "/one"},
		{"a number in another form", "/c/" + string(f.base) + "/01"},
		{"a negative number", "/c/" + string(f.base) + "/-1"},
		{"a personal link without its address", f.base.Click(4)},
		{"a personal link of another number", strings.Replace(personal, "/4/", "/1/", 1)},
		{"a personal link of another message", strings.Replace(personal, string(f.base), string(f.Tokens.Message(other, int64(f.contact))), 1)},
		{"an address that nobody signed", f.base.Click(4) + "/aHR0cHM6Ly9ldmlsLmV4YW1wbGU"},
		{"a signed address that is no web page", f.Tokens.Personal(f.base, f.message, 4, "javascript:alert(1)")},
		{"a link of the template that is no web page", f.base.Click(5)},
		{"a message that does not exist", f.Tokens.Message(1<<40|1, 7).Click(1)},
	} {
		w := f.do("GET", c.path, "")
		if w.Code != 404 || w.Header().Get("Location") != "" || !strings.Contains(w.Body.String(), "This link does not work") {
			t.Errorf("%s: got %d, to %q", c.name, w.Code, w.Header().Get("Location"))
		}
	}
	if w := f.do("GET", personal, ""); w.Code != 302 || w.Header().Get("Location") != "https://shop.example/?e=ana%40example.com" {
		t.Errorf("the personal link itself: got %d, to %q", w.Code, w.Header().Get("Location"))
	}
	for _, e := range f.events(contacts.EventClicked) {
		if strings.Contains(e.Link, "ana%40example.com") {
			t.Errorf("the event has contact data in its link: %s", e.Link)
		}
	}
}

func TestClicksOfMachines(t *testing.T) {
	f := newFixture(t)
	f.do("HEAD", f.base.Click(1), "")
	f.do("GET", f.base.Click(2), "", "User-Agent", "python-requests/2.31")
	f.do("GET", f.base.Click(3), "", "Sec-Purpose", "prefetch;prerender")
	if n := f.people(contacts.EventClicked); n != 0 || len(f.events(contacts.EventClicked)) != 3 {
		t.Fatalf("%d of them count as a person's: %+v", n, f.events(contacts.EventClicked))
	}
	f.do("GET", f.base.Click(1), "")
	if n := f.people(contacts.EventClicked); n != 1 {
		t.Errorf("after the machines a person clicked, and %d clicks count", n)
	}
}

// A scanner that calls itself a browser follows every link as the message arrives.
func TestScannerThatLooksLikeABrowser(t *testing.T) {
	f := newFixture(t)
	ctx := context.Background()
	m := f.send(4, noon.Add(-10*time.Second), "sent", "h1")
	base := f.Tokens.Message(m, int64(f.contact))
	for n := 1; n <= 4; n++ {
		f.do("GET", base.Click(n), "")
		f.clock.Advance(200 * time.Millisecond)
	}
	f.clock.Advance(time.Minute)
	f.Tick(ctx)
	f.do("GET", base.Click(2), "")
	if n := f.people(contacts.EventClicked); n != 0 {
		t.Fatalf("%d clicks of a scanner count as a person's: %+v", n, f.events(contacts.EventClicked))
	}
}

func TestTrapLink(t *testing.T) {
	f := newFixture(t)
	m := f.send(4, noon.Add(-10*time.Second), "sent", "h1")
	base := f.Tokens.Message(m, int64(f.contact))
	f.do("GET", base.Click(1), "")
	if w := f.do("GET", base.Click(0), ""); w.Code != 302 || w.Header().Get("Location") != "https://northwind.example" {
		t.Errorf("the trap answers %d, to %q", w.Code, w.Header().Get("Location"))
	}
	f.clock.Advance(time.Minute)
	f.Tick(context.Background())
	if n := f.people(contacts.EventClicked); n != 0 {
		t.Fatalf("%d clicks count as a person's beside one of the link that nobody can see", n)
	}
}

// A person who clicks soon after sending counts, five seconds later.
func TestAnEarlyClickProvesItself(t *testing.T) {
	f := newFixture(t)
	ctx := context.Background()
	m := f.send(4, noon.Add(-30*time.Second), "sent", "h1")
	if w := f.do("GET", f.Tokens.Message(m, int64(f.contact)).Click(1), ""); w.Code != 302 {
		t.Fatalf("got %d", w.Code)
	}
	e := f.events(contacts.EventClicked)
	if len(e) != 1 || !e[0].Machine || e[0].Properties["machine"] != whyUnproved {
		t.Fatalf("at first: %+v", e)
	}
	f.clock.Advance(4 * time.Second)
	f.Tick(ctx)
	if n := f.people(contacts.EventClicked); n != 0 {
		t.Fatalf("it counts after four seconds already")
	}
	f.clock.Advance(time.Second)
	f.Tick(ctx)
	f.Tick(ctx)
	if n := f.people(contacts.EventClicked); n != 1 {
		t.Fatalf("%d clicks count, want 1", n)
	}
	for _, e := range f.events(contacts.EventClicked) {
		if !e.At.Equal(noon) {
			t.Errorf("it happened at %s, not when it was proved", e.At)
		}
	}
}

// Who has taken a click may be killed at once: another process judges it, by
// what all of them have seen.
func TestAnEarlyClickProvesItselfThoughItsProcessWasKilled(t *testing.T) {
	f := newFixture(t)
	person := f.send(4, noon.Add(-30*time.Second), "sent", "h1")
	scanned := f.send(5, noon.Add(-30*time.Second), "sent", "h1")
	f.do("GET", f.Tokens.Message(person, int64(f.contact)).Click(1), "")
	f.do("GET", f.Tokens.Message(scanned, int64(f.contact)).Click(1), "")

	other := New(f.Responses.Config) // nothing of the first one is left but the database
	f.handler = other.Handler()
	for n := 2; n <= 4; n++ {
		f.do("GET", f.Tokens.Message(scanned, int64(f.contact)).Click(n), "")
	}
	f.clock.Advance(5 * time.Second)
	third := New(f.Responses.Config)
	third.Tick(context.Background())
	third.Tick(context.Background())
	other.Tick(context.Background())

	var counted []int64
	for _, e := range f.events(contacts.EventClicked) {
		if !e.Machine {
			counted = append(counted, e.Message)
		}
	}
	if !slices.Equal(counted, []int64{person}) {
		t.Errorf("clicks of messages %d count, want those of %d: %d was scanned", counted, person, scanned)
	}
	left, err := f.store.UnprovedClicks(context.Background(), f.clock.Now(), 10)
	if err != nil || len(left) != 0 {
		t.Errorf("%d clicks are still to be judged: %v", len(left), err)
	}
}

// While the store is away opens and clicks are answered, wait, and come in later.
func TestStoreAway(t *testing.T) {
	f := newFixture(t)
	ctx := context.Background()
	f.do("GET", f.base.Open(), "") // the message and its links are looked up here
	f.do("GET", f.base.Click(1), "")
	f.clock.Advance(time.Hour)
	f.store.down.Store(true)

	if w := f.do("GET", f.base.Open(), ""); w.Code != 200 || w.Body.Len() != 43 {
		t.Errorf("an open: got %d", w.Code)
	}
	if w := f.do("GET", f.base.Click(2), ""); w.Code != 302 || w.Header().Get("Location") != "https://shop.example/fit" {
		t.Errorf("a click on a message that is remembered: got %d, to %q", w.Code, w.Header().Get("Location"))
	}
	unseen := f.Tokens.Message(f.send(5, noon.Add(-time.Hour), "sent", "h1"), int64(f.contact))
	if w := f.do("GET", unseen.Click(2), ""); w.Code != 503 || w.Header().Get("Retry-After") != "10" || !strings.Contains(w.Body.String(), `http-equiv="refresh" content="10"`) {
		t.Errorf("a click on a message that nobody has asked for: got %d %v", w.Code, w.Header())
	}
	personal := f.Tokens.Personal(unseen, f.messageOf(unseen), 4, "https://shop.example/?e=a")
	if w := f.do("GET", personal, ""); w.Code != 302 {
		t.Errorf("a click on a link that carries its address: got %d", w.Code)
	}
	if n := f.later.size(); n != 3 {
		t.Errorf("%d events wait, want an open and two clicks", n)
	}
	f.Tick(ctx)
	if n := f.later.size(); n != 3 {
		t.Errorf("%d events wait after a tick in vain, want 3", n)
	}
	f.store.down.Store(false)
	f.Tick(ctx)
	if n := f.later.size(); n != 0 {
		t.Errorf("%d events still wait", n)
	}
	if o, c := len(f.events(contacts.EventOpened)), len(f.events(contacts.EventClicked)); o != 2 || c != 3 {
		t.Errorf("got %d opens and %d clicks, want 2 and 3", o, c)
	}
}

func (f *fixture) messageOf(b interface{ Open() string }) int64 {
	f.Helper()
	c, err := f.Tokens.Verify(strings.TrimPrefix(b.Open(), "/o/"))
	must(f.T, err)
	return c.Message
}

func TestWaitingIsBounded(t *testing.T) {
	f := newFixture(t)
	f.later.limit = 2
	f.store.down.Store(true)
	for range 4 {
		f.clock.Advance(time.Minute)
		f.do("GET", f.base.Open(), "")
	}
	if n := f.later.size(); n != 2 {
		t.Errorf("%d events wait, want 2", n)
	}
}

func TestMessageWithoutARecordedTemplate(t *testing.T) {
	f := newFixture(t)
	lost := f.Tokens.Message(f.send(7, noon.Add(-time.Hour), "unknown", ""), int64(f.contact))
	if w := f.do("GET", lost.Click(2), ""); w.Code != 302 || w.Header().Get("Location") != "https://shop.example/fit" {
		t.Errorf("a click on a message whose worker died: got %d, to %q", w.Code, w.Header().Get("Location"))
	}
	m, _, err := f.store.Store.Message(context.Background(), f.messageOf(lost))
	must(t, err)
	if m.State != "sent" {
		t.Errorf("a click proves that the message was sent, and it is %s", m.State)
	}
	if _, err := f.store.raw.Exec(`delete from compiled_templates`); err != nil {
		t.Fatal(err)
	}
	going := f.Tokens.Message(f.send(6, noon, "sending", ""), int64(f.contact))
	if w := f.do("GET", going.Click(1), ""); w.Code != 503 {
		t.Errorf("a click before the outcome is recorded: got %d, want a page that tries again", w.Code)
	}
	lost = f.Tokens.Message(f.send(8, noon.Add(-time.Hour), "unknown", ""), int64(f.contact))
	if w := f.do("GET", lost.Click(1), ""); w.Code != 302 || w.Header().Get("Location") != "https://northwind.example" {
		t.Errorf("a click that nobody knows the way of: got %d, to %q", w.Code, w.Header().Get("Location"))
	}
}

func TestOtherAddresses(t *testing.T) {
	f := newFixture(t)
	if w := f.do("GET", "/nowhere", ""); w.Code != 404 || !strings.Contains(w.Body.String(), "This link does not work") {
		t.Errorf("got %d", w.Code)
	}
	if w := f.do("GET", "/robots.txt", ""); w.Body.String() != "User-agent: *\nDisallow: /\n" {
		t.Errorf("got %q", w.Body)
	}
	if w := f.do("POST", f.base.Click(1), ""); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("got %d", w.Code)
	}
}

// Whoever ends the process waits no longer for a store that does not answer than it
// has time.
func TestTheLastBringingInEndsWithTheTimeForStopping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Config{Now: func() time.Time { return noon }})
		to := &gate{open: make(chan struct{})}
		defer close(to.open)
		r.later.to = NewGroup(to)
		r.keep(event("opened", "waits")[0])
		ctx, stop := context.WithCancel(t.Context())
		stop()
		finish, over := context.WithTimeout(t.Context(), 3*time.Second)
		defer over()
		began := clock.System{}.Now()
		r.Run(ctx, finish)
		if took, n := (clock.System{}).Now().Sub(began), r.later.size(); took != 3*time.Second || n != 1 {
			t.Errorf("it ended after %s with %d waiting; want 3 s, and the one that was not taken", took, n)
		}
	})
}
