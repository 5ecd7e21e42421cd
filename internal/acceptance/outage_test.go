package acceptance

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rapport/campaigns"
)

// few is how many contacts the tests of outages have.
const few = 300

// quick makes the campaign one of two mails with an hour between them.
func quick(t *testing.T) func(dir string) {
	return func(dir string) {
		t.Helper()
		name := filepath.Join(dir, "campaigns", "welcome.yaml")
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		head, _, _ := strings.Cut(string(text), "steps:")
		text = []byte(head + "steps:\n  - send: one\n  - wait: 1h\n  - send: two\n")
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// everybodyGotBoth fails the test unless each contact got each mail once, but for
// so many that nobody knows of at most.
func (in *installation) everybodyGotBoth(t *testing.T, s *sink, most int) {
	t.Helper()
	if unknown := in.checkLedger(in.ledger(), s.received()); unknown > most {
		t.Errorf("%d messages are unknown, more than %d", unknown, most)
	}
	for _, p := range in.people(few) {
		if got := in.endOf(p); got.Messages != "one two" || got.End != "finished" {
			t.Fatalf("%s ends as %+v", p.Contact.Email, got)
		}
	}
}

// counted waits until a state has that many messages.
func (in *installation) counted(state campaigns.MessageState, least int64) {
	in.Helper()
	eventually(in.T, 60*time.Second, fmt.Sprintf("%d messages are %s", least, state), func() (bool, string) {
		totals, err := in.store.Totals(in.Context())
		return err == nil && totals.Messages[string(state)] >= least, fmt.Sprint(totals.Messages, err)
	})
}

// The mail server is not there when the campaign fires, comes, goes away in the
// middle and comes back: everything arrives, once.
func TestMailServerDownForAWhile(t *testing.T) {
	t.Parallel()
	s := newSink(t)
	in := install(t, options{backend: embedded, smtp: s.port, edit: quick(t)})
	in.prepare(few)
	in.serve()
	in.counted(campaigns.Queued, few)
	eventually(t, 30*time.Second, "the log tells that nobody answers", func() (bool, string) {
		return strings.Contains(in.running[0].output(), "mail server not reached"), in.running[0].tail()
	})
	if n := len(in.ledger()); n != few {
		t.Errorf("there are %d messages, not %d: nobody goes on without an answer", n, few)
	}
	s.start()
	in.counted(campaigns.Sent, few)
	s.process.kill() // the first mail is through; the second finds nobody, but for a few that were quick
	in.counted(campaigns.Queued, few/2)
	s.start()
	in.over(few, s, nil, 60*time.Second)
	in.everybodyGotBoth(t, s, connections) // the server was killed between a dot and its answer, on each at most
	in.running[0].stop(t, 20*time.Second)
	in.noErrors()
}

// A mail server that takes connections and never says a word keeps nobody from
// stopping, and what was meant for it goes out once, later.
func TestMailServerThatHangs(t *testing.T) {
	t.Parallel()
	s := newSink(t)
	stuck := hang(t, s.port)
	in := install(t, options{backend: embedded, smtp: s.port, edit: quick(t)})
	in.prepare(few)
	in.serve()
	in.counted(campaigns.Sending, 1)
	eventually(t, 30*time.Second, "all connections hang", func() (bool, string) {
		return stuck.open() >= connections, fmt.Sprint(stuck.open())
	})
	if took := in.running[0].stop(t, 20*time.Second); took > 10*time.Second {
		t.Errorf("a mail server that hangs held the stop up for %s", took)
	}
	if n := in.inFlight(); n != 0 {
		t.Errorf("%d messages are left in flight by a clean stop", n)
	}
	stuck.close()
	s.start()
	in.restart(0)
	in.over(few, s, nil, 60*time.Second)
	in.everybodyGotBoth(t, s, 0)
}

// A mail server that takes messages whole and does not answer leaves nobody
// knowing what became of them. When the process is killed, only those that were
// waiting for an answer are unknown; they are not sent again.
func TestMailServerThatNeverAnswersTheDot(t *testing.T) {
	t.Parallel()
	s := newSink(t).start()
	front := newFront(t, s.port)
	in := install(t, options{backend: embedded, smtp: front.port, edit: quick(t)})
	front.silent(few / 3)
	in.prepare(few)
	in.serve()
	eventually(t, 60*time.Second, "every connection waits for an answer that does not come", func() (bool, string) {
		return front.waiting() >= connections, fmt.Sprint(front.waiting(), " wait")
	})
	in.running[0].kill()
	front.silent(-1)
	in.restart(0)
	unknown := in.unknown()
	t.Logf("%d messages are unknown, with %d connections waiting for an answer", len(unknown), connections)
	if len(unknown) == 0 || len(unknown) > connections {
		t.Errorf("%d messages are unknown, with %d connections", len(unknown), connections)
	}
	in.over(few, s, nil, 60*time.Second)
	in.checkLedger(in.ledger(), s.received())
	for _, p := range in.people(few) {
		if got := in.endOf(p); got.Messages != "one two" || got.End != "finished" {
			t.Fatalf("%s ends as %+v", p.Contact.Email, got)
		}
	}
}

// hung is a server that takes connections and says nothing.
type hung struct {
	listener net.Listener
	mu       sync.Mutex
	conns    []net.Conn
}

func hang(t *testing.T, port int) *hung {
	t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	h := &hung{listener: l}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			h.mu.Lock()
			h.conns = append(h.conns, c)
			h.mu.Unlock()
		}
	}()
	t.Cleanup(h.close)
	return h
}

func (h *hung) open() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.conns)
}

func (h *hung) close() {
	h.listener.Close()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.conns {
		c.Close()
	}
}

// front stands before a mail server, and can be slow with its answers to the dot or
// keep them back.
type front struct {
	port    int
	mu      sync.Mutex
	delay   time.Duration // before each answer to a dot
	after   int           // answers to a dot that go through before silence; -1: all
	holding int           // connections whose answer is kept back
}

func newFront(t *testing.T, server int) *front {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &front{port: l.Addr().(*net.TCPAddr).Port, after: -1}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go f.carry(client, server)
		}
	}()
	return f
}

func (f *front) silent(after int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.after = after
}

// slow makes each answer to a dot come so much later.
func (f *front) slow(delay time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.delay = delay
}

func (f *front) wait() {
	f.mu.Lock()
	delay := f.delay
	f.mu.Unlock()
	if delay > 0 {
		<-time.After(delay)
	}
}

func (f *front) waiting() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.holding
}

// carry passes a conversation on, both ways, until one side hangs up or an
// answer is to be kept back; then the client waits until it hangs up itself.
func (f *front) carry(client net.Conn, port int) {
	defer client.Close()
	server, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(server, client) // ends with either
		server.Close()
	}()
	buf := make([]byte, 4096)
	for {
		n, err := server.Read(buf)
		if err != nil {
			return
		}
		switch answer := string(buf[:n]); {
		case f.keeps(answer):
			_, _ = io.Copy(io.Discard, server)
			return
		case taken(answer):
			f.wait()
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
}

// taken tells whether an answer is one to a dot: smtp-sink says "250 2.0.0 Ok" to
// nothing else.
func taken(answer string) bool { return strings.Contains(answer, "250 2.0.0 Ok") }

// keeps tells whether an answer is kept back.
func (f *front) keeps(answer string) bool {
	if !taken(answer) {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.after < 0:
		return false
	case f.after > 0:
		f.after--
		return false
	}
	f.holding++
	return true
}
