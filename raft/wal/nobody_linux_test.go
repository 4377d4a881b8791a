package wal_test

import (
	"os"
	"runtime"
	"syscall"
	"testing"
)

// asNobody does something with the permissions of a user who owns nothing, if the test has the right to become one; else it is none whom permissions
// do not bind.
func asNobody(t *testing.T, do func()) {
	t.Helper()
	if os.Getuid() != 0 {
		do()
		return
	}
	const nobody = 65534
	runtime.LockOSThread() // the user for files belongs to the thread
	defer runtime.UnlockOSThread()
	if err := syscall.Setfsuid(nobody); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Setfsuid(0) }()
	do()
}
