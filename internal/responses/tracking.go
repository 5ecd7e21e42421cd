package responses

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/internal/store"
)

// A transparent picture of one pixel.
var pixel = []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")

// open answers every request with the picture, whatever the token is worth.
func (r *Responses) open(w http.ResponseWriter, q *http.Request) {
	if c, err := r.Tokens.Verify(q.PathValue("token")); err == nil {
		now := r.Now()
		event := answer(contacts.EventOpened, c.Message, "open", now, machineRequest(q))
		if !event.Machine {
			event.TooSoon = &store.TooSoon{Within: instant, Why: whyInstant, Key: answer(contacts.EventOpened, c.Message, "open", now, whyInstant).Key}
		}
		r.note(q.Context(), event)
	}
	h := w.Header()
	h.Set("Content-Type", "image/gif")
	h.Set("Content-Length", strconv.Itoa(len(pixel)))
	h.Set("Cache-Control", "no-store, private, max-age=0")
	_, _ = w.Write(pixel)
}

// answer makes the event of an open or a click. The same one within a minute
// is told once; a machine's does not stand in for a person's.
func answer(name string, message int64, what string, at time.Time, why string) store.Incoming {
	in := store.Incoming{Source: "tracking", Event: contacts.Event{
		Name: name, Message: message, At: at,
		Key: fmt.Sprintf("%s:%s:%d", what, ident.Format(message), at.Unix()/60),
	}}
	if why != "" {
		in.Machine = true
		in.Key += ":machine"
		in.Properties = map[string]any{"machine": why}
	}
	return in
}

// click leads on to where link n of the message's template leads.
func (r *Responses) click(w http.ResponseWriter, q *http.Request) {
	c, err := r.Tokens.Verify(q.PathValue("token"))
	n, bad := linkNumber(q.PathValue("n"))
	if err != nil || bad {
		r.NotFound(w, q)
		return
	}
	target := ""
	if signed := q.PathValue("link"); signed != "" {
		if target, err = r.Tokens.VerifyPersonal(c.Message, n, signed); err != nil {
			r.NotFound(w, q)
			return
		}
	}
	ctx, cancel := context.WithTimeout(q.Context(), r.Patience)
	defer cancel()
	m, found, err := r.links.message(ctx, c.Message)
	var table map[int]store.Link
	if err == nil {
		table, err = r.links.links(ctx, m.hash)
	}
	link, known := table[n]
	switch {
	case target != "": // it was signed: nothing else has to be known
	case err != nil:
		r.Log.Error("cannot look a link up", "message", ident.Format(c.Message), "error", err)
		r.away(w, q)
		return
	case found && m.hash == "" && m.going: // its worker is about to record it
		r.away(w, q)
		return
	case n == 0, found && m.hash == "": // nobody knows where it led: its worker died
		target = r.Settings().Website
	case found && known && !link.Personal:
		target = link.URL
	}
	if found || err != nil {
		r.noteClick(q, c.Message, n, m, link, len(table))
	}
	if !leadsOut(target) {
		r.NotFound(w, q)
		return
	}
	h := w.Header()
	h.Set("Location", target)
	h.Set("Cache-Control", "no-store, private, max-age=0")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Robots-Tag", "noindex, nofollow")
	w.WriteHeader(http.StatusFound)
}

func linkNumber(s string) (n int, bad bool) {
	n, err := strconv.Atoi(s)
	return n, err != nil || n < 0 || n > 99_999 || strconv.Itoa(n) != s
}

// leadsOut reports whether an address is one that a browser may be sent to.
func leadsOut(target string) bool {
	u, err := url.Parse(target)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

func (r *Responses) noteClick(q *http.Request, message int64, n int, m sent, link store.Link, links int) {
	now := r.Now()
	c := aClick{message: message, n: n, links: links, sent: m.at, at: now}
	why := machineRequest(q)
	if judged := r.visits.judge(c); why == "" {
		why = judged
	}
	event := answer(contacts.EventClicked, message, clickOf(n), now, why)
	event.Link = link.URL
	if why == whyUnproved {
		event.Proof = unproved(c, answer(contacts.EventClicked, message, clickOf(n), now, "").Key)
	}
	r.note(q.Context(), event)
}

// note makes an event durable if the store answers in time, and keeps it in
// memory if not.
func (r *Responses) note(ctx context.Context, in store.Incoming) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.Patience)
	defer cancel()
	results, err := r.group.Ingest(ctx, []store.Incoming{in}, in.At)
	if err == nil {
		r.count(in, results[0])
		return
	}
	r.keep(in)
	r.Log.Warn("the store did not take an answer; it waits in memory", "message", ident.Format(in.Message), "event", in.Name, "error", err)
}

// keep lets an event wait in memory.
func (r *Responses) keep(in store.Incoming) {
	if r.later.put(in) {
		r.received.WithLabelValues(in.Name, "queued").Inc()
		return
	}
	r.received.WithLabelValues(in.Name, "lost").Inc()
	r.Log.Error("an answer is lost: too many wait for the store", "message", ident.Format(in.Message), "event", in.Name)
}

func (r *Responses) count(in store.Incoming, result store.Result) {
	what := "stored"
	switch {
	case result.Unmatched != "":
		what = "unmatched"
	case result.Duplicate:
		what = "duplicate"
	case result.Machine:
		what = "machine"
	}
	name := in.Name
	if _, ours := emailEvents[name]; !ours {
		name = "other" // their names are the senders' choice, and without number
	}
	r.received.WithLabelValues(name, what).Inc()
}

// Run judges early clicks, and brings in what waits in memory, until ctx ends, and
// then once more, unless finish ends before. It must run beside the handlers.
func (r *Responses) Run(ctx, finish context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.Tick(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(finish, commitTimeout)
			defer cancel()
			r.bringIn(last, r.Now())
			return
		}
	}
}

// Tick brings in what the store could not take before, and the clicks that have
// proved to be a person's. Run calls it every second.
func (r *Responses) Tick(ctx context.Context) {
	now := r.Now()
	r.visits.forget(now)
	r.bringIn(ctx, now)
	if err := r.prove(ctx, now); err != nil && ctx.Err() == nil {
		r.Log.Warn("early clicks cannot be judged just now", "error", err)
	}
}

func (r *Responses) bringIn(ctx context.Context, now time.Time) {
	if _, err := r.later.flush(ctx, now); err != nil {
		r.Log.Warn("the store does not take what waits in memory", "waiting", r.later.size(), "error", err)
	}
}
