package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/html"

	"rapport/internal/clock"
	"rapport/internal/contacts"
	"rapport/internal/mailbox"
	"rapport/internal/relationship"
	"rapport/internal/responses"
)

// Web is the Hand of people who are outside: they read what the mailbox holds,
// and answer through the addresses in their mail and the HTTP interface.
type Web struct {
	Model *Model
	// Handler serves the public addresses and /api/v1/; requests go straight
	// to it, without a network in between.
	Handler http.Handler
	Key     string      // of the HTTP interface
	Secret  string      // that signs callbacks of the provider Provider
	Wall    clock.Clock // of the provider, by which signatures grow old
	// Provider is the workspace's provider whose callbacks tell of bounces,
	// complaints and replies.
	Provider string
	Root     string // public_url: what stands before the paths in mail

	mu    sync.Mutex
	inbox []mailbox.Message
}

// Deliver hands a message to its reader; the mailbox calls it.
func (w *Web) Deliver(m mailbox.Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inbox = append(w.inbox, m)
}

// Collect opens what has come.
func (w *Web) Collect(context.Context) (letters []Letter, err error) {
	w.mu.Lock()
	inbox := w.inbox
	w.inbox = nil
	w.mu.Unlock()
	slices.SortFunc(inbox, func(a, b mailbox.Message) int { return strings.Compare(a.RapportID, b.RapportID) })
	for _, m := range inbox {
		content, err := mailbox.Parse(m.Raw)
		if err != nil {
			continue // nobody answers what they cannot read
		}
		letters = append(letters, Letter{m.To, w.mail(m.RapportID, content)})
	}
	return letters, nil
}

// mail finds in a message what its reader can do with it.
func (w *Web) mail(id string, c mailbox.Content) *Mail {
	out := &Mail{ID: id, Key: id}
	page, err := html.Parse(strings.NewReader(c.HTML))
	if err != nil {
		return out
	}
	for n := range page.Descendants() {
		for _, a := range n.Attr {
			path, ours := strings.CutPrefix(a.Val, w.Root)
			switch {
			case !ours:
			case a.Key == "src" && strings.HasPrefix(path, "/o/"):
				out.Pixel = path
			case a.Key == "href" && strings.HasPrefix(path, "/c/"):
				out.Links = append(out.Links, path)
			case a.Key == "href" && strings.HasPrefix(path, "/s/"):
				out.asks(path)
			case a.Key == "href" && strings.HasPrefix(path, "/confirm/"):
				out.Confirm = path
			case a.Key == "href" && strings.HasPrefix(path, "/u/"):
				out.Unsubscribe = path
			}
		}
	}
	out.Clickable = len(out.Links) > 0
	return out
}

// asks notes a link to a survey. Its scale goes from the lowest to the highest
// answer that has a link of its own, or from 0 to 10.
func (m *Mail) asks(path string) {
	page, query, _ := strings.Cut(path, "?")
	answer, err := strconv.Atoi(strings.TrimPrefix(query, "score="))
	switch {
	case m.Survey == nil && err != nil:
		m.Survey = &relationship.Survey{High: 10}
	case m.Survey == nil:
		m.Survey = &relationship.Survey{Low: answer, High: answer}
	case err == nil:
		m.Survey.Low, m.Survey.High = min(m.Survey.Low, answer), max(m.Survey.High, answer)
	}
	m.Asks = page
}

const (
	browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	scanner = "Mozilla/5.0 (compatible; MailScanner/5.4; bot)"
)

// Do answers over the web, one after the other.
func (w *Web) Do(ctx context.Context, list []Deed) error {
	for _, d := range list {
		if err := w.do(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

func (w *Web) do(ctx context.Context, d Deed) error {
	switch d.Do {
	case "open":
		return w.get(ctx, d.Mail.Pixel, browser)
	case "proxy":
		return w.get(ctx, d.Mail.Pixel, scanner)
	case "click":
		if err := w.get(ctx, d.Mail.Pixel, browser); err != nil {
			return err
		}
		r := draw(w.Model.Seed, "link "+d.Mail.Key)
		return w.get(ctx, d.Mail.Links[r.IntN(len(d.Mail.Links))], browser)
	case "answer":
		return w.form(ctx, d.Mail.Asks, url.Values{"score": {fmt.Sprint(d.Properties["score"])}})
	case "confirm":
		return w.form(ctx, d.Mail.Confirm, nil)
	case "unsubscribe":
		return w.form(ctx, d.Mail.Unsubscribe, url.Values{"List-Unsubscribe": {"One-Click"}})
	case "bounce":
		return w.callback(ctx, d, contacts.EventBounced, map[string]any{"type": "hard", "reply": "550 5.1.1 no such user"})
	case "complain":
		return w.callback(ctx, d, contacts.EventComplained, nil)
	case "reply":
		return w.callback(ctx, d, contacts.EventReplied, nil)
	case "event":
		return w.api(ctx, http.MethodPost, "/api/v1/events", map[string]any{"email": w.Model.People[d.Person].Email, "event": d.Event, "id": d.Key,
			"at": d.At.Format(time.RFC3339Nano), "properties": d.Properties, "create": true})
	}
	return fmt.Errorf("nobody knows how to %s", d.Do)
}

// Join signs people up, many in one request.
func (w *Web) Join(ctx context.Context, list []Deed) error {
	for chunk := range slices.Chunk(list, 500) {
		var body []map[string]any
		for _, d := range chunk {
			p := &w.Model.People[d.Person]
			var consents []map[string]any
			for _, topic := range p.Topics {
				consents = append(consents, map[string]any{"topic": topic, "source": "sign-up form", "at": d.At.Format(time.RFC3339), "own_act": true})
			}
			body = append(body, map[string]any{"email": p.Email, "first_name": p.First, "last_name": p.Last, "language": p.Language, "timezone": p.Timezone,
				"attributes": p.Attributes, "consents": consents})
		}
		if err := w.api(ctx, http.MethodPost, "/api/v1/contacts", body); err != nil {
			return err
		}
	}
	return nil
}

func (w *Web) callback(ctx context.Context, d Deed, name string, properties map[string]any) error {
	body, err := json.Marshal(map[string]any{"event": name, "id": d.Key, "message": d.Mail.ID, "at": d.At.Format(time.RFC3339Nano), "properties": properties})
	if err != nil {
		return err
	}
	stamp := fmt.Sprint(w.Wall.Now().Unix())
	return w.send(ctx, http.MethodPost, "/webhooks/generic/"+w.Provider, bytes.NewReader(body), map[string]string{
		"Content-Type": "application/json", responses.TimestampHeader: stamp,
		responses.SignatureHeader: responses.Sign(w.Secret, stamp, body)})
}

func (w *Web) get(ctx context.Context, path, agent string) error {
	if path == "" {
		return nil
	}
	return w.send(ctx, http.MethodGet, path, nil, map[string]string{"User-Agent": agent})
}

func (w *Web) form(ctx context.Context, path string, form url.Values) error {
	if path == "" {
		return nil
	}
	return w.send(ctx, http.MethodPost, path, strings.NewReader(form.Encode()), map[string]string{
		"Content-Type": "application/x-www-form-urlencoded", "User-Agent": browser})
}

func (w *Web) api(ctx context.Context, method, path string, body any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return w.send(ctx, method, path, bytes.NewReader(raw), map[string]string{"Content-Type": "application/json", "Authorization": "Bearer " + w.Key})
}

// send asks the handler, as a server would.
func (w *Web) send(ctx context.Context, method, path string, body io.Reader, header map[string]string) error {
	q, err := http.NewRequestWithContext(ctx, method, w.Root+path, body)
	if err != nil {
		return err
	}
	for k, v := range header {
		q.Header.Set(k, v)
	}
	q.RequestURI, q.RemoteAddr = path, "127.0.0.1:1"
	answer := &answer{header: http.Header{}, status: http.StatusOK}
	w.Handler.ServeHTTP(answer, q)
	if answer.status >= 400 {
		return errors.New("the engine answered " + method + " " + strings.SplitN(path, "/", 4)[1] + " with " +
			fmt.Sprint(answer.status) + ": " + strings.TrimSpace(answer.body.String()))
	}
	return nil
}

// answer keeps what a handler writes.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }
