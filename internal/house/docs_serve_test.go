package house

import (
	"bytes"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// background is a process that lasts until it is told to stop.
type background struct {
	line string
	cmd  *exec.Cmd
	out  *output
	done chan error
}

// output is what a process writes, read while it runs.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

var lineComment = regexp.MustCompile(`\s+#.*$`)

// start starts a command that lasts, and waits until it works.
func (s *session) start(at, text string) {
	s.t.Helper()
	text = lineComment.ReplaceAllString(text, "")
	roles := regexp.MustCompile(`--roles (\S+)`).FindStringSubmatch(text)
	listens := roles == nil || strings.Contains(roles[1], "web")
	if listens && !strings.Contains(text, "--listen") {
		text += " --listen 127.0.0.1:" + s.port
	}
	p := &background{line: text, out: &output{}, done: make(chan error, 1)}
	// With exec the signal reaches the program and not the shell; env takes the
	// variables that stand before it.
	p.cmd = s.script("exec env " + text)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	s.running = append(s.running, p)
	await(s.t, at+": "+text, p, func() bool { return s.ready(text, listens, p) })
}

// ready tells whether a process does what it was started for.
func (s *session) ready(text string, listens bool, p *background) bool {
	if listens {
		answer, err := http.Get("http://127.0.0.1:" + s.port + "/readyz")
		if err != nil {
			return false
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	}
	for part, question := range readyWhen {
		if strings.Contains(text, part) {
			return s.script(question).Run() == nil
		}
	}
	return strings.Contains(p.out.String(), "ready to send")
}

// await asks again and again until it is so, the process ends, or it is too late.
func await(t *testing.T, what string, p *background, is func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case err := <-p.done:
			p.done <- err
			t.Fatalf("%s: ended by itself: %v\n%s", what, err, p.out)
		case <-late.C:
			t.Fatalf("%s: is not ready\n%s", what, p.out)
		case <-tick.C:
			if is() {
				return
			}
		}
	}
}

// stop asks all processes to end, as an operator does, and expects that they do.
func (s *session) stop() {
	s.t.Helper()
	for _, p := range s.running {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
	}
	for _, p := range s.running {
		late := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
		if err := <-p.done; err != nil {
			s.t.Errorf("%s: asked to stop, it ended with %v\n%s", p.line, err, p.out)
		}
		late.Stop()
	}
	s.running = nil
}
