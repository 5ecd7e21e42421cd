//go:build unix

package bench

import (
	"syscall"
	"time"
)

// cpuTime is how long the processors have worked for this process so far, in
// user mode and in the kernel.
func cpuTime() (time.Duration, bool) {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0, false
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), true
}
