package bench

import (
	"syscall"
	"time"
)

// attributes put a process into a group of its own, so that Ctrl-C reaches only us,
// and have the kernel end it with us, whatever ends us.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// sleep waits to a few dozen microseconds; it takes a thread for that time.
func sleep(d time.Duration) {
	for left := syscall.NsecToTimespec(int64(d)); d > 0; {
		if syscall.Nanosleep(&left, &left) == nil {
			return
		}
	}
}
