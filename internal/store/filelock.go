package store

import (
	"fmt"
	"os"
	"syscall"
)

// fileLock makes a second `serve` on one embedded file impossible. The kernel
// drops it with the process, so a kill leaves nothing behind.
type fileLock struct{ file *os.File }

func lockFile(name string) (*fileLock, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("cannot lock the database: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s is in use by another rapport process: an embedded database has one; "+
			"stop it, or name a PostgreSQL database in rapport.yaml to run many", name[:len(name)-len(".lock")])
	}
	return &fileLock{f}, nil
}

func (l *fileLock) release() {
	if l.file != nil {
		l.file.Close()
	}
}
