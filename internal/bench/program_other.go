//go:build !linux

package bench

import (
	"syscall"
	"time"
)

// attributes put a process into a group of its own, so that Ctrl-C reaches only us.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// sleep waits as well as the language does.
func sleep(d time.Duration) { <-time.After(d) }
