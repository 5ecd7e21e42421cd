package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// process is one running rapport.
type process struct {
	name   string
	cmd    *exec.Cmd
	log    string
	silent int64 // how long the log is while the process has said nothing
	exited chan struct{}
	code   int // once it has exited
}

// start runs a program until it ends; what it says goes to the end of a log.
func start(name, log string, c *exec.Cmd) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close() // the process has its own copy
	before, err := out.Stat()
	if err != nil {
		return nil, err
	}
	c.Stdout, c.Stderr, c.SysProcAttr = out, out, attributes()
	if err := c.Start(); err != nil {
		return nil, err
	}
	p := &process{name: name, cmd: c, log: log, silent: before.Size(), exited: make(chan struct{})}
	go func() {
		_ = c.Wait() // its exit code says it all
		p.code = c.ProcessState.ExitCode()
		close(p.exited)
	}()
	return p, nil
}

// running reports whether it has not ended yet.
func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// kill ends the process without a warning, and waits until it is gone.
func (p *process) kill() {
	if !p.running() { // its id may be somebody else's by now
		return
	}
	_ = p.cmd.Process.Kill() // already gone is fine
	<-p.exited
}

// signal tells the process something.
func (p *process) signal(s syscall.Signal) error {
	if !p.running() {
		return fmt.Errorf("%s has ended with exit code %d", p.name, p.code)
	}
	return p.cmd.Process.Signal(s)
}

// stopLimit is how long a process may take to end after SIGTERM: as long as
// Kubernetes waits before it kills.
const stopLimit = 30 * time.Second

// stop asks the process to end. It must, by itself, with exit code 0, if it has begun
// at all: one that is only being loaded ends as any program does.
func (p *process) stop(ctx context.Context) error {
	if err := p.signal(syscall.SIGTERM); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	select {
	case <-p.exited:
	case <-ctx.Done():
		return fmt.Errorf("%s does not stop within %s of SIGTERM", p.name, stopLimit)
	}
	if p.code != 0 && !p.unborn() {
		return fmt.Errorf("%s ended with exit code %d after SIGTERM", p.name, p.code)
	}
	return nil
}

// unborn reports whether SIGTERM ended the process before it had said anything.
func (p *process) unborn() bool {
	how, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	now, err := os.Stat(p.log)
	return ok && how.Signaled() && how.Signal() == syscall.SIGTERM && err == nil && now.Size() == p.silent
}

// output runs a program to its end and returns what it printed.
func output(c *exec.Cmd) (string, error) {
	var said, complained strings.Builder
	c.Stdout, c.Stderr, c.SysProcAttr = &said, &complained, attributes()
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(c.Args[1:], " "), err, strings.TrimSpace(complained.String()))
	}
	return said.String(), nil
}

// until looks every few milliseconds whether something is so. state tells what
// there is instead, for the error when it still is not after the limit.
func until(ctx context.Context, limit time.Duration, what string, look func() (done bool, state string)) error {
	late := fmt.Errorf("not within %s: %s", limit, what)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, late)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		done, state := look()
		if done {
			return nil
		}
		select {
		case <-ctx.Done():
			if cause := context.Cause(ctx); !errors.Is(cause, late) {
				return cause
			}
			return fmt.Errorf("%w; it is: %s", late, state)
		case <-tick.C:
		}
	}
}

// pause waits for a while, or until the context ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
