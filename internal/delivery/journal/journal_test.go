package journal

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return noon }

func openIn(t *testing.T, dir, boot string) *Journal {
	t.Helper()
	j, err := Open(Config{Dir: dir, BootID: boot, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return j
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func recovered(t *testing.T, dir, boot string) *Recovery {
	t.Helper()
	r, err := Recover(dir, boot)
	must(t, err)
	return r
}

func TestWhatARestartKnows(t *testing.T) {
	dir := t.TempDir()
	j := openIn(t, dir, "boot-1")
	must(t, j.Settled())
	must(t, j.Intent(1, 10))
	must(t, j.Intent(2, 11))
	must(t, j.Reply(Reply{Message: 2, Fence: 11, Outcome: 3, Code: 250, Enhanced: "2.0.0", Text: "ok ü"}))
	// No Close: what is tested is what the writes alone leave.

	r := recovered(t, dir, "boot-1")
	if !r.Complete {
		t.Errorf("not complete: %s", r.Reason)
	}
	for _, test := range []struct {
		message, fence int64
		want           State
	}{{1, 10, IntentOnly}, {2, 11, Replied}, {3, 12, NoIntent}, {1, 20, NoIntent}, {1, 9, IntentOnly}} {
		if got, _ := r.Lookup(test.message, test.fence); got != test.want {
			t.Errorf("message %d claimed under %d: %v, not %v", test.message, test.fence, got, test.want)
		}
	}
	want := Entry{Message: 2, Fence: 11, State: Replied, At: noon,
		Reply: Reply{Message: 2, Fence: 11, Outcome: 3, Code: 250, Enhanced: "2.0.0", Text: "ok ü", At: noon}}
	if _, got := r.Lookup(2, 11); !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	if e, ok := j.Has(1); !ok || e.State != IntentOnly || e.Fence != 10 {
		t.Errorf("Has(1) = %v, %v", e, ok)
	}
	if _, ok := j.Has(3); ok {
		t.Error("Has(3)")
	}

	// After a restart of the machine, what is on record holds and what is not
	// is in doubt.
	r = recovered(t, dir, "boot-2")
	if r.Complete || r.Reason != "the machine was restarted after 00000002.journal was written" {
		t.Errorf("complete %v: %q", r.Complete, r.Reason)
	}
	if got, _ := r.Lookup(2, 11); got != Replied {
		t.Errorf("message 2: %v", got)
	}
	if got, _ := r.Lookup(3, 12); got != Lost {
		t.Errorf("message 3: %v", got)
	}
}

// Doubt stays until the worker says that what was in doubt is settled, however
// often it is started before that.
func TestDoubtOutlivesRestarts(t *testing.T) {
	dir := t.TempDir()
	if r := recovered(t, dir, "boot-1"); r.Complete || r.Reason != "there is no journal from before" {
		t.Errorf("an empty folder is complete (%v, %q)", r.Complete, r.Reason)
	}
	for range 3 {
		j := openIn(t, dir, "boot-1")
		if j.Recovered().Complete {
			t.Fatal("complete without having been settled")
		}
		must(t, j.Intent(5, 1))
		must(t, j.Close())
	}
	j := openIn(t, dir, "boot-1")
	must(t, j.Intent(6, 1))
	must(t, j.Settled())
	must(t, j.Intent(7, 1))
	must(t, j.Close())

	j = openIn(t, dir, "boot-1")
	r := j.Recovered()
	if !r.Complete {
		t.Errorf("not complete: %s", r.Reason)
	}
	for message, want := range map[int64]State{5: NoIntent, 6: IntentOnly, 7: IntentOnly, 8: NoIntent} {
		if got, _ := r.Lookup(message, 1); got != want {
			t.Errorf("message %d: %v, not %v", message, got, want)
		}
	}
	must(t, j.Close())
	if _, err := os.Create(segmentPath(dir, 99)); err != nil { // a start that was killed at once
		t.Fatal(err)
	}
	if r := recovered(t, dir, "boot-1"); !r.Complete {
		t.Errorf("not complete after a start that was killed: %s", r.Reason)
	}
}

func TestLateReplyToAnEarlierClaim(t *testing.T) {
	dir := t.TempDir()
	j := openIn(t, dir, "boot")
	must(t, j.Settled())
	must(t, j.Intent(1, 10))
	must(t, j.Intent(1, 20))
	must(t, j.Reply(Reply{Message: 1, Fence: 10, Outcome: 2}))
	if e, _ := j.Has(1); e.State != IntentOnly || e.Fence != 20 {
		t.Errorf("in memory: %v", e)
	}
	if s, e := recovered(t, dir, "boot").Lookup(1, 20); s != IntentOnly || e.Fence != 20 {
		t.Errorf("on disk: %v %v", s, e)
	}
}

func TestCheckpointRemovesFiles(t *testing.T) {
	dir := t.TempDir()
	j, err := Open(Config{Dir: dir, BootID: "boot", Now: clock, SegmentBytes: 2000})
	must(t, err)
	must(t, j.Settled())
	must(t, j.Intent(1_000_000, 1)) // stays open all the time
	for m := int64(1); m <= 3000; m++ {
		must(t, j.Intent(m, m))
		must(t, j.Reply(Reply{Message: m, Fence: m, Outcome: 1, Code: 250, Text: "ok"}))
		if m%50 == 0 {
			for i := m - 49; i <= m; i++ {
				must(t, j.Checkpoint(i))
			}
		}
		if numbers, _ := segmentNumbers(dir); len(numbers) > maxSegments+4 {
			t.Fatalf("%d files after message %d", len(numbers), m)
		}
	}
	if got := j.Open(); len(got) != 1 || got[0].Message != 1_000_000 {
		t.Errorf("still open: %v", got)
	}
	r := recovered(t, dir, "boot")
	if s, _ := r.Lookup(1_000_000, 1); s != IntentOnly || !r.Complete {
		t.Errorf("the message that stayed open: %v (complete %v, %s)", s, r.Complete, r.Reason)
	}
	must(t, j.Close())
	if err := j.Intent(1, 1); !errors.Is(err, ErrClosed) {
		t.Errorf("after close: %v", err)
	}
}

func TestOneJournalToAFolder(t *testing.T) {
	dir := t.TempDir()
	j := openIn(t, dir, "boot")
	_, err := Open(Config{Dir: dir, Now: clock})
	want := "journal: " + dir + " cannot be opened: it belongs to another running worker: give each worker its own name"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	must(t, j.Close())
	openIn(t, dir, "boot")
}

// faulty is a file on a disk with little room left.
type faulty struct {
	*os.File
	room    *int
	syncErr *error
}

func (f faulty) Write(b []byte) (int, error) {
	if len(b) <= *f.room {
		*f.room -= len(b)
		return f.File.Write(b)
	}
	n, err := f.File.Write(b[:*f.room])
	*f.room = 0
	return n, errors.Join(err, syscall.ENOSPC)
}

func (f faulty) Sync() error { return *f.syncErr }

func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	room, syncErr := 1000, error(nil)
	j, err := Open(Config{Dir: dir, BootID: "boot", Now: clock, create: func(path string) (file, error) {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		return faulty{f, &room, &syncErr}, err
	}})
	must(t, err)
	must(t, j.Settled())
	sent := int64(0)
	for err == nil {
		sent++
		err = j.Intent(sent, 1)
	}
	want := "journal: the disk of " + dir + " is full: free some space, nothing is sent until then: no space left on device"
	if err.Error() != want || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if _, ok := j.Has(sent); ok {
		t.Error("an intent that failed is known")
	}
	if err := j.Intent(sent, 1); err == nil {
		t.Error("the disk is still full")
	}
	room = 1000
	must(t, j.Intent(sent+1, 1))
	r := recovered(t, dir, "boot")
	for m := int64(1); m <= sent+1; m++ {
		want := IntentOnly
		if m == sent {
			want = NoIntent
		}
		if got, _ := r.Lookup(m, 1); got != want {
			t.Errorf("message %d: %v, not %v (complete %v, %s)", m, got, want, r.Complete, r.Reason)
		}
	}
	must(t, j.Close())
}

func TestSyncFails(t *testing.T) {
	dir := t.TempDir()
	room, syncErr := 1_000_000, error(nil)
	j, err := Open(Config{Dir: dir, BootID: "boot", Now: clock, SyncEvery: time.Hour, create: func(path string) (file, error) {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		return faulty{f, &room, &syncErr}, err
	}})
	must(t, err)
	must(t, j.Settled())
	j.mu.Lock()
	syncErr = syscall.EIO
	j.mu.Unlock()
	err = j.Sync()
	want := "journal: " + segmentPath(dir, 2) + " could not be synced to disk: check the disk, then restart this worker: input/output error"
	if err == nil || err.Error() != want {
		t.Fatalf("got  %v\nwant %s", err, want)
	}
	if again := j.Intent(1, 1); !errors.Is(again, syscall.EIO) {
		t.Errorf("an intent after it: %v", again)
	}
	syncErr = nil
	must(t, j.Close())
}

// Cut anywhere, a journal holds exactly the records that are whole.
func TestTornAnywhere(t *testing.T) {
	var whole []byte
	var ends []int
	whole = appendHeader(whole, segmentHeader{bootID: "boot"})
	head := len(whole)
	for m := int64(1); m <= 5; m++ {
		whole = appendIntent(whole, m, m, noon)
		ends = append(ends, len(whole))
	}
	for cut := 0; cut <= len(whole); cut++ {
		dir := t.TempDir()
		must(t, os.WriteFile(segmentPath(dir, 1), whole[:cut], 0o600))
		r := recovered(t, dir, "boot")
		want := 0
		for _, e := range ends {
			if e <= cut {
				want++
			}
		}
		if len(r.Entries) != want || r.Complete != (cut >= head) {
			t.Errorf("cut at %d: %d entries, not %d; complete %v: %s", cut, len(r.Entries), want, r.Complete, r.Reason)
		}
	}
}

func TestDamageInTheMiddle(t *testing.T) {
	data := appendHeader(nil, segmentHeader{bootID: "boot"})
	for m := int64(1); m <= 9; m++ {
		data = appendIntent(data, m, 1, noon)
	}
	data[len(data)/2] ^= 0x10
	dir := t.TempDir()
	must(t, os.WriteFile(segmentPath(dir, 1), data, 0o600))
	r := recovered(t, dir, "boot")
	if r.Complete || r.Reason != "00000001.journal is damaged in the middle" || len(r.Entries) != 8 {
		t.Errorf("%d entries, complete %v: %s", len(r.Entries), r.Complete, r.Reason)
	}
}

func TestBootID(t *testing.T) {
	file := filepath.Join(t.TempDir(), "boot_id")
	must(t, os.WriteFile(file, []byte("b3dbb0f3-2c1e-46a8-abb8-7a7346d8e656\n"), 0o600))
	if got := bootID(file); got != "b3dbb0f3-2c1e-46a8-abb8-7a7346d8e656" {
		t.Errorf("got %q", got)
	}
	if got := bootID(file + "-missing"); !strings.HasPrefix(got, "process-") || got != bootID(file+"-missing") {
		t.Errorf("without the file: %q", got)
	}
	if BootID() == "" {
		t.Error("no boot id")
	}
}

// Whatever a file holds, Recover does not fail, and what it returns can be
// written and read again.
func FuzzRecover(f *testing.F) {
	sound := appendHeader(nil, segmentHeader{bootID: "boot"})
	sound = appendIntent(sound, 1, 2, noon)
	sound = appendReply(sound, Reply{Message: 1, Fence: 2, Outcome: 1, Code: 250, Enhanced: "2.0.0", Text: "ok", At: noon})
	f.Add(sound)
	f.Add(sound[:len(sound)-3])
	f.Add(append([]byte{magic0, magic1, 3, 255, 255}, sound...))
	f.Add(appendRecord(nil, kindReply, func(b []byte) []byte { return append(b, 1, 2, 3) }))
	f.Add(make([]byte, 5000))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := readBytes(data)
		var again []byte
		for _, e := range r.Entries {
			again = appendEntry(again, e)
		}
		r2 := readBytes(again)
		if !cmp.Equal(r.Entries, r2.Entries, cmpopts.EquateEmpty()) {
			t.Error(cmp.Diff(r.Entries, r2.Entries))
		}
	})
}

func readBytes(data []byte) *Recovery {
	r := &Recovery{Entries: map[int64]Entry{}, Complete: true}
	r.read(&segment{path: "1.journal", open: map[int64]struct{}{}}, data, "boot")
	return r
}
