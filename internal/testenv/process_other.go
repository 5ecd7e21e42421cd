//go:build !linux

package testenv

import (
	"os"
	"path/filepath"
	"syscall"
)

// account is the system user that a server runs as; only Linux needs one.
type account struct{}

func unprivileged(string) (*account, error) { return nil, nil }

func (a *account) own(string) error { return nil }

func attributes(*account) *syscall.SysProcAttr { return nil }

func killGroup(p *os.Process) {
	_ = p.Kill() // already gone is fine
}

// lockFile is asked for our own folder and for those of others; without locks
// those of dead processes stay.
func lockFile(f *os.File) bool { return filepath.Ext(f.Name()) == ".new" }
