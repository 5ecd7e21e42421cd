package web

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"rapport/internal/responses"
	"rapport/internal/testenv"
	"rapport/internal/token"
)

// room is a page of the dashboard, or one that contacts see.
type room struct{ name, path, heading string }

// rooms are the pages that the browser visits, with their heading.
func (f *fixture) rooms() []room {
	return []room{
		{"overview", "/", "Waiting for the right moment"},
		{"campaigns", "/campaigns", "Campaigns"},
		{"campaign", "/campaigns/welcome", "welcome"},
		{"results", "/results", "Results"},
		{"ladder", "/ladder", "Ladder"},
		{"contacts", "/contacts", "Contacts"},
		{"contact", fmt.Sprintf("/contacts/%d", f.people[7]), "Émile Berger"},
		{"segments", "/segments", "Segments"},
		{"messages", "/messages", "Messages"},
		{"queued", "/messages?state=queued", "Messages"},
		{"providers", "/providers", "Providers"},
		{"mailbox", "/mailbox", "Mailbox"},
		{"mail", "/mailbox/1", "Three checks that take five minutes · 0"},
		{"headers", "/mailbox/1?show=headers", "Three checks that take five minutes · 0"},
		{"missing", "/nowhere", "There is no such page"},
		{"unsubscribe", f.base().Unsubscribe(), "Do you want to unsubscribe?"},
		{"preferences", f.base().Preferences(), "What may we write to you about?"},
		{"cut-short", "/u/nonsense", "This link does not work"},
	}
}

func (f *fixture) signer() *token.Signer {
	s, err := token.NewSigner([]string{"a secret of at least thirty-two bytes"})
	must(f.T, err)
	return s
}

// base is the token of a message to the first contact.
func (f *fixture) base() token.Base { return f.signer().Message(1024|1, int64(f.people[0])) }

// public is the pages that contacts see.
func (f *fixture) public() http.Handler {
	return responses.New(responses.Config{Store: f.store, Tokens: f.signer(), Now: f.clock.Now, Settings: func() responses.Settings {
		a := f.catalog.Current()
		s := responses.Settings{Company: a.Company.Name, Website: a.Company.Website, Language: "en"}
		for _, name := range a.TopicOrder {
			s.Topics = append(s.Topics, responses.Topic{Name: name, Title: a.Topics[name].Title})
		}
		return s
	}}).Handler()
}

// A contact chooses on a page without a script.
func TestPreferencesInABrowser(t *testing.T) {
	b := newBrowser(t)
	f := seeded(t)
	server := httptest.NewServer(f.public())
	t.Cleanup(server.Close)
	consents := func() string {
		all, err := f.store.Consents(context.Background(), f.people[:1])
		must(t, err)
		var out []string
		for _, c := range all[f.people[0]] {
			out = append(out, c.Topic+" "+c.State)
		}
		return strings.Join(out, ", ")
	}
	must(t, chromedp.Do(b, chromedp.EmulateViewport(390, 844), chromedp.Navigate(server.URL+f.base().Preferences()),
		chromedp.Click(chromedp.CSS(`input[value="guides"]`)), chromedp.Click(chromedp.CSS(`input[value="service"]`)),
		chromedp.Click(chromedp.CSS(`button[value="save"]`)), chromedp.WaitVisible(chromedp.CSS(`.done`))))
	done, err := chromedp.Run(b, chromedp.Evaluate[string](`document.querySelector(".done").textContent`))
	if err != nil || done != "Your choice is saved." {
		t.Errorf("the page says %q, %v", done, err)
	}
	if got := consents(); got != "guides withdrawn, service given" {
		t.Errorf("got %s", got)
	}
	f.clock.Advance(time.Second)
	must(t, chromedp.Do(b, chromedp.Click(chromedp.CSS(`button[value="none"]`)), chromedp.WaitNotPresent(chromedp.CSS(`button[value="none"]`))))
	if got := consents(); got != "guides withdrawn, offers withdrawn, service withdrawn" {
		t.Errorf("got %s", got)
	}
	if p := b.seen(); len(p) > 0 {
		t.Errorf("the console says %v", p)
	}
}

// browser is a Chromium that notes everything that goes wrong in its pages.
type browser struct {
	context.Context
	mu       sync.Mutex
	problems []string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	path := testenv.Chromium(t)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("no-first-run", true))
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &browser{Context: ctx}
	must(t, chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			b.note("exception: " + e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			b.note("console: " + string(e.Type))
		case *log.EventEntryAdded:
			b.note(string(e.Entry.Level) + ": " + e.Entry.Text + " " + e.Entry.URL)
		}
	}))
	return b
}

func (b *browser) note(s string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems = append(b.problems, s)
}

// seen returns what went wrong since it was asked last.
func (b *browser) seen() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.problems
	b.problems = nil
	return p
}

func (b *browser) colors(scheme string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return chromedp.Void{}, err
	}
}

// Every room, as a phone and as a screen show it: it has its heading, nothing
// sticks out at the side, and the console is silent.
func TestRoomsInABrowser(t *testing.T) {
	b := newBrowser(t)
	f := seeded(t)
	c := f.config()
	c.Public = f.public()
	server := httptest.NewServer(New(c))
	t.Cleanup(server.Close)
	b.visit(t, server.URL, f.rooms())
}

func TestResultsInABrowser(t *testing.T) {
	b := newBrowser(t)
	f := comparing(t, 12000)
	server := httptest.NewServer(New(f.config()))
	t.Cleanup(server.Close)
	b.visit(t, server.URL, []room{{"results", "/results", "Results"}, {"campaign-results", "/campaigns/welcome", "welcome"}})
}

// visit looks at rooms as a phone and as a screen show them.
func (b *browser) visit(t *testing.T, address string, rooms []room) {
	t.Helper()
	shots := os.Getenv("RAPPORT_SCREENSHOTS")
	for _, size := range []struct {
		name          string
		width, height int64
		scheme        string
	}{{"phone", 390, 844, "light"}, {"screen", 1280, 800, "light"}, {"dark", 1280, 800, "dark"}} {
		must(t, chromedp.Do(b, chromedp.EmulateViewport(size.width, size.height), b.colors(size.scheme)))
		for _, room := range rooms {
			t.Run(size.name+"/"+room.name, func(t *testing.T) {
				must(t, chromedp.Do(b, chromedp.Navigate(address+room.path)))
				heading, err := chromedp.Run(b, chromedp.Evaluate[string](`document.querySelector("h1").textContent`))
				must(t, err)
				if heading != room.heading {
					t.Errorf("the heading is %q, want %q", heading, room.heading)
				}
				wide, err := chromedp.Run(b, chromedp.Evaluate[string](tooWide))
				must(t, err)
				if wide != "" {
					t.Errorf("sticks out at the side: %s", wide)
				}
				small, err := chromedp.Run(b, chromedp.Evaluate[string](tooSmall))
				must(t, err)
				if small != "" {
					t.Errorf("too small to read: %s", small)
				}
				for _, problem := range b.seen() {
					if room.name != "missing" && room.name != "cut-short" && !(room.name == "mail" && strings.Contains(problem, "Blocked script execution")) {
						t.Errorf("the console says %s", problem)
					}
				}
				if shots != "" {
					png, err := chromedp.Run(b, chromedp.FullScreenshot(100))
					must(t, err)
					must(t, os.WriteFile(filepath.Join(shots, size.name+"-"+room.name+".png"), png, 0o644))
				}
			})
		}
	}
}

// tooWide names the first element that makes the page wider than the window.
const tooWide = `(() => {
	const width = document.documentElement.clientWidth;
	if (document.documentElement.scrollWidth <= width) return "";
	for (const e of document.querySelectorAll("body *")) {
		const r = e.getBoundingClientRect();
		if (r.width > 0 && r.right > width + 1 && !e.closest("nav")) return e.tagName + "." + e.className + " " + Math.round(r.right) + " of " + width;
	}
	return "the page is " + document.documentElement.scrollWidth + " wide, the window " + width;
})()`

// tooSmall names the first text that is smaller than 12 pixels on the screen.
const tooSmall = `(() => {
	for (const e of document.querySelectorAll("main *")) {
		if (e.children.length === 0 && e.textContent.trim() !== "" && parseFloat(getComputedStyle(e).fontSize) < 12) return e.tagName + " " + e.textContent;
	}
	return "";
})()`

// The script swaps in what is new, and leaves open what a person has opened.
func TestLivePage(t *testing.T) {
	b := newBrowser(t)
	f := seeded(t)
	server := httptest.NewServer(New(f.config()))
	t.Cleanup(server.Close)
	must(t, chromedp.Do(b, chromedp.Navigate(server.URL+"/campaigns/welcome")))
	f.exec(`update campaigns set status = 'paused' where name = 'welcome'`)
	must(t, chromedp.Do(b, chromedp.WaitVisible(chromedp.CSS(`.head .pill.paused`))))
	must(t, chromedp.Do(b, chromedp.Click(chromedp.CSS(`form[action$="/resume"] button`)), chromedp.WaitVisible(chromedp.CSS(`.head .pill.running`))))
	all, err := f.store.Campaigns(context.Background())
	must(t, err)
	if got := all["welcome"].Status; got != "running" {
		t.Errorf("the button left the campaign %s", got)
	}
	if p := b.seen(); len(p) > 0 {
		t.Errorf("the console says %v", p)
	}
}

// A mail's script does not run, and its frame has no origin.
func TestMailIsHarmless(t *testing.T) {
	b := newBrowser(t)
	f := seeded(t)
	server := httptest.NewServer(New(f.config()))
	t.Cleanup(server.Close)
	must(t, chromedp.Do(b, chromedp.Navigate(server.URL+"/mailbox/1/html")))
	title, err := chromedp.Run(b, chromedp.Title())
	must(t, err)
	origin, err := chromedp.Run(b, chromedp.Evaluate[string](`origin`))
	if title != "x" || err != nil || origin != "null" {
		t.Errorf("the title is %q, the origin %q, %v", title, origin, err)
	}
}
