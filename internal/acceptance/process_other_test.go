//go:build !linux

package acceptance

import "syscall"

func attributes() *syscall.SysProcAttr { return nil }
