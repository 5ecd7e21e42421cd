package web

import (
	"fmt"
	"net/http"
	"time"

	"rapport/internal/store"
	"rapport/internal/workspace"
)

// providerRow is a provider in the list.
type providerRow struct {
	Name    string
	Server  string // host:port
	Rate    string // "50/s", or ""
	Today   string // "40 of 200", or "" where it does not warm up
	State   store.ProviderState
	Failing string   // what goes wrong now, in this process's experience; or ""
	Senders []string // that have it
}

type providersData struct{ Rows []providerRow }

func (w *Web) providers(q *request) (view, error) {
	var d providersData
	out := view{page: "providers", room: "providers", title: "Providers", live: 3}
	if q.applied == nil {
		out.data = d
		return out, nil
	}
	states, err := w.Store.ProviderStates(q.Context())
	if err != nil {
		return view{}, err
	}
	day := q.applied.Day(q.now)
	days, err := w.Store.ProviderDays(q.Context(), day)
	if err != nil {
		return view{}, err
	}
	failing := map[string]string{}
	for _, f := range w.Failing() {
		if !f.Closed {
			failing[f.Name] = f.Reason
		}
	}
	for _, name := range sortedNames(q.applied.Providers) {
		p := q.applied.Providers[name]
		row := providerRow{Name: name, Server: fmt.Sprintf("%s:%d", p.SMTP.Host, p.SMTP.Port), State: states[name], Failing: failing[name], Senders: q.applied.SendersOf(name)}
		if p.Rate > 0 {
			row.Rate = workspace.RateText(p.Rate)
		}
		if ceiling := q.applied.Ceiling(name, days[name], day); ceiling >= 0 {
			row.Today = num(int64(days[name].Sent)) + " of " + num(int64(ceiling))
		}
		d.Rows = append(d.Rows, row)
	}
	out.data = d
	return out, nil
}

// shut says why no provider of a campaign's sender is open; "" where one is.
func (w *Web) shut(campaign string) string {
	applied := w.Applied()
	if applied == nil || applied.Workspace.Campaigns[campaign] == nil {
		return ""
	}
	return applied.Shut(applied.SenderOf(applied.Workspace.Campaigns[campaign]))
}

// controlProvider closes or opens a provider. Doing it twice is harmless.
func (w *Web) controlProvider(rw http.ResponseWriter, r *http.Request) {
	name, act := r.PathValue("name"), r.PathValue("act")
	if act != "open" && act != "close" {
		plain(rw, http.StatusNotFound, "there is nothing of this name to do with a provider")
		return
	}
	applied := w.Applied()
	if applied == nil {
		plain(rw, http.StatusNotFound, "nothing is applied yet")
		return
	}
	if _, known := applied.Providers[name]; !known {
		plain(rw, http.StatusNotFound, "there is no provider "+name)
		return
	}
	if err := w.turnProvider(r, name, act == "open", w.Now()); err != nil {
		w.Log.Error("a provider cannot be opened or closed", "provider", name, "error", err)
		rw.Header().Set("Retry-After", "5")
		plain(rw, http.StatusServiceUnavailable, "the database does not answer, and nothing was changed: try again")
		return
	}
	w.Log.Info("a provider was opened or closed from the dashboard", "provider", name, "act", act)
	http.Redirect(rw, r, "/providers", http.StatusSeeOther)
}

func (w *Web) turnProvider(r *http.Request, name string, open bool, now time.Time) error {
	if open {
		_, err := w.Store.OpenProvider(r.Context(), name, now)
		return err
	}
	states, err := w.Store.ProviderStates(r.Context())
	if err != nil {
		return err
	}
	_, err = w.Store.CloseProvider(r.Context(), name, store.ClosedByHand, states[name], now)
	return err
}
