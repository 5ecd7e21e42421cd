package redisq

import (
	"io"
	"iter"
	"net"
	"strings"
	"sync"
	"testing"
)

// proxy passes connections on to Redis until it is frozen; then those that
// exist go silent without being closed, and new ones work.
type proxy struct {
	addr string

	mu     sync.Mutex
	frozen chan struct{} // closed when the connections made so far go silent
}

func freezable(t *testing.T, url string) *proxy {
	t.Helper()
	target := strings.TrimPrefix(url, "redis://")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: l.Addr().String(), frozen: make(chan struct{})}
	var wg sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", target)
			if err != nil {
				client.Close()
				continue
			}
			p.mu.Lock()
			frozen := p.frozen
			p.mu.Unlock()
			wg.Go(func() { pipe(server, client, frozen) })
			wg.Go(func() { pipe(client, server, frozen) })
		}
	})
	return p
}

// freeze silences all connections made so far.
func (p *proxy) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.frozen)
	p.frozen = make(chan struct{})
}

// pipe copies until an end closes; what comes after the freeze is swallowed.
func pipe(to, from net.Conn, frozen <-chan struct{}) {
	defer to.Close()
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		select {
		case <-frozen:
			_, _ = io.Copy(io.Discard, from)
			return
		default:
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// lines splits a reply of Redis.
func lines(text string) iter.Seq[string] { return strings.Lines(text) }
