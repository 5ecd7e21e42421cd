package mailbox

import (
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Message is one copy of a message, as one recipient got it.
type Message struct {
	ID        int64 // counted from 1 in the order of arrival
	To, From  string
	Subject   string // decoded
	Received  time.Time
	RapportID string // the header X-Rapport-Id, empty without one
	// Raw is the message as it came, without dot-stuffing. Nobody may change it.
	Raw []byte
}

// Config says where a mailbox listens and what it keeps.
type Config struct {
	Port int // on 127.0.0.1; 0: any free one
	Now  func() time.Time
	Keep int // whole messages, the latest; 0 is 5,000
	Log  *slog.Logger
}

// Counts are totals since the mailbox was started.
type Counts struct {
	Messages   int64 // copies, one for each recipient of a message
	Bytes      int64 // of the messages as they came
	Recipients int64 // different addresses
	Duplicates int64 // copies beyond the first of a recipient and X-Rapport-Id
}

// Duplicate is a message that somebody got more than once.
type Duplicate struct {
	To, RapportID string
	Copies        int
}

// Mailbox is a running mail server. It is safe for use by several goroutines.
type Mailbox struct {
	config   Config
	listener net.Listener
	running  sync.WaitGroup
	closing  atomic.Bool

	mu          sync.RWMutex
	conns       map[net.Conn]struct{}
	ring        []Message // the latest, at ID % len
	last        int64     // the latest ID
	counts      Counts
	seen        map[key]uint32 // copies of each recipient and id
	recipients  map[key]struct{}
	duplicates  map[key]Duplicate
	subscribers map[int]func(Message)
	nextSub     int
}

// key is a recipient and an id, hashed twice: a million messages take 30 MB
// instead of 150, and the chance of one false duplicate among them is 10^-26.
type key [2]uint64

var seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

func keyOf(to, id string) key {
	s := to + "\x00" + id
	return key{maphash.String(seeds[0], s), maphash.String(seeds[1], s)}
}

// Start starts a mailbox on the loopback interface.
func Start(config Config) (*Mailbox, error) {
	if config.Now == nil {
		return nil, errors.New("mailbox: a clock is needed")
	}
	if config.Keep <= 0 {
		config.Keep = 5000
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", config.Port))
	if err != nil {
		return nil, fmt.Errorf("mailbox: %w: choose another port, or 0 for a free one", err)
	}
	m := &Mailbox{
		config: config, listener: listener,
		conns: map[net.Conn]struct{}{}, ring: make([]Message, config.Keep),
		seen: map[key]uint32{}, recipients: map[key]struct{}{}, duplicates: map[key]Duplicate{},
		subscribers: map[int]func(Message){},
	}
	m.running.Go(m.accept)
	return m, nil
}

// Host is the address it listens on.
func (m *Mailbox) Host() string { return "127.0.0.1" }

// Port is the port it listens on.
func (m *Mailbox) Port() int { return m.listener.Addr().(*net.TCPAddr).Port }

// Close ends the server. What was taken can still be read.
func (m *Mailbox) Close() error {
	if m.closing.Swap(true) {
		return nil
	}
	err := m.listener.Close()
	m.mu.Lock()
	for c := range m.conns {
		_ = c.Close() // their sessions end by it
	}
	m.mu.Unlock()
	m.running.Wait()
	return err
}

func (m *Mailbox) accept() {
	for {
		c, err := m.listener.Accept()
		if err != nil {
			if !m.closing.Load() {
				m.config.Log.Error("mailbox stopped listening", "error", err)
			}
			return
		}
		m.mu.Lock()
		if m.closing.Load() {
			m.mu.Unlock()
			_ = c.Close()
			return
		}
		m.conns[c] = struct{}{}
		m.mu.Unlock()
		m.running.Go(func() {
			newSession(m, c).serve()
			_ = c.Close()
			m.mu.Lock()
			delete(m.conns, c)
			m.mu.Unlock()
		})
	}
}

// Subscribe has f called with every message from now on, before the sender
// hears that it was taken, from the goroutine of its connection and so from
// several at once. It should be quick: hand over and return. The returned
// function ends it.
func (m *Mailbox) Subscribe(f func(Message)) (cancel func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.nextSub
	m.nextSub++
	m.subscribers[n] = f
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.subscribers, n)
	}
}

// keep takes a message for its recipients and returns the last ID.
func (m *Mailbox) keep(from string, to []string, raw []byte) int64 {
	message := Message{From: from, Received: m.config.Now(), Raw: raw}
	message.Subject, message.RapportID = headline(raw)
	copies := make([]Message, 0, 4)
	var listeners []func(Message)

	m.mu.Lock()
	for _, recipient := range to {
		m.last++
		message.ID, message.To = m.last, recipient
		m.ring[m.last%int64(len(m.ring))] = message
		m.count(message)
		copies = append(copies, message)
	}
	last := m.last
	for _, f := range m.subscribers {
		listeners = append(listeners, f)
	}
	m.mu.Unlock()

	for _, f := range listeners {
		for _, c := range copies {
			f(c)
		}
	}
	return last
}

func (m *Mailbox) count(c Message) {
	m.counts.Messages++
	m.counts.Bytes += int64(len(c.Raw))
	address := strings.ToLower(c.To)
	who := keyOf(address, "")
	if _, known := m.recipients[who]; !known {
		m.recipients[who] = struct{}{}
		m.counts.Recipients++
	}
	if c.RapportID == "" {
		return
	}
	k := keyOf(address, c.RapportID)
	m.seen[k]++
	if n := m.seen[k]; n > 1 {
		m.counts.Duplicates++
		m.duplicates[k] = Duplicate{To: address, RapportID: c.RapportID, Copies: int(n)}
	}
}

// Counts returns the totals.
func (m *Mailbox) Counts() Counts {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.counts
}
