package smtp

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"
)

// sink starts Postfix's smtp-sink and returns its port.
func sink(t *testing.T, arguments ...string) int {
	t.Helper()
	program, err := exec.LookPath("smtp-sink")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/smtp-sink"); err != nil {
			t.Skip("skipped: smtp-sink is not installed (package postfix)")
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	if os.Getuid() == 0 {
		arguments = append([]string{"-u", "nobody"}, arguments...) // it wants to be nobody special
	}
	command := exec.Command(program, append(arguments, address, "100")...)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait() // "signal: killed"
	})
	ready := time.NewTicker(5 * time.Millisecond) // it does not say when it listens
	defer ready.Stop()
	for range 2000 {
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			return port
		}
		<-ready.C
	}
	t.Fatal("smtp-sink does not listen")
	return 0
}

// Another implementation than ours, with what it offers and without.
func TestPostfixSink(t *testing.T) {
	for _, test := range []struct {
		name      string
		arguments []string
		want      string
	}{
		{"all it offers", nil, "sent: 250 2.0.0 Ok"},
		{"without pipelining", []string{"-p"}, "sent: 250 2.0.0 Ok"},
		{"HELO only", []string{"-e"}, "sent: 250 2.0.0 Ok"},
		{"refuses recipients", []string{"-f", "RCPT"}, "permanent at rcpt: 500 5.3.0 Error: command failed"},
		{"refuses data for now", []string{"-r", "DATA"}, "temporary at data: 450 4.3.0 Error: command failed"},
		{"refuses after the dot", []string{"-r", "."}, "temporary at dot: 450 4.3.0 Error: command failed"},
		{"hangs up after the dot", []string{"-q", "."}, "unknown at dot: the server closed the connection"},
	} {
		t.Run(test.name, func(t *testing.T) {
			port := sink(t, test.arguments...)
			p := NewPool(Config{Host: "127.0.0.1", Port: port, TLS: Plain, HelloName: "test.example"}, nil)
			defer p.Close()
			for i, r := range p.SendAll(t.Context(), envelopes(100)) {
				if r.String() != test.want {
					t.Fatalf("message %d: %s, not %s", i, r, test.want)
				}
			}
		})
	}
}
