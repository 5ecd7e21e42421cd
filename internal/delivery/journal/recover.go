package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// State is what a journal knows of a message.
type State uint8

const (
	// Lost: there is no record, but there may have been one. The message is
	// in doubt.
	Lost State = iota
	// NoIntent: the message was not sent by this worker.
	NoIntent
	// IntentOnly: the dot was about to be written, or was. In doubt.
	IntentOnly
	// Replied: the reply is on record.
	Replied
)

func (s State) String() string {
	return [...]string{"lost", "no intent", "intent only", "replied"}[min(s, 3)]
}

// Entry is the latest that is known of one message.
type Entry struct {
	Message int64
	Fence   int64
	State   State // IntentOnly or Replied
	At      time.Time
	Reply   Reply // with Replied
}

// Recovery is what is left of a journal.
type Recovery struct {
	// Complete: no record can be missing, because this is the boot that wrote
	// the journal and all its files are whole. A torn record at the end of a
	// file does not count: its write never returned, so nothing followed it.
	Complete bool
	// Reason says why it is not complete; empty if it is.
	Reason string
	// Entries by message.
	Entries map[int64]Entry

	segments []segment
	headers  int
}

// Lookup tells what is known of a message that this worker had claimed under a
// fencing token. Records of earlier claims, with lower tokens, were settled
// before the message could be claimed again and say nothing about this one.
func (r *Recovery) Lookup(message, fence int64) (State, Entry) {
	if e, ok := r.Entries[message]; ok && e.Fence >= fence {
		return e.State, e
	}
	if r.Complete {
		return NoIntent, Entry{}
	}
	return Lost, Entry{}
}

// supersedes reports whether a record takes the place of an older one: a late
// reply to an earlier claim does not.
func supersedes(record, older Entry) bool { return record.Fence >= older.Fence }

// segment is a file of a journal.
type segment struct {
	path   string
	number int
	bytes  int64
	doubt  bool               // as in its header
	open   map[int64]struct{} // messages with records in it that are not checkpointed
}

// Recover reads the journal in a folder without changing it. bootID is the
// machine's present one, see [BootID]. A folder that does not exist is an
// empty journal, and not a complete one: it may have been removed.
func Recover(dir, bootID string) (*Recovery, error) {
	r := &Recovery{Entries: map[int64]Entry{}, Complete: true}
	numbers, err := segmentNumbers(dir)
	if err != nil {
		return nil, err
	}
	for _, n := range numbers {
		path := segmentPath(dir, n)
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		s := segment{path: path, number: n, bytes: int64(len(data)), open: map[int64]struct{}{}}
		r.read(&s, data, bootID)
		r.segments = append(r.segments, s)
	}
	if r.headers == 0 {
		r.doubt("there is no journal from before")
	}
	return r, nil
}

func (r *Recovery) doubt(format string, args ...any) {
	if r.Complete {
		r.Complete, r.Reason = false, fmt.Sprintf(format, args...)
	}
}

// read takes in one segment.
func (r *Recovery) read(s *segment, data []byte, bootID string) {
	name := filepath.Base(s.path)
	for first := true; len(data) > 0; first = false {
		kind, payload, rest, skipped := nextRecord(data)
		switch {
		case kind == 0 && first:
			// The process ended while it made the file, unless there is more
			// than a header can be.
			if len(data) > headLen+maxHeader+sumLen {
				r.doubt("%s is damaged", name)
			}
			return
		case kind == 0:
			if len(data) > headLen+maxPayload+sumLen {
				r.doubt("%s is damaged at its end", name)
			}
			return
		case skipped > 0:
			r.doubt("%s is damaged in the middle", name)
		}
		if first && kind != kindSegment {
			r.doubt("%s has no header", name)
		}
		r.take(s, kind, payload, bootID)
		data = rest
	}
}

func (r *Recovery) take(s *segment, kind byte, payload []byte, bootID string) {
	name := filepath.Base(s.path)
	var entry Entry
	switch kind {
	case kindSegment:
		h, ok := parseHeader(payload)
		r.headers++
		switch {
		case !ok:
			r.doubt("%s was written by another version", name)
		case h.bootID != bootID:
			r.doubt("the machine was restarted after %s was written", name)
		case h.doubt:
			r.doubt("%s follows a journal that was not complete", name)
		}
		return
	case kindIntent:
		e, ok := parseIntent(payload)
		if !ok {
			r.doubt("%s has a record that cannot be read", name)
			return
		}
		entry = Entry{Message: e.Message, Fence: e.Fence, State: IntentOnly, At: e.At}
	case kindReply:
		e, ok := parseReply(payload)
		if !ok {
			r.doubt("%s has a record that cannot be read", name)
			return
		}
		entry = Entry{Message: e.Message, Fence: e.Fence, State: Replied, At: e.At, Reply: e}
	default:
		r.doubt("%s was written by another version", name)
		return
	}
	if supersedes(entry, r.Entries[entry.Message]) {
		r.Entries[entry.Message] = entry
	}
	s.open[entry.Message] = struct{}{}
}

const suffix = ".journal"

func segmentPath(dir string, n int) string {
	return filepath.Join(dir, fmt.Sprintf("%08d%s", n, suffix))
}

// segmentNumbers lists a journal's files in order.
func segmentNumbers(dir string) ([]int, error) {
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	var numbers []int
	for _, f := range files {
		base, ok := strings.CutSuffix(f.Name(), suffix)
		if n, err := strconv.Atoi(base); ok && err == nil && n > 0 {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}
