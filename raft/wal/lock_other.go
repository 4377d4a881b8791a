//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package wal

import (
	"fmt"
	"os"
	"runtime"
)

// noLocks refuses every directory. A file that is made to say "in use" would survive a kill and then keep the node from starting, or have to be
// taken for old on a guess; two processes on one directory would each destroy what the other has promised. So there is no half lock here.
var noLocks = fmt.Errorf("a data directory cannot be used on %s: the system has no flock, the lock that ends with its process. "+
	"Run the node without a data directory, or on Linux, macOS or a BSD", runtime.GOOS)

const (
	exclusive = iota
	shared
)

// lock is not called.
func lock(*os.File, int) error { return noLocks }

// isFull is not asked: nothing is ever written.
func isFull(error) bool { return false }
