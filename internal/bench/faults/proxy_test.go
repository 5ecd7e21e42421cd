package faults

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// echo is a server that says what it hears.
func echo(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); c.Close() }() // ends with the client
		}
	}()
	return l.Addr().String()
}

func through(t *testing.T, p *proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// hears reads as many bytes as there should be.
func hears(t *testing.T, c net.Conn, want string) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("heard %q, %v, want %q", got, err, want)
	}
}

func says(t *testing.T, c net.Conn, what string) {
	t.Helper()
	if _, err := io.WriteString(c, what); err != nil {
		t.Fatal(err)
	}
}

// silent makes sure that nothing comes for a moment.
func hearsNothing(t *testing.T, c net.Conn) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("heard %d bytes, %v", n, err)
	}
}

func TestProxyCutsHoldsAndHeals(t *testing.T) {
	p, err := newProxy(echo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	c := through(t, p)
	says(t, c, "one")
	hears(t, c, "one")

	p.hold()
	says(t, c, "two")
	hearsNothing(t, c)
	late := through(t, p)
	says(t, late, "late")
	hearsNothing(t, late)
	p.heal()
	hears(t, c, "two")
	hears(t, late, "late")

	p.cut()
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("a connection outlived the cut")
	}
	// It is refused at once, or closed as soon as it is there.
	if cut, err := net.Dial("tcp", p.Addr); err == nil {
		t.Cleanup(func() { cut.Close() })
		if _, err := cut.Read(make([]byte, 1)); err == nil {
			t.Error("a connection was made over a cut line")
		}
	}
	p.heal()
	c = through(t, p)
	says(t, c, "three")
	hears(t, c, "three")
}

func TestProxyHoldsInsideATransaction(t *testing.T) {
	p, err := newProxy(echo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	c := through(t, p)
	for _, s := range []string{"begin", "select", "commit", "select"} {
		says(t, c, s)
		hears(t, c, s)
	}
	held := p.holdInside(2)
	for _, s := range []string{"select", "begin", "select"} {
		says(t, c, s)
		hears(t, c, s)
	}
	says(t, c, "update")
	<-held
	hearsNothing(t, c)
	p.heal()
	hears(t, c, "update")
}
