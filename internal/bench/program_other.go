//go:build !linux

package bench

import "syscall"

// attributes put a process into a group of its own, so that Ctrl-C reaches only us.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
