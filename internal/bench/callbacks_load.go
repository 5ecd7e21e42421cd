package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"rapport/internal/clock"
)

// load is many connections that each send one request after the other, as a
// provider's do. The client does as little as it can: requests are bytes, and
// of an answer the status is read and the rest passed over.
type load struct {
	address     string
	connections int
	during      time.Duration
	rate        float64 // requests a second of all connections together; 0: as fast as answers come
	// next makes the requests of one connection: it appends one to a buffer and
	// returns it, or nil when there are no more.
	next func(connection int) func(buffer []byte) []byte
	// answered hears of each request that was taken; nil: nobody wants to know.
	answered func(connection, request int, at time.Time)
}

// loadDone is what a load found.
type loadDone struct {
	good, bad int64
	wrong     string // what one of the bad answers was
	took      time.Duration
	latency   []time.Duration // of the good ones, ascending
}

func (d *loadDone) percentile(p int) time.Duration {
	if len(d.latency) == 0 {
		return 0
	}
	return d.latency[min(len(d.latency)-1, len(d.latency)*p/100)]
}

func (l load) run(ctx context.Context) (loadDone, error) {
	ctx, cancel := context.WithTimeout(ctx, l.during)
	defer cancel()
	parts := make([]loadDone, l.connections)
	failed := make([]error, l.connections)
	begun := clock.System{}.Now()
	var all sync.WaitGroup
	for i := range l.connections {
		all.Go(func() { failed[i] = l.connection(ctx, i, begun, &parts[i]) })
	}
	all.Wait()
	whole := loadDone{took: clock.System{}.Now().Sub(begun)}
	for _, p := range parts {
		whole.good, whole.bad = whole.good+p.good, whole.bad+p.bad
		whole.latency = append(whole.latency, p.latency...)
		if p.wrong != "" {
			whole.wrong = p.wrong
		}
	}
	slices.Sort(whole.latency)
	return whole, errors.Join(failed...)
}

// connection sends until the time is over. A request that was begun is always
// waited for.
func (l load) connection(ctx context.Context, n int, begun time.Time, done *loadDone) error {
	c, err := net.Dial("tcp", l.address)
	if err != nil {
		return err
	}
	defer c.Close()
	in := bufio.NewReaderSize(c, 4096)
	next := l.next(n)
	var buffer []byte
	for i := 0; ctx.Err() == nil; i++ {
		if l.rate > 0 {
			// Each connection has its own places in the row of all requests.
			due := begun.Add(time.Duration(float64(i*l.connections+n) / l.rate * float64(time.Second)))
			if !until(ctx, due) {
				return nil
			}
		}
		if buffer = next(buffer[:0]); buffer == nil {
			return nil
		}
		sent := clock.System{}.Now()
		if _, err := c.Write(buffer); err != nil {
			return fmt.Errorf("cannot send a request: %w", err)
		}
		status, text, err := readAnswer(in)
		if err != nil {
			return fmt.Errorf("a request got no answer: %w", err)
		}
		now := clock.System{}.Now()
		if status != http.StatusOK {
			done.bad++
			done.wrong = fmt.Sprintf("%d %s", status, text)
			continue
		}
		done.good++
		done.latency = append(done.latency, now.Sub(sent))
		if l.answered != nil {
			l.answered(n, i, now)
		}
	}
	return nil
}

// until waits for a moment and reports whether it came before the end.
func until(ctx context.Context, due time.Time) bool {
	wait := due.Sub(clock.System{}.Now())
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// readAnswer reads one answer of HTTP/1.1 that tells its length. The text is
// kept only of what was not taken.
func readAnswer(in *bufio.Reader) (status int, text string, err error) {
	length := -1
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return 0, "", err
		}
		if first {
			if len(line) < 12 {
				return 0, "", fmt.Errorf("%q is no answer", line)
			}
			status = int(line[9]-'0')*100 + int(line[10]-'0')*10 + int(line[11]-'0')
			continue
		}
		if len(line) <= 2 {
			break
		}
		const name = "Content-Length: "
		if len(line) > len(name) && string(line[:len(name)]) == name {
			length = 0
			for _, c := range line[len(name) : len(line)-2] {
				length = length*10 + int(c-'0')
			}
		}
	}
	if length < 0 {
		return 0, "", errors.New("it does not tell its length")
	}
	if status == http.StatusOK {
		_, err = in.Discard(length)
		return status, "", err
	}
	body := make([]byte, length)
	_, err = io.ReadFull(in, body)
	return status, string(body), err
}
