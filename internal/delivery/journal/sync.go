package journal

import (
	"errors"
	"fmt"
	"time"
)

// Sync returns when all that was written so far is on the disk.
func (j *Journal) Sync() error {
	j.mu.Lock()
	f, err := j.file, j.usable()
	j.mu.Unlock()
	if err != nil {
		return err
	}
	err = f.Sync()
	j.mu.Lock()
	defer j.mu.Unlock()
	if f != j.file || j.closed {
		return nil // it was replaced meanwhile, and synced for that
	}
	return j.failSync(err)
}

// failSync takes the result of a sync. After a failed one the system may have
// dropped what it could not write, and says so only once: nothing more may be
// sent on the strength of this journal.
func (j *Journal) failSync(err error) error {
	if err != nil {
		j.broken = fmt.Errorf("journal: %s could not be synced to disk: check the disk, then restart this worker: %w", j.current.path, err)
		return j.broken
	}
	return nil
}

// syncLoop syncs what was written while the last sync ran.
func (j *Journal) syncLoop() {
	defer close(j.stopped)
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-j.stop:
			return
		case <-pause.C:
		}
		select {
		case <-j.stop:
			return
		case <-j.dirty:
			// An error stays in the journal and meets the next Intent.
			_ = j.Sync()
			pause.Reset(j.config.SyncEvery)
		}
	}
}

// Close syncs and closes the journal. Its files stay for the next Open.
func (j *Journal) Close() error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return nil
	}
	j.closed = true
	j.mu.Unlock()
	close(j.stop)
	<-j.stopped
	return errors.Join(j.file.Sync(), j.file.Close(), j.lock.Close())
}
