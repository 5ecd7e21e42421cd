package faults

import (
	"errors"
	"fmt"
	"syscall"
)

// mount puts a small disk, in memory, on a folder.
func mount(dir string, size int) error {
	err := syscall.Mount("none", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size))
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		return fmt.Errorf("%w: only root may mount a small disk", ErrMissing)
	}
	return err
}

func unmount(dir string) error { return syscall.Unmount(dir, syscall.MNT_DETACH) }
