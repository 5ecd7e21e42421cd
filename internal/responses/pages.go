package responses

import (
	"embed"
	"html/template"
	"net/http"
	"strconv"
)

//go:embed pages
var pageFiles embed.FS

var pages = template.Must(template.ParseFS(pageFiles, "pages/*.html"))

// page is what every public page shows.
type page struct {
	Company  string
	Website  string
	Language string
	Title    string
	Done     string   // what was just done, if anything
	Lines    []string // paragraphs
	Retry    int      // seconds after which the page asks again; 0 means never

	Form *form // nil on a page that only tells
}

// form is the preference centre and the question before unsubscribing.
type form struct {
	Kind   string // "unsubscribe", "preferences", "survey" or "confirm"
	Action string
	Email  string // masked
	Topic  string // title of the topic that one click ends; "" when there is none
	Topics []choice
	All    bool // unsubscribed from everything
	Link   string
	Scale  []mark // of a survey
}

// mark is an answer that a survey offers.
type mark struct {
	Score  int
	Chosen bool
}

// choice is a topic in the preference centre.
type choice struct {
	Topic
	On bool
}

func (r *Responses) page(title string, lines ...string) page {
	s := r.Settings()
	return page{Company: s.Company, Website: safeWebsite(s.Website), Language: s.Language, Title: title, Lines: lines}
}

func safeWebsite(s string) string {
	if leadsOut(s) {
		return s
	}
	return ""
}

// show writes a page. Nothing on it may be kept, framed, indexed or scripted,
// and its address, which is a permission, is told to nobody.
func (r *Responses) show(w http.ResponseWriter, status int, p page) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	publicHeaders(h)
	if p.Retry > 0 {
		h.Set("Retry-After", strconv.Itoa(p.Retry))
	}
	if p.Language == "" {
		p.Language = "en"
	}
	w.WriteHeader(status)
	if err := pages.ExecuteTemplate(w, "page.html", p); err != nil {
		r.Log.Warn("a page was not written to its end", "error", err)
	}
}

func publicHeaders(h http.Header) {
	h.Set("Cache-Control", "no-store, private, max-age=0")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Robots-Tag", "noindex, nofollow")
}

// NotFound is the page for an address that leads nowhere.
func (r *Responses) NotFound(w http.ResponseWriter, _ *http.Request) {
	r.show(w, http.StatusNotFound, r.page("This link does not work",
		"It may have been cut short on its way. Please copy the whole address from the message, or answer the message and we will help."))
}

// away is the page for the minutes in which the store does not answer.
func (r *Responses) away(w http.ResponseWriter, _ *http.Request) {
	p := r.page("One moment, please", "We cannot reach our records just now. This page tries again by itself in a few seconds.")
	p.Retry = 10
	r.show(w, http.StatusServiceUnavailable, p)
}

// awayForm is away for something that was sent: the person has to send it again.
func (r *Responses) awayForm(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "10")
	r.show(w, http.StatusServiceUnavailable, r.page("One moment, please",
		"We cannot reach our records just now, and your choice is not saved yet. Please go back and try again in a minute."))
}

// mask shows an address to the one who knows it and to nobody else: a message
// may have been passed on.
func mask(email string) string {
	for i := len(email) - 1; i > 0; i-- {
		if email[i] == '@' {
			first := []rune(email[:i])
			return string(first[0]) + "•••" + email[i:]
		}
	}
	return ""
}
