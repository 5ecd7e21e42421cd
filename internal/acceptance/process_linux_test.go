package acceptance

import "syscall"

// attributes have the kernel end a process with the test, whatever ends that.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
