package bench

import "syscall"

// attributes put a process into a group of its own, so that Ctrl-C reaches only us,
// and have the kernel end it with us, whatever ends us.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
