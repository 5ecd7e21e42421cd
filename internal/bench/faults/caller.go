package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"rapport/internal/clock"
	"rapport/internal/responses"
)

// visited is the event that callers report.
const visited = "page.visited"

// caller reports events, as a provider or a shop does: signed, and again until
// it is answered with 2xx. What was answered so must be in the database.
type caller struct {
	url    string
	clock  clock.Clock
	client *http.Client
	ctx    context.Context
	end    context.CancelFunc
	at     sync.WaitGroup

	mu       sync.Mutex
	answered []string // ids of events
	again    int      // requests that were not answered so
}

func newCaller(url string) *caller {
	ctx, end := context.WithCancel(context.Background())
	return &caller{url: url + "/webhooks/main", clock: clock.System{}, client: &http.Client{Timeout: 10 * time.Second}, ctx: ctx, end: end}
}

// start has so many call at once, about contacts in turn.
func (c *caller) start(parallel, contacts int) {
	for n := range parallel {
		c.at.Go(func() {
			for i := 0; c.ctx.Err() == nil; i++ {
				var ids []string
				var events []map[string]any
				for k := range 1 + i%5 { // requests of one to five events
					id := fmt.Sprintf("%d-%d-%d", n, i, k)
					ids = append(ids, id)
					events = append(events, map[string]any{"event": visited, "id": id, "email": addressOf((i*7 + k) % contacts)})
				}
				if c.report(events) {
					c.mu.Lock()
					c.answered = append(c.answered, ids...)
					c.mu.Unlock()
				}
				_ = pause(c.ctx, 5*time.Millisecond)
			}
		})
	}
}

// stop ends the calls; those that are waiting for their answer are given up.
func (c *caller) stop() {
	c.end()
	c.at.Wait()
	c.client.CloseIdleConnections()
}

// taken are the ids of all events that were answered with 2xx.
func (c *caller) taken() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answered
}

// report sends events until they are answered with 2xx, or the caller stops.
func (c *caller) report(events []map[string]any) bool {
	for c.ctx.Err() == nil {
		status, _, err := c.post(c.ctx, events)
		if err == nil && status/100 == 2 {
			return true
		}
		c.mu.Lock()
		c.again++
		c.mu.Unlock()
		_ = pause(c.ctx, 50*time.Millisecond)
	}
	return false
}

func (c *caller) post(ctx context.Context, events []map[string]any) (status int, text string, err error) {
	body, err := json.Marshal(events)
	if err != nil {
		return 0, "", err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, strings.NewReader(string(body)))
	if err != nil {
		return 0, "", err
	}
	at := strconv.FormatInt(c.clock.Now().Unix(), 10)
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set(responses.TimestampHeader, at)
	q.Header.Set(responses.SignatureHeader, responses.Sign(webhookSecret, at, body))
	answer, err := c.client.Do(q)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(said), err
}
