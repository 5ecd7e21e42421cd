package responses

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"rapport/internal/contacts"
	"rapport/internal/store"
)

// webhookAnswer is what a sender gets.
type webhookAnswer struct {
	Accepted   int        `json:"accepted"`   // durable now
	Duplicates int        `json:"duplicates"` // were durable already
	Unmatched  []BadEvent `json:"unmatched,omitempty"`
	Errors     []BadEvent `json:"errors,omitempty"`
}

// readers are buffers that requests are read into.
var readers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// webhook takes a generic callback: a good signature over the raw bytes first,
// then everything that can be read is stored, and only then comes the answer.
// Events that are wrong are named in a 422, and the good ones beside them are
// stored all the same: sending all of it again changes nothing. An event about
// somebody unknown is no error of the sender's and is named in a 200.
func (r *Responses) webhook(w http.ResponseWriter, q *http.Request) {
	provider := q.PathValue("provider")
	buffer := readers.Get().(*bytes.Buffer)
	buffer.Reset()
	defer readers.Put(buffer) // what is kept of a body is copied
	_, err := buffer.ReadFrom(http.MaxBytesReader(w, q.Body, maxBody))
	body := buffer.Bytes()
	if err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			refuse(w, http.StatusRequestEntityTooLarge, "the body has more than 1048576 bytes: send fewer events in one request")
			return
		}
		refuse(w, http.StatusBadRequest, "the body did not come to its end")
		return
	}
	secrets := r.secretsOf(provider)
	if len(secrets) == 0 {
		refuse(w, http.StatusNotFound, "there is no provider "+Quote(provider)+" with webhook: { kind: generic, secret: … } in the workspace")
		return
	}
	timestamp := q.Header.Get(TimestampHeader)
	if err := Verify(timestamp, q.Header.Get(SignatureHeader), body, secrets, r.Wall()); err != nil {
		r.Log.Warn("a callback was refused", "provider", provider, "error", err)
		refuse(w, http.StatusUnauthorized, err.Error())
		return
	}
	read, err := ParseCallback(body, provider, timestamp)
	switch {
	case errors.Is(err, ErrTooMany):
		refuse(w, http.StatusRequestEntityTooLarge, err.Error())
		return
	case err != nil:
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	answer, err := r.take(q, read)
	if err != nil {
		// While the store is behind there are thousands of these: once a second is enough.
		if r.complain() {
			r.Log.Error("a callback could not be stored; its sender will try again", "provider", provider, "error", err)
		}
		w.Header().Set("Retry-After", retryAfter(err))
		refuse(w, http.StatusServiceUnavailable, "the events could not be stored: send them again")
		return
	}
	if len(answer.Errors)+len(answer.Unmatched) == 0 {
		writeCounts(w, answer)
		return
	}
	status := http.StatusOK
	if len(answer.Errors) > 0 {
		status = http.StatusUnprocessableEntity
	}
	writeJSON(w, status, answer)
}

// secretsOf is what may sign for a provider. The name "generic" stands for any
// provider of that kind: the signature tells which.
func (r *Responses) secretsOf(provider string) []string {
	hooks := r.Settings().Webhooks
	if secrets := hooks[provider]; len(secrets) > 0 || provider != "generic" {
		return secrets
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(hooks)) {
		all = append(all, hooks[name]...)
	}
	return all
}

// take stores the events of a callback.
func (r *Responses) take(q *http.Request, c Callback) (webhookAnswer, error) {
	answer := webhookAnswer{Errors: c.Bad}
	if err := r.completeTopics(q, c.Events); err != nil {
		return answer, err
	}
	results, err := r.group.Ingest(q.Context(), c.Events, r.Now())
	if err != nil {
		return answer, err
	}
	for i, result := range results {
		r.count(c.Events[i], result)
		switch {
		case result.Unmatched != "":
			answer.Unmatched = append(answer.Unmatched, BadEvent{c.Index[i], result.Unmatched})
		case result.Duplicate:
			answer.Duplicates++
		default:
			answer.Accepted++
			if endsPermission(c.Events[i]) {
				r.Changed(q.Context(), result.Contact)
			}
		}
	}
	return answer, nil
}

// completeTopics fills in what an unsubscribe is from: the topic of the
// message's campaign. Where that is not known, it is from everything.
func (r *Responses) completeTopics(q *http.Request, events []store.Incoming) error {
	for i := range events {
		e := &events[i]
		if e.Name != contacts.EventUnsubscribed || e.Topic != "" || e.Message == 0 {
			continue
		}
		m, found, err := r.links.message(q.Context(), e.Message)
		if err != nil {
			return err
		}
		if found {
			e.Topic = r.Settings().CampaignTopic[m.campaign]
		}
	}
	return nil
}

func endsPermission(in store.Incoming) bool {
	switch in.Name {
	case contacts.EventUnsubscribed, contacts.EventComplained, contacts.EventBounced:
		return true
	}
	return false
}

func refuse(w http.ResponseWriter, status int, why string) {
	writeJSON(w, status, map[string]string{"error": why})
}

// writeCounts is writeJSON for the answer that nearly everybody gets.
func writeCounts(w http.ResponseWriter, answer webhookAnswer) {
	text := make([]byte, 0, 48)
	text = append(text, `{"accepted":`...)
	text = strconv.AppendInt(text, int64(answer.Accepted), 10)
	text = append(text, `,"duplicates":`...)
	text = strconv.AppendInt(text, int64(answer.Duplicates), 10)
	text = append(text, "}\n"...)
	h := w.Header()
	h["Content-Type"], h["Cache-Control"] = jsonType, noStore
	_, _ = w.Write(text)
}

// Headers that are not made anew for each answer.
var jsonType, noStore = []string{"application/json; charset=utf-8"}, []string{"no-store"}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
}
