package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// child is a process that a bench has started and ends.
type child struct {
	name   string
	cmd    *exec.Cmd
	output *tail
	exited chan struct{}
	err    error // how it ended, once it has
}

// start starts a program. What it writes to standard error is kept for the
// error message, its end at least.
func start(name string, c *exec.Cmd) (*child, error) {
	p := &child{name: name, cmd: c, output: &tail{}, exited: make(chan struct{})}
	if c.Stdout == nil {
		c.Stdout = p.output
	}
	c.Stderr = p.output
	c.SysProcAttr = attributes()
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", name, err)
	}
	go func() {
		p.err = c.Wait()
		close(p.exited)
	}()
	return p, nil
}

func (p *child) pid() int { return p.cmd.Process.Pid }

// ended is an error once the process is gone.
func (p *child) ended() error {
	select {
	case <-p.exited:
		return fmt.Errorf("%s ended by itself (%v); it said: %s", p.name, p.err, p.output)
	default:
		return nil
	}
}

// stopTime is how long a process may take to end in good order.
const stopTime = 30 * time.Second

// stop asks the process to end, and makes it when it does not.
func (p *child) stop() error {
	if p.ended() != nil {
		return nil
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // already gone is fine
	patience := time.NewTimer(stopTime)
	defer patience.Stop()
	select {
	case <-p.exited:
	case <-patience.C:
		_ = p.cmd.Process.Kill()
		<-p.exited
		return fmt.Errorf("%s did not end within %s of SIGTERM", p.name, stopTime)
	}
	var exit *exec.ExitError
	if errors.As(p.err, &exit) {
		return fmt.Errorf("%s ended with %w; it said: %s", p.name, p.err, p.output)
	}
	return nil
}

// kill ends a process that keeps nothing.
func (p *child) kill() error {
	if p.ended() == nil {
		_ = p.cmd.Process.Kill() // already gone is fine
		<-p.exited
	}
	return nil
}

// tail keeps the end of what a process writes.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailSize = 8 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if over := len(t.text) - tailSize; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(b), nil
}

// String is the last few lines.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := bytes.Split(bytes.TrimSpace(t.text), []byte("\n"))
	if len(lines) > 6 {
		lines = lines[len(lines)-6:]
	}
	return string(bytes.Join(lines, []byte("\n  ")))
}

// environment is what programs of a bench inherit: nothing that would point
// them at somebody's own installation.
func environment(more ...string) []string {
	var out []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if name != "DATABASE_URL" && name != "REDIS_URL" && !strings.HasPrefix(name, "RAPPORT_") {
			out = append(out, v)
		}
	}
	return append(out, more...)
}

// poll calls is again and again until it says so, fails or the context ends.
func poll(ctx context.Context, every time.Duration, is func() (bool, error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if done, err := is(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}
