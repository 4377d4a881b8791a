package workbench

import (
	"os/exec"
	"syscall"
	"time"
)

// shortSleep sleeps for at most a few milliseconds, to within about 0.1 ms.
func shortSleep(d time.Duration) {
	ts := syscall.NsecToTimespec(int64(d))
	// An early wake-up by a signal costs precision, nothing else.
	_ = syscall.Nanosleep(&ts, nil)
}

// isolate puts a node into its own process group, so that Ctrl-C reaches the
// bench only and a node's own children end with it, and lets the kernel kill
// the node if the bench itself is killed.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// killGroup kills a node and its children.
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }
