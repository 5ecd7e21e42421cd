package engine

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"rapport/internal/clock"
	"rapport/internal/delivery"
)

// pipes is a listener without a network.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error { close(p); return nil }
func (pipes) Addr() net.Addr { return &net.TCPAddr{} }

// A request that does not end, a stream for one, is waited for as long as the process
// has time, and never longer than a request has.
func TestRequestsAreFinishedWhileThereIsTimeToStop(t *testing.T) {
	for name, c := range map[string]struct{ within, want time.Duration }{
		"little time": {3 * time.Second, 3 * time.Second},
		"much time":   {time.Hour, requestTime},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				finish, done := delivery.Finishing(ctx, c.within)
				defer done()
				client, server := net.Pipe()
				l := make(pipes, 1)
				l <- server
				reached, ended := false, make(chan error, 1)
				go func() {
					ended <- serveHTTP(ctx, finish, l, http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
						reached = true
						<-q.Context().Done()
					}))
				}()
				go func() {
					_, _ = io.WriteString(client, "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n")
					_, _ = io.Copy(io.Discard, client)
				}()
				synctest.Wait()
				if !reached {
					t.Fatal("the request has not arrived")
				}
				began := clock.System{}.Now()
				stop()
				err := <-ended
				if took := (clock.System{}).Now().Sub(began); err != nil || took != c.want {
					t.Errorf("it stopped after %s, %v; want %s", took, err, c.want)
				}
			})
		})
	}
}
