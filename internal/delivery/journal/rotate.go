package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// entrySize is about what a message takes in a file.
const entrySize = 100

// Checkpoint lets go of messages whose outcome, or whose being in doubt, the
// database has recorded. Files with nothing open in them are removed.
func (j *Journal) Checkpoint(messages ...int64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return ErrClosed
	}
	for _, m := range messages {
		delete(j.entries, m)
		delete(j.current.open, m)
		for i := range j.old {
			delete(j.old[i].open, m)
		}
	}
	return j.removeEmpty()
}

// Settled says that every message this worker had claimed before Open has its
// outcome, or its being in doubt, in the database. From here on the journal is
// complete by itself.
func (j *Journal) Settled() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.usable(); err != nil {
		return err
	}
	if err := j.replace(false); err != nil {
		return err
	}
	// What was written since Open is still open and moves to the new file: the
	// ones before say doubt at their head. All else is let go.
	since := map[int64]Entry{}
	for _, s := range j.old {
		for m := range s.open {
			if e, ok := j.entries[m]; ok && s.number >= j.first {
				since[m] = e
			}
		}
	}
	if err := j.move(since); err != nil {
		return err
	}
	j.entries = since
	for i := range j.old {
		clear(j.old[i].open)
	}
	return j.removeEmpty()
}

// rotate begins a new file and keeps their number small.
func (j *Journal) rotate() error {
	if err := j.replace(j.current.doubt); err != nil {
		return err
	}
	for len(j.old) > maxSegments {
		stuck := map[int64]Entry{}
		for m := range j.old[0].open {
			if e, ok := j.entries[m]; ok {
				stuck[m] = e
			}
		}
		// A file that is mostly still open would only be written anew.
		if int64(len(stuck))*entrySize > j.config.SegmentBytes/4 {
			break
		}
		if err := j.move(stuck); err != nil {
			return err
		}
		clear(j.old[0].open)
		if err := j.removeEmpty(); err != nil {
			return err
		}
	}
	return j.removeEmpty()
}

// replace makes a new file the current one. The one before is synced: nothing
// will be written to it again.
func (j *Journal) replace(doubt bool) error {
	previous, f := j.current, j.file
	if err := j.failSync(f.Sync()); err != nil {
		return err
	}
	if err := j.start(doubt); err != nil {
		return err
	}
	j.old = append(j.old, previous)
	return f.Close()
}

// move writes entries of older files to the current one, and syncs.
func (j *Journal) move(entries map[int64]Entry) error {
	for m, e := range entries {
		j.buf = appendEntry(j.buf[:0], e)
		if err := j.write(j.buf); err != nil {
			return err
		}
		j.current.open[m] = struct{}{}
	}
	return j.failSync(j.file.Sync())
}

func appendEntry(dst []byte, e Entry) []byte {
	if e.State == Replied {
		return appendReply(dst, e.Reply)
	}
	return appendIntent(dst, e.Message, e.Fence, e.At)
}

// removeEmpty removes old files with nothing open in them, from the oldest on:
// a message's older records must not outlive its newer ones.
func (j *Journal) removeEmpty() error {
	for len(j.old) > 0 && len(j.old[0].open) == 0 {
		if err := os.Remove(j.old[0].path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("journal: %w", err)
		}
		j.old = j.old[1:]
	}
	return nil
}
