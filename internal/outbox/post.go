package outbox

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rapport/internal/store"
	"rapport/internal/workspace"
)

// answer is what a receiver said.
type answer struct {
	status int
	after  time.Duration // Retry-After; 0: it said none
	err    error         // there was no answer
}

// post makes one call, after Standard Webhooks 1.0 (standardwebhooks.com): the
// signature is over the id, the time and the body.
func (o *Outbox) post(ctx context.Context, w workspace.Webhook, c store.WaitingCall) answer {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, strings.NewReader(c.Body))
	if err != nil {
		return answer{err: err}
	}
	stamp := strconv.FormatInt(o.Clock.Now().Unix(), 10)
	h := request.Header
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", "Rapport")
	h.Set("Webhook-Id", c.ID)
	h.Set("Webhook-Timestamp", stamp)
	if w.Secret != "" {
		h.Set("Webhook-Signature", Sign(w.Secret, c.ID, stamp, c.Body))
	}
	response, err := o.Client.Do(request)
	if err != nil {
		return answer{err: err}
	}
	defer response.Body.Close()
	// A short answer is read to its end, so that the connection serves again.
	_, _ = io.CopyN(io.Discard, response.Body, 4<<10)
	seconds, err := strconv.Atoi(response.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		seconds = 0
	}
	return answer{status: response.StatusCode, after: min(time.Duration(seconds)*time.Second, longest)}
}

// Sign is the signature of a call. A secret that begins with whsec_ is base64, as
// Standard Webhooks writes them; any other is taken as it stands.
func Sign(secret, id, stamp, body string) string {
	key := []byte(secret)
	if coded, ok := strings.CutPrefix(secret, "whsec_"); ok {
		if raw, err := base64.StdEncoding.DecodeString(coded); err == nil {
			key = raw
		}
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", id, stamp, body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// judge says what becomes of a call.
func (o *Outbox) judge(r *store.CallResult, a answer) {
	now := o.Clock.Now()
	switch {
	case a.err == nil && a.status/100 == 2:
		r.State = store.CallDelivered
		return
	case a.err != nil:
		r.Reason = "no answer: " + plain(a.err)
	default:
		r.Reason = fmt.Sprintf("answered %d %s", a.status, http.StatusText(a.status))
	}
	r.State, r.Next = store.CallWaiting, now.Add(max(backOff(r.ID, r.Attempts), a.after))
	if a.status == http.StatusGone || r.Next.After(r.Created.Add(patience)) {
		r.State, r.Next = store.CallFailed, time.Time{}
		o.Log.Warn("gave up telling a webhook", "webhook", r.Webhook, "contact", r.Contact, "reason", r.Reason)
	}
}

// plain is an error without the address, in which a secret may stand.
func plain(err error) string {
	for {
		wrapped, ok := err.(interface{ Unwrap() error })
		if !ok || wrapped.Unwrap() == nil {
			return err.Error()
		}
		err = wrapped.Unwrap()
	}
}

// The first wait after a failure, and the longest.
const (
	shortest = 5 * time.Second
	longest  = 4 * time.Hour
)

// backOff doubles from failure to failure, and spreads over half of the wait, so
// that calls that failed together do not come back together. It is made of the
// call's id: the same call in the same attempt, the same time.
func backOff(id string, attempts int64) time.Duration {
	wait := longest
	if doubled := shortest << min(max(attempts-1, 0), 20); doubled < longest {
		wait = doubled
	}
	h := fnv.New32a()
	fmt.Fprint(h, id, attempts)
	return wait + wait/2*time.Duration(h.Sum32()%1000)/1000
}
