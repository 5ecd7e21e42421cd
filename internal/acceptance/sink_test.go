package acceptance

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// sink is Postfix's smtp-sink, a mail server that takes everything and keeps
// each message in a file of its own.
type sink struct {
	*testing.T
	program string
	dir     string
	port    int
	process *process

	followed bool // somebody reads the messages as they come

	mu     sync.Mutex
	read   map[string]bool // files
	copies map[string]int  // by X-Rapport-Id
}

// letter is a message as it arrived.
type letter struct {
	id       string // X-Rapport-Id
	to       string // address
	template string // the first word of its subject

	data []byte
}

// newSink finds a port and a folder for a mail server; start starts it.
func newSink(t *testing.T) *sink {
	t.Helper()
	program, err := exec.LookPath("smtp-sink")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/smtp-sink"); err != nil {
			t.Skip("skipped: smtp-sink is not installed (package postfix)")
		}
	}
	// Not t.TempDir, whose parent nobody but its owner may enter.
	dir, err := os.MkdirTemp("", "rapport-sink-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return &sink{T: t, program: program, dir: dir, port: freePort(t), read: map[string]bool{}, copies: map[string]int{}}
}

// start starts the server and waits until it listens.
func (s *sink) start(arguments ...string) *sink {
	s.Helper()
	if os.Getuid() == 0 {
		arguments = append([]string{"-u", "nobody"}, arguments...) // it wants to be nobody special
	}
	address := fmt.Sprintf("127.0.0.1:%d", s.port)
	s.process = start(s.T, "smtp-sink", exec.Command(s.program, append(arguments, "-d", filepath.Join(s.dir, "m."), address, "500")...))
	eventually(s.T, 20*time.Second, "smtp-sink listens", func() (bool, string) {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return false, err.Error()
		}
		c.Close()
		return true, ""
	})
	return s
}

// follow reads messages as they come and hands each to take, until the test
// ends.
func (s *sink) follow(take func(letter)) {
	s.followed = true
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			for _, l := range s.scan() {
				take(l)
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	s.Cleanup(func() { stop(); done.Wait() })
}

// scan reads the messages that have come since the last scan. A file that is
// still being written is left for the next one.
func (s *sink) scan() (news []letter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil // the test is over and has removed it
	}
	for _, e := range entries {
		if s.read[e.Name()] {
			continue
		}
		data, err := os.ReadFile(filepath.Join(s.dir, e.Name()))
		if err != nil {
			continue // the server has thrown a broken transaction away
		}
		l, whole := readLetter(data)
		if !whole {
			continue
		}
		s.read[e.Name()] = true
		s.copies[l.id]++
		news = append(news, l)
	}
	return news
}

// count is how many messages have come, copies included.
func (s *sink) count() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.read)
}

// received is how many copies of each message have come.
func (s *sink) received() map[string]int {
	s.scan()
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]int, len(s.copies))
	for id, n := range s.copies {
		out[id] = n
	}
	return out
}

// taken is how many messages the server has taken, or is taking.
func (s *sink) taken() int {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return 0 // the test is over and has removed it
	}
	return len(entries)
}

// readLetter reads a message as far as its addressees; whole is false when its
// end is not there yet.
func readLetter(data []byte) (l letter, whole bool) {
	m, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		return l, false
	}
	_, form, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || !bytes.HasSuffix(bytes.TrimSpace(data), []byte("--"+form["boundary"]+"--")) {
		return l, false
	}
	to, err := mail.ParseAddress(m.Header.Get("To"))
	if err != nil {
		return l, false
	}
	l = letter{id: m.Header.Get("X-Rapport-Id"), to: to.Address, data: data}
	l.template, _, _ = strings.Cut(m.Header.Get("Subject"), " ")
	return l, true
}

var (
	clickForm = regexp.MustCompile(publicURL + `/c/[^\s"<>)]+`)
	openForm  = regexp.MustCompile(publicURL + `/o/[^\s"<>)]+`)
)

// links finds the first link of the text, the pixel of the HTML and what
// List-Unsubscribe says; what is not there is "".
func (l letter) links() (click, open, unsubscribe string) {
	m, err := mail.ReadMessage(bytes.NewReader(l.data))
	if err != nil {
		return "", "", ""
	}
	_, form, _ := mime.ParseMediaType(m.Header.Get("Content-Type")) // readLetter has read it
	parts := multipart.NewReader(m.Body, form["boundary"])
	for {
		p, err := parts.NextPart() // decodes quoted-printable
		if err != nil {
			return click, open, strings.Trim(m.Header.Get("List-Unsubscribe"), "<> ")
		}
		text, _ := io.ReadAll(p) // a part that breaks off lacks its links
		if strings.HasPrefix(p.Header.Get("Content-Type"), "text/plain") {
			click = clickForm.FindString(string(text))
		} else {
			open = openForm.FindString(string(text))
		}
	}
}
