package journal

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// A worker that is killed in the middle of its work leaves a journal that
// knows every intent it had been told was written, and no reply it had not.
func TestKilledInTheMiddle(t *testing.T) {
	if dir := os.Getenv("JOURNAL_TEST_DIR"); dir != "" {
		writeUntilKilled(dir)
		return
	}
	dir := t.TempDir()
	for round := range 5 {
		child := exec.Command(os.Args[0], "-test.run=^TestKilledInTheMiddle$")
		child.Env = append(os.Environ(), "JOURNAL_TEST_DIR="+dir, "JOURNAL_TEST_BASE="+strconv.Itoa(round*1_000_000))
		out, err := child.StdoutPipe()
		must(t, err)
		must(t, child.Start())
		var last int64
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			n, err := strconv.ParseInt(lines.Text(), 10, 64)
			must(t, err)
			last = n
			if last%1_000_000 > int64(2000+round*137) {
				break
			}
		}
		must(t, child.Process.Kill())
		for lines.Scan() { // what it had said before it died
			if n, err := strconv.ParseInt(lines.Text(), 10, 64); err == nil {
				last = n
			}
		}
		_ = child.Wait() // "signal: killed"

		j, err := Open(Config{Dir: dir, Now: time.Now})
		must(t, err)
		r := j.Recovered()
		if !r.Complete {
			t.Errorf("round %d: not complete: %s", round, r.Reason)
		}
		first := int64(round*1_000_000 + 1)
		for m := first; m <= last; m++ {
			state, e := r.Lookup(m, 1)
			switch {
			case m < last && state != Replied:
				t.Fatalf("round %d: message %d of %d: %v", round, m, last, state)
			case state == Replied && e.Reply.Text != fmt.Sprint("reply ", m):
				t.Fatalf("round %d: message %d: reply %q", round, m, e.Reply.Text)
			case state == NoIntent:
				t.Fatalf("round %d: message %d was intended and is not known", round, m)
			}
		}
		if state, _ := r.Lookup(last+2, 1); state != NoIntent {
			t.Errorf("round %d: message %d: %v", round, last+2, state)
		}
		must(t, j.Settled())
		must(t, j.Close())
	}
}

// writeUntilKilled is the child. It says each number after its intent was
// written.
func writeUntilKilled(dir string) {
	base, _ := strconv.ParseInt(os.Getenv("JOURNAL_TEST_BASE"), 10, 64)
	j, err := Open(Config{Dir: dir, Now: time.Now, SegmentBytes: 20_000})
	if err == nil {
		err = j.Settled()
	}
	for m := base + 1; err == nil; m++ {
		if err = j.Intent(m, 1); err == nil {
			fmt.Println(m)
			err = j.Reply(Reply{Message: m, Fence: 1, Outcome: 1, Code: 250, Text: fmt.Sprint("reply ", m)})
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
