package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/ident"
)

//go:embed pages assets
var files embed.FS

// assetVersion changes whenever a style or script does, so that browsers may
// keep them for ever.
var assetVersion = func() string {
	h := sha256.New()
	_ = fs.WalkDir(files, "assets", func(name string, d fs.DirEntry, err error) error { // embedded: it does not fail
		if err == nil && !d.IsDir() {
			raw, _ := files.ReadFile(name)
			h.Write(raw)
		}
		return err
	})
	return hex.EncodeToString(h.Sum(nil)[:6])
}()

func assets(rw http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	raw, err := files.ReadFile("assets/" + name)
	if err != nil {
		plain(rw, http.StatusNotFound, "there is no such file")
		return
	}
	rw.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	rw.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = rw.Write(raw)
}

// request is a request for a page, with what every page needs.
type request struct {
	*http.Request
	applied *catalog.Applied // nil before the first apply
	now     time.Time
	zone    *time.Location
}

// view is what a page shows.
type view struct {
	page  string // the name of its template
	room  string // which entry of the navigation it belongs to
	title string
	data  any
	live  int // seconds after which it is worth looking again; 0 means never
}

var (
	errNotFound = errors.New("there is no such page")
	// errRedirect tells that the page has moved; the view's title is where to.
	errRedirect = errors.New("moved")
)

// shell is what the layout sees.
type shell struct {
	Title, Room, Company, Note, Version, Path string
	Live                                      int
	Mailbox                                   bool
	Caught                                    string // what delivery does with mail, when it is not live
	Now                                       string
	Data                                      any
}

// page serves a room: as a whole page, or as its middle part for the script
// that keeps it live.
func (w *Web) page(room func(*request) (view, error)) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		q := &request{Request: r, applied: w.Applied(), now: w.Now(), zone: time.UTC}
		if q.applied != nil && q.applied.Zone != nil {
			q.zone = q.applied.Zone
		}
		v, err := room(q)
		status := http.StatusOK
		switch {
		case errors.Is(err, errRedirect):
			http.Redirect(rw, r, v.title, http.StatusSeeOther)
			return
		case errors.Is(err, errNotFound):
			status = http.StatusNotFound
			v = view{page: "problem", title: "There is no such page", data: "It may have been removed, or its address was cut short."}
		case err != nil && r.Context().Err() != nil:
			return // nobody waits for the answer
		case err != nil:
			w.Log.Error("a page cannot be shown", "path", r.URL.Path, "error", err)
			rw.Header().Set("Retry-After", "5")
			status = http.StatusServiceUnavailable
			v = view{page: "problem", title: "The database does not answer", live: 5,
				data: "Nothing is lost: what was accepted is stored, and work goes on when it is back. This page looks again every few seconds. " + err.Error()}
		}
		w.render(rw, q, v, status)
	}
}

func (w *Web) render(rw http.ResponseWriter, q *request, v view, status int) {
	s := shell{Title: v.title, Room: v.room, Live: v.live, Note: w.Note, Version: assetVersion, Path: q.URL.RequestURI(),
		Mailbox: w.Mailbox != nil, Now: q.now.In(q.zone).Format("Mon 2 Jan 2006, 15:04"), Data: v.data}
	if q.applied != nil {
		s.Company = q.applied.Company.Name
		switch d := q.applied.Delivery; {
		case !d.Live && len(d.Only) > 0:
			s.Caught = "Only mail to " + strings.Join(d.Only, ", ") + " leaves; all other mail is caught."
		case !d.Live:
			s.Caught = "All mail is caught. Nothing leaves until the workspace says delivery: live."
		}
	}
	t := template.Must(pageSet[v.page].Clone()) // embedded and tested: it does not fail
	t.Funcs(q.funcs())
	name := "layout"
	if q.Header.Get("Rapport-Part") == "main" {
		name = "main"
	}
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.Header().Set("Cache-Control", "no-store")
	rw.Header().Set("Vary", "Rapport-Part")
	var out strings.Builder
	if err := t.ExecuteTemplate(&out, name, s); err != nil {
		w.Log.Error("a page cannot be written", "page", v.page, "error", err)
		plain(rw, http.StatusInternalServerError, "this page cannot be shown; the log says why")
		return
	}
	rw.WriteHeader(status)
	_, _ = rw.Write([]byte(out.String()))
}

// pageSet holds each page with the layout around it.
var pageSet = func() map[string]*template.Template {
	set := map[string]*template.Template{}
	var nobody request
	nobody.zone = time.UTC
	names, _ := fs.Glob(files, "pages/*.html")
	for _, name := range names {
		page := strings.TrimSuffix(path.Base(name), ".html")
		if page == "layout" || page == "parts" {
			continue
		}
		set[page] = template.Must(template.New(page).Funcs(nobody.funcs()).ParseFS(files, "pages/layout.html", "pages/parts.html", name))
	}
	return set
}()

// funcs are what templates may call; times are shown in the company's zone.
func (q *request) funcs() template.FuncMap {
	return template.FuncMap{
		"num": func(n any) string {
			if small, ok := n.(int); ok {
				return num(small)
			}
			return num(n.(int64)) // a template that passes anything else fails its test
		},
		"share":  share,
		"coded":  coded,
		"plural": plural,
		"id":     ident.Format,
		"ago":    func(t time.Time) string { return ago(q.now, t) },
		"when":   func(t time.Time) string { return t.In(q.zone).Format("Mon 2 Jan 2006, 15:04:05 MST") },
		"day":    func(t time.Time) string { return t.In(q.zone).Format("Monday, 2 January 2006") },
		"hour":   func(t time.Time) string { return t.In(q.zone).Format("15:04") },
		"iso":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"part": func(n, of int64) string { // a width, in percent
			if of <= 0 {
				return "0"
			}
			return strconv.FormatFloat(100*float64(n)/float64(of), 'f', 2, 64)
		},
	}
}

// num writes a number with a thin space between thousands.
func num[T ~int | ~int64](n T) string {
	s := strconv.FormatInt(int64(n), 10)
	sign := ""
	if s[0] == '-' {
		sign, s = "−", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return sign + s
}

// share writes n of total as a percentage, "–" where there is no total.
func share(n, of int64) string {
	if of <= 0 {
		return "–"
	}
	p := 100 * float64(n) / float64(of)
	switch {
	case n == 0:
		return "0 %"
	case p < 0.1:
		return "< 0.1 %"
	case p < 10:
		return strconv.FormatFloat(p, 'f', 1, 64) + " %"
	}
	return strconv.FormatFloat(p, 'f', 0, 64) + " %"
}

// ago says how far a moment is from now, in words.
func ago(now, t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := now.Sub(t)
	text := "%s ago"
	if d < 0 {
		d, text = -d, "in %s"
	}
	var size string
	switch {
	case d < 10*time.Second:
		return "now"
	case d < time.Minute:
		size = fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		size = fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		size = fmt.Sprintf("%d h", int(d.Hours()))
	default:
		size = fmt.Sprintf("%d days", int(d.Hours()/24))
	}
	return fmt.Sprintf(text, size)
}

// coded writes a text in which `commands` stand between backquotes.
func coded(text string) template.HTML {
	var out strings.Builder
	for i, part := range strings.Split(text, "`") {
		escaped := template.HTMLEscapeString(part)
		if i%2 == 1 {
			escaped = "<code>" + escaped + "</code>"
		}
		out.WriteString(escaped)
	}
	return template.HTML(out.String()) // every part is escaped above
}
