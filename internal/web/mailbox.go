package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"rapport/internal/mailbox"
)

type mailsData struct {
	Query  string
	List   []mailbox.Message
	Counts mailbox.Counts
	Next   string
}

func (w *Web) mails(q *request) (view, error) {
	if w.Mailbox == nil {
		return view{}, errNotFound
	}
	values := q.URL.Query()
	d := mailsData{Query: strings.TrimSpace(values.Get("q")), Counts: w.Mailbox.Counts()}
	before, _ := strconv.ParseInt(values.Get("before"), 10, 64) // nonsense is the first page
	d.List = w.Mailbox.List(mailbox.Filter{Text: d.Query, Before: before}, pageSize+1)
	if len(d.List) > pageSize {
		d.List = d.List[:pageSize]
		next := url.Values{"before": {strconv.FormatInt(d.List[pageSize-1].ID, 10)}}
		if d.Query != "" {
			next.Set("q", d.Query)
		}
		d.Next = "/mailbox?" + next.Encode()
	}
	return view{page: "mails", room: "mailbox", title: "Mailbox", data: d, live: 2}, nil
}

type mailData struct {
	mailbox.Message
	mailbox.Content
	Show string // html, text or headers
}

func (w *Web) mail(q *request) (view, error) {
	if w.Mailbox == nil {
		return view{}, errNotFound
	}
	id, _ := strconv.ParseInt(q.PathValue("id"), 10, 64) // nonsense is not found
	m, ok := w.Mailbox.Get(id)
	if !ok {
		return view{}, errNotFound
	}
	content, err := w.Mailbox.Parsed(id)
	if errors.Is(err, mailbox.ErrGone) {
		return view{}, errNotFound
	}
	d := mailData{Message: m, Content: content, Show: q.URL.Query().Get("show")}
	if err != nil {
		d.Text = "This message cannot be read: " + err.Error()
	}
	if d.Show != "text" && d.Show != "headers" {
		d.Show = "html"
	}
	if d.Show == "html" && d.HTML == "" {
		d.Show = "text"
	}
	title := m.Subject
	if title == "" {
		title = "Without a subject"
	}
	return view{page: "mail", room: "mailbox", title: title, data: d}, nil
}

// mailHTML is what stands in the frame: the mail as it came, without scripts,
// forms and an origin. Its links open beside the dashboard.
func (w *Web) mailHTML(rw http.ResponseWriter, r *http.Request) {
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64) // nonsense is not found
	if w.Mailbox == nil {
		plain(rw, http.StatusNotFound, "there is no mailbox here")
		return
	}
	content, err := w.Mailbox.Parsed(id)
	if err != nil || content.HTML == "" {
		plain(rw, http.StatusNotFound, "there is no such mail, or it has no HTML")
		return
	}
	h := rw.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src http: https: data:; "+
		"style-src 'unsafe-inline' https:; font-src https: data:; frame-ancestors 'self'")
	_, _ = rw.Write([]byte(withBase(content.HTML)))
}

// withBase makes links open in a window of their own. The mail's own markup is
// otherwise left as it is.
func withBase(html string) string {
	const base = `<base target="_blank">`
	lower := strings.ToLower(html)
	if i := strings.Index(lower, "<head"); i >= 0 {
		if j := strings.IndexByte(lower[i:], '>'); j >= 0 {
			return html[:i+j+1] + base + html[i+j+1:]
		}
	}
	return html + base // without a doctype in the way: a prefix would change how the page is laid out
}
