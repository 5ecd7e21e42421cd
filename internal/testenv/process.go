package testenv

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// T is the part of *testing.T that this package needs. The bench, which is no
// test, brings its own.
type T interface {
	Helper()
	Cleanup(func())
	Skip(args ...any)
	Fatalf(format string, args ...any)
}

const (
	startTimeout = 60 * time.Second      // initdb on a slow disk takes its time
	stopTimeout  = 15 * time.Second      // after that a server is killed
	pollInterval = 10 * time.Millisecond // between two looks at a starting server
)

// errExited says that a server ended before it answered.
var errExited = errors.New("ended while starting")

// process is one running server with its log file.
type process struct {
	cmd    *exec.Cmd
	log    string
	exited chan struct{} // closed when the process is gone and reaped

	stopOnce sync.Once
}

// command describes a server to start.
type command struct {
	path string
	args []string
	dir  string   // working directory; the server's user can enter it
	user *account // nil: the user of this process
}

// start runs c with its output in a log file below c.dir.
func start(c command) (*process, error) {
	logPath := filepath.Join(c.dir, filepath.Base(c.path)+".log")
	out, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close() // the child has its own copy

	cmd := exec.Command(c.path, c.args...)
	cmd.Dir = c.dir
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = attributes(c.user)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, log: logPath, exited: make(chan struct{})}
	go p.reap()
	return p, nil
}

// reap waits for the process, so that its id stays ours until it is gone. A
// test that looks for leaked goroutines ignores this one by its name.
func (p *process) reap() {
	_ = p.cmd.Wait() // how it ended is in its log
	close(p.exited)
}

// until calls try every pollInterval until it says that it is done, or fails
// when startTimeout is over.
func until(try func() (done bool, err error)) error {
	deadline := time.NewTimer(startTimeout)
	defer deadline.Stop()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		done, err := try()
		if done {
			return err
		}
		select {
		case <-deadline.C:
			return fmt.Errorf("not ready after %s: %w", startTimeout, err)
		case <-tick.C:
		}
	}
}

// awaitReady asks ready until it succeeds, the process ends or time is up.
func (p *process) awaitReady(ready func() error) error {
	err := until(func() (bool, error) {
		select {
		case <-p.exited:
			return true, errExited
		default:
		}
		err := ready()
		return err == nil, err
	})
	if err != nil {
		return fmt.Errorf("%w; its log ends: %s", err, p.tail())
	}
	return nil
}

// tail returns the last lines of the log, on one line.
func (p *process) tail() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	if len(lines) > 5 {
		lines = lines[len(lines)-5:]
	}
	return string(bytes.Join(lines, []byte(" | ")))
}

// kill9 ends the process the way a power cut would, and waits until it is gone.
func (p *process) kill9() {
	select {
	case <-p.exited: // its id may be somebody else's by now
		return
	default:
	}
	killGroup(p.cmd.Process)
	<-p.exited
}

// stop asks the process to end, and kills it when it does not. An interrupt is
// the fast and clean shutdown of both PostgreSQL and Redis.
func (p *process) stop() {
	p.stopOnce.Do(func() {
		_ = p.cmd.Process.Signal(os.Interrupt) // already gone is fine
		patience := time.NewTimer(stopTimeout)
		defer patience.Stop()
		select {
		case <-p.exited:
		case <-patience.C:
			p.kill9()
		}
	})
}

// freePort returns a loopback port that nobody listens on. Another process may
// take it before the server does: startOnFreePort tries again then.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// startOnFreePort calls run with free ports until the server stays up.
func startOnFreePort(run func(port int) (*process, error)) (*process, int, error) {
	const attempts = 5
	var err error
	for range attempts {
		var port int
		if port, err = freePort(); err != nil {
			return nil, 0, err
		}
		var p *process
		if p, err = run(port); err == nil {
			return p, port, nil
		}
		if !errors.Is(err, errExited) {
			break
		}
	}
	return nil, 0, err
}

// find returns the first of the programs that is in PATH or in one of the
// folders (patterns; the newest version first), or "".
func find(folders []string, names ...string) string {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
		for _, folder := range folders {
			found, _ := filepath.Glob(filepath.Join(folder, name)) // the patterns are constants
			if len(found) == 0 {
				continue
			}
			sort.Slice(found, func(i, j int) bool { return version(found[i]) > version(found[j]) })
			return found[0]
		}
	}
	return ""
}

// version is the number among the folders of path, 0 when there is none.
func version(path string) float64 {
	for _, part := range strings.Split(path, string(filepath.Separator)) {
		if v, err := strconv.ParseFloat(part, 64); err == nil {
			return v
		}
	}
	return 0
}
