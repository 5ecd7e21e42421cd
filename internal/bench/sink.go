package bench

import (
	"net"
	"slices"
	"sync"
	"sync/atomic"

	"rapport/internal/ident"
)

// sink takes mail on many connections and counts it.
type sink struct {
	messages, bytes, unnamed atomic.Int64
	distance                 *distance // nil: replies go at once

	mu       sync.Mutex
	options  ReceiverOptions
	open     map[*smtpSession]bool
	most     int
	finished []int64 // ids that came over connections that are closed
	first    []byte  // message
}

func newSink(o ReceiverOptions) *sink {
	s := &sink{options: o, open: map[*smtpSession]bool{}}
	if o.Latency > 0 {
		s.distance = newDistance(o.Latency)
	}
	return s
}

func (s *sink) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return // closed
		}
		go s.serve(c)
	}
}

func (s *sink) serve(c net.Conn) {
	defer c.Close()
	s.mu.Lock()
	session := &smtpSession{sink: s, conn: c, options: s.options, buf: make([]byte, 256<<10)}
	full := s.options.Connections > 0 && len(s.open) >= s.options.Connections
	if !full {
		s.open[session] = true
		s.most = max(s.most, len(s.open))
	}
	s.mu.Unlock()
	if full {
		_, _ = c.Write([]byte("421 4.3.2 too many connections\r\n")) // it is turned away either way
		return
	}
	session.run()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, session)
	s.finished = append(s.finished, session.take()...)
}

func (s *sink) counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Counts{Messages: s.messages.Load(), Bytes: s.bytes.Load(), Connections: int64(len(s.open)), Most: int64(s.most)}
}

func (s *sink) tally() Tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	for session := range s.open {
		s.finished = append(s.finished, session.take()...)
	}
	slices.Sort(s.finished)
	t := Tally{Messages: s.messages.Load(), Unnamed: s.unnamed.Load(), Examples: []string{}}
	for i, id := range s.finished {
		if i == 0 || id != s.finished[i-1] {
			t.Distinct++
			continue
		}
		t.Twice++
		if name := ident.Format(id); len(t.Examples) < 5 && !slices.Contains(t.Examples, name) {
			t.Examples = append(t.Examples, name)
		}
	}
	return t
}

func (s *sink) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for session := range s.open {
		session.take()
	}
	s.finished, s.first, s.most = nil, nil, len(s.open)
	s.messages.Store(0)
	s.bytes.Store(0)
	s.unnamed.Store(0)
}

func (s *sink) close() {
	if s.distance != nil {
		close(s.distance.stop)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for session := range s.open {
		session.conn.Close()
	}
}

// keep keeps a message to show.
func (s *sink) keep(message []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.first = slices.Clone(message)
}
