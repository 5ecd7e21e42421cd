package simulate

import (
	"bytes"
	"container/heap"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/html"

	"rapport/internal/clock"
	"rapport/internal/contacts"
	"rapport/internal/mailbox"
	"rapport/internal/responses"
)

// World lets people live: it holds what they will do, and does it when its time
// has come, through the addresses in their mail and the HTTP interface.
type World struct {
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
	Root     string   // public_url: what stands before the paths in mail
	Topics   []string // that people consent to when they sign up

	mu     sync.Mutex
	inbox  []mailbox.Message
	deeds  deeds
	byMail map[string]int // address to person
	days   time.Time      // the midnight whose day is planned next
}

// Start puts the people in front of their lives.
func (w *World) Start(now time.Time) {
	w.byMail = map[string]int{}
	for i, p := range w.Model.People {
		w.byMail[p.Email] = i
		heap.Push(&w.deeds, Deed{At: p.Joins, Do: "join", Person: i, Key: fmt.Sprintf("join:%d", i)})
	}
	w.days = now.Truncate(24 * time.Hour)
}

// Deliver hands a message to its reader; the mailbox calls it.
func (w *World) Deliver(m mailbox.Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inbox = append(w.inbox, m)
}

// Next is when somebody does something next.
func (w *World) Next() time.Time {
	if len(w.deeds) > 0 && w.deeds[0].At.Before(w.days) {
		return w.deeds[0].At
	}
	return w.days
}

// Live does all that people do until now, and returns how much that was.
func (w *World) Live(ctx context.Context, now time.Time) (did int, err error) {
	w.read(now)
	for ; !w.days.After(now); w.days = w.days.Add(24 * time.Hour) {
		for i := range w.Model.People {
			w.plan(w.Model.Day(i, w.days))
		}
	}
	var joining []Deed
	for len(w.deeds) > 0 && !w.deeds[0].At.After(now) {
		d := heap.Pop(&w.deeds).(Deed)
		did++
		if d.Do == "join" {
			joining = append(joining, d)
			continue
		}
		if err := w.do(ctx, d); err != nil {
			return did, err
		}
		w.plan(w.Model.Follow(d))
	}
	return did, w.join(ctx, joining)
}

func (w *World) plan(list []Deed) {
	for _, d := range list {
		heap.Push(&w.deeds, d)
	}
}

// read lets people look at what has come, in an order that does not depend on
// which connection was faster.
func (w *World) read(now time.Time) {
	w.mu.Lock()
	inbox := w.inbox
	w.inbox = nil
	w.mu.Unlock()
	slices.SortFunc(inbox, func(a, b mailbox.Message) int { return strings.Compare(a.RapportID, b.RapportID) })
	for _, m := range inbox {
		person, ok := w.byMail[strings.ToLower(m.To)]
		if !ok {
			continue
		}
		content, err := mailbox.Parse(m.Raw)
		if err != nil {
			continue // nobody answers what they cannot read
		}
		w.plan(w.Model.Answer(person, w.mail(m.RapportID, content), now))
	}
}

// mail finds in a message what its reader can do with it.
func (w *World) mail(id string, c mailbox.Content) *Mail {
	out := &Mail{ID: id}
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
			case a.Key == "href" && strings.HasPrefix(path, "/u/"):
				out.Unsubscribe = path
			}
		}
	}
	return out
}

const (
	browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	scanner = "Mozilla/5.0 (compatible; MailScanner/5.4; bot)"
)

func (w *World) do(ctx context.Context, d Deed) error {
	p := w.Model.People[d.Person]
	switch d.Do {
	case "open":
		return w.get(ctx, d.Mail.Pixel, browser)
	case "proxy":
		return w.get(ctx, d.Mail.Pixel, scanner)
	case "click":
		if err := w.get(ctx, d.Mail.Pixel, browser); err != nil {
			return err
		}
		r := draw(w.Model.Seed, "link "+d.Mail.ID)
		return w.get(ctx, d.Mail.Links[r.IntN(len(d.Mail.Links))], browser)
	case "unsubscribe":
		return w.form(ctx, d.Mail.Unsubscribe, url.Values{"List-Unsubscribe": {"One-Click"}})
	case "bounce":
		return w.callback(ctx, d, contacts.EventBounced, map[string]any{"type": "hard", "reply": "550 5.1.1 no such user"})
	case "complain":
		return w.callback(ctx, d, contacts.EventComplained, nil)
	case "reply":
		return w.callback(ctx, d, contacts.EventReplied, nil)
	case "cart":
		return w.event(ctx, p, d, "cart.abandoned", map[string]any{"total": d.Total, "item": item(d.Total, p.Bike), "items": []string{item(d.Total, p.Bike)}})
	case "order":
		return w.event(ctx, p, d, "order.placed", map[string]any{"order": d.Key, "total": d.Total, "category": category(d.Total), "items": []string{item(d.Total, p.Bike)}})
	case "review":
		return w.event(ctx, p, d, "review.written", map[string]any{"stars": 5})
	case "refer":
		return w.event(ctx, p, d, "referral.converted", map[string]any{"friend": "a friend"})
	}
	return fmt.Errorf("nobody knows how to %s", d.Do)
}

// category and item are what somebody buys for a sum.
func category(total float64) string {
	if total >= 700 {
		return "bike"
	}
	return "accessories"
}

func item(total float64, bike string) string {
	switch {
	case total >= 700:
		return bike + " bike"
	case total >= 90:
		return "pannier set"
	case total >= 50:
		return "helmet"
	}
	return "tool kit"
}

// join signs people up, many in one request.
func (w *World) join(ctx context.Context, list []Deed) error {
	for chunk := range slices.Chunk(list, 500) {
		var body []map[string]any
		for _, d := range chunk {
			p := w.Model.People[d.Person]
			var consents []map[string]any
			r := draw(w.Model.Seed, "consents "+p.Email)
			for _, topic := range w.Topics {
				if r.Float64() < 0.85 {
					consents = append(consents, map[string]any{"topic": topic, "source": "sign-up form", "at": d.At.Format(time.RFC3339), "own_act": true})
				}
			}
			body = append(body, map[string]any{"email": p.Email, "first_name": p.First, "last_name": p.Last, "language": p.Language, "timezone": p.Timezone,
				"attributes": map[string]any{"country": p.Country, "city": p.City, "bike": p.Bike, "likes": p.Likes, "birthday": p.Birthday, "next_service": p.Service}, "consents": consents})
		}
		if err := w.api(ctx, http.MethodPost, "/api/v1/contacts", body); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) event(ctx context.Context, p Person, d Deed, name string, properties map[string]any) error {
	return w.api(ctx, http.MethodPost, "/api/v1/events", map[string]any{"email": p.Email, "event": name, "id": d.Key,
		"at": d.At.Format(time.RFC3339Nano), "properties": properties, "create": true})
}

func (w *World) callback(ctx context.Context, d Deed, name string, properties map[string]any) error {
	body, err := json.Marshal(map[string]any{"event": name, "id": d.Key, "message": d.Mail.ID, "at": d.At.Format(time.RFC3339Nano), "properties": properties})
	if err != nil {
		return err
	}
	stamp := fmt.Sprint(w.Wall.Now().Unix())
	return w.send(ctx, http.MethodPost, "/webhooks/generic/"+w.Provider, bytes.NewReader(body), map[string]string{
		"Content-Type": "application/json", responses.TimestampHeader: stamp,
		responses.SignatureHeader: responses.Sign(w.Secret, stamp, body)})
}

func (w *World) get(ctx context.Context, path, agent string) error {
	if path == "" {
		return nil
	}
	return w.send(ctx, http.MethodGet, path, nil, map[string]string{"User-Agent": agent})
}

func (w *World) form(ctx context.Context, path string, form url.Values) error {
	if path == "" {
		return nil
	}
	return w.send(ctx, http.MethodPost, path, strings.NewReader(form.Encode()), map[string]string{
		"Content-Type": "application/x-www-form-urlencoded", "User-Agent": browser})
}

func (w *World) api(ctx context.Context, method, path string, body any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return w.send(ctx, method, path, bytes.NewReader(raw), map[string]string{"Content-Type": "application/json", "Authorization": "Bearer " + w.Key})
}

// send asks the handler, as a server would.
func (w *World) send(ctx context.Context, method, path string, body io.Reader, header map[string]string) error {
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

// deeds is a heap by time, then key.
type deeds []Deed

func (d deeds) Len() int { return len(d) }
func (d deeds) Less(i, j int) bool {
	if !d[i].At.Equal(d[j].At) {
		return d[i].At.Before(d[j].At)
	}
	return d[i].Key < d[j].Key
}
func (d deeds) Swap(i, j int) { d[i], d[j] = d[j], d[i] }
func (d *deeds) Push(x any)   { *d = append(*d, x.(Deed)) }
func (d *deeds) Pop() any {
	old := *d
	last := old[len(old)-1]
	*d = old[:len(old)-1]
	return last
}
