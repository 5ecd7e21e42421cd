package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Config says where a journal lies. The zero value of every field but Dir and
// Now has a meaning.
type Config struct {
	// Dir is the worker's own folder, made if missing, on a disk that
	// outlives the process. A second journal in one folder is refused.
	Dir    string
	BootID string // empty: BootID()
	Now    func() time.Time
	// SegmentBytes starts a new file; 0 is 8 MB.
	SegmentBytes int64
	// SyncEvery is the least time between two syncs; 0 is 20 ms.
	SyncEvery time.Duration

	create func(path string) (file, error) // for tests; nil: os.OpenFile
}

// file is what a journal needs of one.
type file interface {
	Write([]byte) (int, error)
	Truncate(int64) error
	Sync() error
	Close() error
}

// maxSegments is when what is still open in the oldest file is copied to the
// newest: one message that stays unknown for a month must not keep a month of
// files.
const maxSegments = 4

// Journal is open for writing. It is safe for use by several goroutines.
type Journal struct {
	config    Config
	recovered *Recovery
	lock      *os.File

	mu      sync.Mutex
	entries map[int64]Entry
	old     []segment // oldest first, no longer written to
	current segment
	first   int // the number of the first file since Open
	file    file
	buf     []byte
	broken  error // why nothing can be written any more
	closed  bool

	dirty   chan struct{} // something awaits a sync
	stop    chan struct{}
	stopped chan struct{}
}

// ErrClosed is returned by a journal that was closed.
var ErrClosed = errors.New("the send journal is closed")

// ErrInUse is in the chain of Open's error when another running worker has the folder.
var ErrInUse = errors.New("it belongs to another running worker")

// Open opens a worker's journal. What was in it is in Recovered; once every
// message that this worker had claimed before is settled, call Settled. Until
// then a crash leaves those messages, and those claimed since, in doubt if they
// were before.
func Open(config Config) (*Journal, error) {
	if config.Now == nil {
		return nil, errors.New("journal: a clock is needed")
	}
	if config.BootID == "" {
		config.BootID = BootID()
	}
	if config.SegmentBytes <= 0 {
		config.SegmentBytes = 8 << 20
	}
	if config.SyncEvery <= 0 {
		config.SyncEvery = 20 * time.Millisecond
	}
	if config.create == nil {
		config.create = func(path string) (file, error) {
			return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
		}
	}
	if err := os.MkdirAll(config.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	lock, err := lockDir(config.Dir)
	if err != nil {
		return nil, err
	}
	j, err := open(config, lock)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return j, nil
}

func open(config Config, lock *os.File) (*Journal, error) {
	recovered, err := Recover(config.Dir, config.BootID)
	if err != nil {
		return nil, err
	}
	j := &Journal{
		config: config, recovered: recovered, lock: lock,
		entries: make(map[int64]Entry, len(recovered.Entries)),
		old:     slices.Clone(recovered.segments),
		dirty:   make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	for id, e := range recovered.Entries {
		j.entries[id] = e
	}
	if err := j.start(!recovered.Complete); err != nil {
		return nil, err
	}
	j.first = j.current.number
	go j.syncLoop()
	return j, nil
}

// Recovered is what the journal held when it was opened.
func (j *Journal) Recovered() *Recovery { return j.recovered }

// Intent records that the dot of a message is about to be written, under the
// fencing token of its claim. If it fails, the message must not be sent.
func (j *Journal) Intent(message, fence int64) error {
	at := j.config.Now()
	return j.append(Entry{Message: message, Fence: fence, State: IntentOnly, At: at}, func(b []byte) []byte {
		return appendIntent(b, message, fence, at)
	})
}

// Reply records what became of a message. Its At is set. If it fails, the
// outcome is still true and should be recorded in the database at once.
func (j *Journal) Reply(r Reply) error {
	r.At = j.config.Now()
	return j.append(Entry{Message: r.Message, Fence: r.Fence, State: Replied, At: r.At, Reply: r},
		func(b []byte) []byte { return appendReply(b, r) })
}

// Has returns what this journal knows of a message, from before it was opened
// too. It is false for what was never intended, or let go by Checkpoint.
func (j *Journal) Has(message int64) (Entry, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e, ok := j.entries[message]
	return e, ok
}

// Open returns the messages not yet let go, in order.
func (j *Journal) Open() []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := make([]Entry, 0, len(j.entries))
	for _, e := range j.entries {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b Entry) int {
		if a.Message < b.Message {
			return -1
		}
		return 1
	})
	return out
}

func (j *Journal) append(e Entry, encode func([]byte) []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.usable(); err != nil {
		return err
	}
	j.buf = encode(j.buf[:0])
	if err := j.write(j.buf); err != nil {
		return err
	}
	if supersedes(e, j.entries[e.Message]) {
		j.entries[e.Message] = e
	}
	j.current.open[e.Message] = struct{}{}
	select {
	case j.dirty <- struct{}{}:
	default:
	}
	if j.current.bytes >= j.config.SegmentBytes {
		// The record is written. Without a new file the present one grows, and
		// the next record tries again; a failed sync stays in j.broken.
		_ = j.rotate()
	}
	return nil
}

func (j *Journal) usable() error {
	if j.closed {
		return ErrClosed
	}
	return j.broken
}

// write hands bytes to the current file at once.
func (j *Journal) write(b []byte) error {
	n, err := j.file.Write(b)
	if err == nil {
		j.current.bytes += int64(n)
		return nil
	}
	// What was written of a record that did not fit is taken back, so that the
	// next one can stand in its place.
	if n > 0 {
		if cut := j.file.Truncate(j.current.bytes); cut != nil {
			j.broken = fmt.Errorf("journal: %s ends in half a record that cannot be taken back: %w", j.current.path, cut)
		}
	}
	return j.explain(err)
}

func (j *Journal) explain(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("journal: the disk of %s is full: free some space, nothing is sent until then: %w", j.config.Dir, err)
	}
	return fmt.Errorf("journal: %w", err)
}

// start begins a new file; without one the present file stays.
func (j *Journal) start(doubt bool) error {
	number := j.current.number + 1
	if n := len(j.old); n > 0 {
		number = max(number, j.old[n-1].number+1)
	}
	path := segmentPath(j.config.Dir, number)
	f, err := j.config.create(path)
	if err != nil {
		return j.explain(err)
	}
	header := appendHeader(nil, segmentHeader{bootID: j.config.BootID, doubt: doubt})
	_, err = f.Write(header)
	if err == nil {
		err = syncDir(j.config.Dir)
	}
	if err != nil {
		return errors.Join(j.explain(err), f.Close(), os.Remove(path))
	}
	j.file = f
	j.current = segment{path: path, number: number, doubt: doubt, bytes: int64(len(header)), open: map[int64]struct{}{}}
	return nil
}

// syncDir makes the names of new files durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// lockDir keeps a second journal out of a folder. The lock ends with the
// process, however that ends.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("journal: %s cannot be opened: %w: give each worker its own name", dir, ErrInUse), f.Close())
	}
	return f, nil
}
