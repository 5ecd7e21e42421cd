package acceptance

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// process is one running rapport, or another program of a test.
type process struct {
	name   string
	cmd    *exec.Cmd
	log    string
	exited chan struct{}
	code   int // once it has exited
}

// started numbers the logs of a test binary's processes.
var started atomic.Int64

// start runs a program until it ends or the test does. Its output goes into the
// test's log when the test fails.
func start(t *testing.T, name string, c *exec.Cmd) *process {
	t.Helper()
	log := filepath.Join(t.TempDir(), fmt.Sprintf("%s-%d.log", name, started.Add(1)))
	out, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close() // the process has its own copy
	c.Stdout, c.Stderr, c.SysProcAttr = out, out, attributes()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{name: name, cmd: c, log: log, exited: make(chan struct{})}
	go func() {
		_ = c.Wait() // its exit code says it all
		p.code = c.ProcessState.ExitCode()
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("the output of %s (exit code %d):\n%s", p.name, p.code, p.tail())
		}
	})
	return p
}

// kill ends the process the way a power cut does, and waits until it is gone.
func (p *process) kill() {
	select {
	case <-p.exited: // its id may be somebody else's by now
		return
	default:
	}
	_ = p.cmd.Process.Kill() // already gone is fine
	<-p.exited
}

// stop asks the process to end and returns how long it took. It must end by
// itself, with exit code 0.
func (p *process) stop(t *testing.T, limit time.Duration) time.Duration {
	t.Helper()
	begun := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	patience := time.NewTimer(limit)
	defer patience.Stop()
	select {
	case <-p.exited:
	case <-patience.C:
		t.Fatalf("%s does not stop within %s of SIGTERM", p.name, limit)
	}
	if p.code != 0 {
		t.Fatalf("%s ended with exit code %d after SIGTERM", p.name, p.code)
	}
	return time.Since(begun)
}

// output is what the process has written so far.
func (p *process) output() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// tail is the end of the output.
func (p *process) tail() string {
	lines := strings.Split(strings.TrimSpace(p.output()), "\n")
	const most = 60
	if len(lines) > most {
		lines = append([]string{fmt.Sprintf("… %d lines …", len(lines)-most)}, lines[len(lines)-most:]...)
	}
	return strings.Join(lines, "\n")
}

// ran is a command that has come to its end.
type ran struct {
	stdout, stderr string
	code           int
}

// run runs a program to its end.
func run(t *testing.T, c *exec.Cmd) ran {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr, c.SysProcAttr = &stdout, &stderr, attributes()
	err := c.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return ran{stdout.String(), stderr.String(), c.ProcessState.ExitCode()}
}

// freePort is a loopback port that nobody listens on.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
