//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package wal

import (
	"errors"
	"os"
	"syscall"
)

// noLocks is why there is no lock on this system, or nil.
var noLocks error

// exclusive is the lock of a node, shared the one of somebody who only asks.
const (
	exclusive = syscall.LOCK_EX
	shared    = syscall.LOCK_SH
)

// lock takes a lock that the system gives back when the file is closed or the process ends, however it ends.
func lock(f *os.File, kind int) error {
	err := syscall.Flock(int(f.Fd()), kind|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrLocked
	}
	return err
}

// isFull says that an error ends when somebody makes room.
func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }
