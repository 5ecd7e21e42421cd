package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"rapport/internal/ident"
)

// conversation is a receiver and a client that talks to it.
type conversation struct {
	*testing.T
	ask     func(command string, answer any)
	port    int
	conn    net.Conn
	replies *bufio.Reader
}

// converse starts a receiver in this process.
func converse(t *testing.T, o ReceiverOptions) *conversation {
	t.Helper()
	commands, in := io.Pipe()
	out, answers := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- Receive(t.Context(), commands, answers, o) }()
	read := json.NewDecoder(out)
	c := &conversation{T: t}
	c.ask = func(command string, answer any) {
		t.Helper()
		if command != "" {
			fmt.Fprintln(in, command)
		}
		if err := read.Decode(answer); err != nil {
			t.Fatal(err)
		}
	}
	c.ask("", &c.port)
	t.Cleanup(func() {
		in.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	c.dial()
	return c
}

func (c *conversation) dial() {
	c.Helper()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", c.port))
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { conn.Close() })
	c.conn, c.replies = conn, bufio.NewReader(conn)
}

// say writes a text in pieces of a size and expects replies with these codes.
func (c *conversation) say(text string, piece int, codes ...int) {
	c.Helper()
	for b := []byte(text); len(b) > 0; {
		n := min(piece, len(b))
		if _, err := c.conn.Write(b[:n]); err != nil {
			c.Fatal(err)
		}
		b = b[n:]
	}
	if err := expect(c.replies, codes...); err != nil {
		c.Fatal(err)
	}
}

func (c *conversation) counted(messages, distinct, twice, unnamed int64) {
	c.Helper()
	var got Tally
	c.ask("tally", &got)
	if got.Messages != messages || got.Distinct != distinct || got.Twice != twice || got.Unnamed != unnamed {
		c.Errorf("the receiver has counted %+v, want %d messages, %d distinct, %d twice, %d unnamed", got, messages, distinct, twice, unnamed)
	}
}

const opening = "MAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\n"

func letter(id int64, lines int) string {
	return "From: a@x.example\r\nX-Rapport-Id: " + ident.Format(id) + "\r\nSubject: x\r\n\r\n" + strings.Repeat("a line of text\r\n.. and a dot\r\n", lines)
}

func TestReceiverCountsCopies(t *testing.T) {
	all := 1 << 30
	for name, piece := range map[string]int{"in one write": all, "in pieces of seven bytes": 7, "byte by byte": 1} {
		t.Run(name, func(t *testing.T) {
			c := converse(t, ReceiverOptions{})
			c.say("", piece, 220)
			c.say("ehlo x\r\n", piece, 250)
			c.say(opening+"DATA\r\n", piece, 250, 250, 354)
			c.say(letter(77, 3)+".\r\n"+opening+"DATA\r\n", piece, 250, 250, 250, 354)
			c.say(letter(77, 3)+".\r\n"+opening+"DATA\r\n", piece, 250, 250, 250, 354)
			c.say(letter(78, 1)+".\r\n"+opening+"DATA\r\n", piece, 250, 250, 250, 354)
			c.say(".\r\n"+opening+"DATA\r\n", piece, 250, 250, 250, 354)
			c.say("Subject: nobody\r\n\r\ntext\r\n.\r\nRSET\r\nNOOP\r\nVRFY\r\n", piece, 250, 250, 250, 500)
			c.counted(5, 2, 1, 2)
			var first []byte
			c.ask("first", &first)
			if string(first) != letter(77, 3) {
				t.Errorf("the first message was\n%q", first)
			}
			c.ask("reset", &struct{}{})
			c.counted(0, 0, 0, 0)
			c.say("QUIT\r\n", piece, 221)
		})
	}
}

func TestReceiverTakesMessagesLargerThanItsBuffer(t *testing.T) {
	c := converse(t, ReceiverOptions{})
	c.say("EHLO x\r\n", 100, 220, 250)
	large := letter(5, 40_000) // over a megabyte
	c.say(opening+"DATA\r\n", 100, 250, 250, 354)
	c.say(large+".\r\n", len(large), 250)
	c.counted(1, 1, 0, 0)
	var counts Counts
	c.ask("count", &counts)
	if counts.Bytes != int64(len(large)) {
		t.Errorf("%d bytes were counted of %d", counts.Bytes, len(large))
	}
}

func TestReceiverTakesChunksWhereItOffersThem(t *testing.T) {
	c := converse(t, ReceiverOptions{Chunking: true})
	c.say("EHLO x\r\n", 100, 220, 250)
	m := letter(9, 2)
	c.say(fmt.Sprintf("%sBDAT %d LAST\r\n%s", opening, len(m), m), 5, 250, 250, 250)
	c.counted(1, 1, 0, 0)
	c.say("BDAT x LAST\r\n", 100, 501)
}

func TestReceiverCountsWhatCameBeforeAConnectionBroke(t *testing.T) {
	c := converse(t, ReceiverOptions{})
	c.say("EHLO x\r\n"+opening+"DATA\r\n", 100, 220, 250, 250, 250, 354)
	c.say(letter(3, 1)+".\r\n"+opening+"DATA\r\n", 1000, 250, 250, 250, 354)
	c.say(letter(4, 1), 1000) // and no dot
	c.conn.Close()
	c.counted(1, 1, 0, 0)
	c.dial()
	c.say("EHLO x\r\n"+opening+"DATA\r\n"+letter(3, 1)+".\r\n", 1000, 220, 250, 250, 250, 354, 250)
	c.counted(2, 1, 1, 0)
}

func TestReceiverTurnsAwayWhatIsTooMany(t *testing.T) {
	c := converse(t, ReceiverOptions{Connections: 1})
	c.say("", 1, 220)
	c.dial()
	c.say("", 1, 421)
}

func TestLateRepliesAllCome(t *testing.T) {
	c := converse(t, ReceiverOptions{Latency: 2 * time.Millisecond})
	c.say("EHLO x\r\n"+opening+"DATA\r\n", 9, 220, 250, 250, 250, 354)
	c.say(letter(3, 1)+".\r\nQUIT\r\n", 9, 250, 221)
	c.counted(1, 1, 0, 0)
}

func TestContentIsWhatTheMessageSays(t *testing.T) {
	message := "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nList-Unsubscribe: <https://x.example/u>\r\n" +
		"Content-Type: multipart/alternative; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n" +
		"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n" +
		"Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>Gr=C3=BC=C3=9Fe</p>\r\n--b--\r\n"
	got, err := contentOf([]byte(message))
	want := content{subject: "Grüße", text: "Grüße", html: "<p>Grüße</p>", unsubscribe: "<https://x.example/u>"}
	if err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	if _, err := contentOf([]byte("Content-Type: text/plain\r\n\r\nx")); err == nil {
		t.Error("a message of one part was taken")
	}
}

func TestBaselinesSendEveryMessageOnce(t *testing.T) {
	for name, c := range map[string]sender{"raw": sendRaw, "plain": content{"s", "text", "<p>html</p>", "<https://x.example/u>"}.sendPlain} {
		t.Run(name, func(t *testing.T) {
			v := converse(t, ReceiverOptions{})
			b := &baseline{port: v.port, message: bytes.Clone([]byte(letter(1, 2))), run: &Run{Options: Options{Clock: fixed{}}}}
			next := int64(0)
			err := c(t.Context(), b, func() (int64, bool) { next++; return 1000 + next, next <= 5 })
			if err != nil {
				t.Fatal(err)
			}
			v.counted(5, 5, 0, 0)
		})
	}
}

type fixed struct{}

func (fixed) Now() time.Time { return time.Unix(1_800_000_000, 0).UTC() }

func TestCostOfThisProcessIsSeen(t *testing.T) {
	if !measurable() {
		t.Skip("this system does not tell what a process costs")
	}
	u := usageOf(os.Getpid())
	if u.now <= 0 || u.peak < u.now {
		t.Errorf("this process has %d bytes and had %d at its peak", u.now, u.peak)
	}
	if u := usageOf(1 << 30); u != (spent{}) {
		t.Errorf("a process that is not there costs %+v", u)
	}
}
