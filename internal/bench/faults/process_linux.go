package faults

import "syscall"

// attributes have the kernel end a process with this one, whatever ends that.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
