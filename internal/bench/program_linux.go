package bench

import "syscall"

// attributes have the kernel end a process with us, whatever ends us.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
