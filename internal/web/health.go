package web

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// healthz says that the process answers.
func (w *Web) healthz(rw http.ResponseWriter, _ *http.Request) {
	plain(rw, http.StatusOK, "ok")
}

// patience is how long a database or a queue may take to say that it is there.
const patience = 3 * time.Second

// readyz says whether the process can do its work, and which providers fail or are closed: that
// mail waits for one is no reason to end the process. It tells the world what is
// away, and only the log why.
func (w *Web) readyz(rw http.ResponseWriter, r *http.Request) {
	state := map[string]any{"database": "ok", "queue": "ok"}
	status := http.StatusOK
	for name, err := range map[string]error{"database": w.reach(r.Context(), w.Store.Ping), "queue": w.reach(r.Context(), w.Queue.Ping)} {
		if err != nil {
			w.Log.Warn("not ready", "part", name, "error", err)
			state[name], status = "away", http.StatusServiceUnavailable
		}
	}
	var degraded []string
	for _, f := range w.Failing() {
		degraded = append(degraded, f.Name)
	}
	if len(degraded) > 0 {
		state["degraded"] = degraded
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.Header().Set("Cache-Control", "no-store")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(state)
}

func (w *Web) reach(ctx context.Context, ping func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return ping(ctx)
}
