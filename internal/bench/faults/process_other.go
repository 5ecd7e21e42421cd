//go:build !linux

package faults

import "syscall"

// attributes: elsewhere nobody ends a process with its parent.
func attributes() *syscall.SysProcAttr { return nil }
