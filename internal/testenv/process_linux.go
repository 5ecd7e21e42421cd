package testenv

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
)

// account is the system user that a server runs as.
type account struct{ uid, gid uint32 }

// unprivileged returns the account to use when this process is root, nil when
// it is not.
func unprivileged(name string) (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("this server refuses to run as root and there is no user %q: %w", name, err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &account{uid: uint32(uid), gid: uint32(gid)}, nil
}

// own hands the file to the account.
func (a *account) own(path string) error {
	if a == nil {
		return nil
	}
	return os.Chown(path, int(a.uid), int(a.gid))
}

// attributes puts the child into a process group of its own and has the kernel
// end it with us, whatever ends us. The signal is sent when the thread that
// started the child ends; Go ends a thread only when a goroutine that is locked
// to it returns, and none here is.
func attributes(a *account) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGINT}
	if a != nil {
		attr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return attr
}

// killGroup kills the process and its children. PostgreSQL puts each of its own
// into a session, where a signal to the group does not reach them, and what one
// of them is doing it would finish. So the parent is stopped first, that it makes
// no more of them, and they are killed by their ids.
func killGroup(p *os.Process) {
	_ = p.Signal(syscall.SIGSTOP) // already gone is fine, here and below
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", p.Pid, p.Pid))
	for _, field := range strings.Fields(string(children)) {
		if pid, err := strconv.Atoi(field); err == nil && pid > 1 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	_ = syscall.Kill(-p.Pid, syscall.SIGKILL)
}

// lockFile locks the file for this process and says whether it could.
func lockFile(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
