package acceptance

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/internal/responses"
)

const (
	// reading is how long a person takes before answering, in real time: an
	// hour and twenty minutes of the installation's.
	reading = time.Second
	// patience is how long an answer is tried again while nobody takes it.
	patience = 60 * time.Second
)

// responder is everybody who gets mail: it answers as their habits say.
type responder struct {
	in      *installation
	client  *http.Client
	at      chan struct{} // how many answer at once
	ctx     context.Context
	waiting atomic.Int64

	mu     sync.Mutex
	sent   []callback // that were taken
	failed []string
	again  int // requests that had to be repeated
}

func newResponder(in *installation) *responder {
	ctx, stop := context.WithCancel(context.Background())
	r := &responder{in: in, at: make(chan struct{}, 8), ctx: ctx, client: &http.Client{
		Timeout:       30 * time.Second,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 8},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	in.Cleanup(func() {
		stop()
		eventually(in.T, 2*patience, "everybody has stopped answering", func() (bool, string) { return r.waiting.Load() == 0, "" })
		r.client.CloseIdleConnections()
	})
	return r
}

// take answers a letter after a while, as the habit of its contact says.
func (r *responder) take(l letter) {
	do := habits[numberOf(l.to)%len(habits)].after[l.template]
	if do == nil {
		return
	}
	r.waiting.Add(1)
	go func() {
		defer r.waiting.Add(-1)
		// A person reads what has arrived, not what is just arriving.
		for r.beingSent(l.id) {
			if !r.pause(100 * time.Millisecond) {
				return
			}
		}
		if !r.pause(reading) {
			return
		}
		// An answer to the last mail comes when the campaign is over for its
		// contact, as answers do that come days later.
		for strings.HasPrefix(l.template, "three") && r.onTheWay(l.to) {
			if !r.pause(reading) {
				return
			}
		}
		for _, c := range do(l, r.in.clock.Now()) {
			r.send(c)
		}
	}()
}

// beingSent tells whether the outcome of a message is not recorded yet.
func (r *responder) beingSent(id string) bool {
	message, err := ident.Parse(id)
	if err != nil {
		return false // and the ledger will tell
	}
	m, found, err := r.in.store.Message(r.ctx, message)
	return err != nil || found && m.State == campaigns.Sending
}

// onTheWay tells whether a contact's enrolment is not over yet.
func (r *responder) onTheWay(email string) bool {
	c, _, err := r.in.store.ContactByEmail(r.ctx, email)
	if err != nil {
		return true
	}
	facts, err := r.in.store.LoadFacts(r.ctx, []contacts.ID{c.ID})
	if err != nil || facts[c.ID] == nil {
		return true
	}
	return slices.ContainsFunc(facts[c.ID].Campaigns, func(p contacts.Participation) bool { return p.EndedAt.IsZero() })
}

func (r *responder) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-r.ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// send tells the installation until it takes it: a process may be down.
func (r *responder) send(c callback) {
	if c.path == "" {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.failed = append(r.failed, "a letter has not the link that its reader looks for")
		return
	}
	deadline := time.Now().Add(patience)
	for {
		r.at <- struct{}{}
		status, text, err := r.post(c)
		<-r.at
		switch {
		case err == nil && status < 400:
			r.mu.Lock()
			r.sent = append(r.sent, c)
			r.mu.Unlock()
			return
		case err == nil && status < 500, time.Now().After(deadline):
			r.mu.Lock()
			r.failed = append(r.failed, fmt.Sprintf("%s %s %s: %d %s %v", c.method, c.path, c.body, status, text, err))
			r.mu.Unlock()
			return
		}
		r.mu.Lock()
		r.again++
		r.mu.Unlock()
		if !r.pause(300 * time.Millisecond) {
			return
		}
	}
}

// post makes one request.
func (r *responder) post(c callback) (status int, text string, err error) {
	address := r.in.url + strings.TrimPrefix(c.path, publicURL)
	q, err := http.NewRequestWithContext(r.ctx, c.method, address, strings.NewReader(c.body))
	if err != nil {
		return 0, "", err
	}
	q.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
	switch {
	case c.form:
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	case c.body != "":
		q.Header.Set("Content-Type", "application/json")
	}
	if c.signed {
		at := strconv.FormatInt(time.Now().Unix(), 10)
		q.Header.Set(responses.TimestampHeader, at)
		q.Header.Set(responses.SignatureHeader, responses.Sign(webhookSecret, at, []byte(c.body)))
	}
	if c.keyed {
		q.Header.Set("Authorization", "Bearer "+r.in.key)
	}
	return r.do(q)
}

func (r *responder) do(q *http.Request) (status int, text string, err error) {
	answer, err := r.client.Do(q)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer.StatusCode, strings.TrimSpace(string(body)), err
}

// answer makes a request that must be answered.
func (r *responder) answer(t *testing.T, q *http.Request) (status int, text string) {
	t.Helper()
	status, text, err := r.do(q)
	if err != nil {
		t.Fatal(err)
	}
	return status, text
}

// taken is what the installation has taken so far.
func (r *responder) taken() []callback {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.sent)
}

// done fails the test when an answer was refused.
func (r *responder) done() {
	r.in.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.failed) > 0 {
		r.in.Errorf("%d answers were not taken, as this one: %s", len(r.failed), r.failed[0])
	}
}
