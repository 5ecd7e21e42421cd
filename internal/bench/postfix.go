package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// postfixSink is smtp-sink, the test server of Postfix (smtp-sink(1)). It says
// nothing of what it takes: that is read off the bytes which the system has
// given it.
type postfixSink struct {
	*child
	port    int
	size    int64 // bytes that one message takes with its envelope
	already int64 // bytes before the reset
}

// startPostfixSink starts smtp-sink; nil: it is not installed.
func (r *Run) startPostfixSink(ctx context.Context) (*postfixSink, error) {
	program, err := exec.LookPath("smtp-sink")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/smtp-sink"); err != nil {
			return nil, nil
		}
	}
	port, err := unusedPort()
	if err != nil {
		return nil, err
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	arguments := []string{address, "500"}
	if os.Geteuid() == 0 { // it wants to be told who it is to be then
		arguments = append([]string{"-u", "nobody"}, arguments...)
	}
	p, err := start("smtp-sink", exec.Command(program, arguments...))
	if err != nil {
		return nil, err
	}
	r.atEnd(p.kill)
	ctx, cancel := context.WithTimeoutCause(ctx, readyTime, errors.New("smtp-sink does not listen"))
	defer cancel()
	return &postfixSink{child: p, port: port}, poll(ctx, 20*time.Millisecond, func() (bool, error) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err == nil, p.ended()
	})
}

func (p *postfixSink) reset() (err error) {
	p.already, err = p.read()
	return err
}

func (p *postfixSink) counts() (Counts, error) {
	bytes, err := p.read()
	if p.size == 0 || err != nil {
		return Counts{}, err
	}
	return Counts{Bytes: bytes - p.already, Messages: (bytes - p.already) / p.size}, nil
}

func (p *postfixSink) tally() (Tally, error) { return Tally{}, nil }
func (p *postfixSink) portOf() int           { return p.port }

// read is how many bytes the process has read in its life (proc(5)); 0 where the
// system does not tell.
func (p *postfixSink) read() (n int64, err error) {
	if err := p.ended(); err != nil {
		return 0, err
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", p.pid()))
	if err != nil {
		return 0, nil
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "rchar: "); ok {
			return strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		}
	}
	return 0, nil
}
