package workbench

import (
	"fmt"
	"os"
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

// canPause says that pauseGroup works.
const canPause = true

// pauseGroup stops a node and its children, or lets them go on.
func pauseGroup(pid int, paused bool) {
	signal := syscall.SIGCONT
	if paused {
		signal = syscall.SIGSTOP
	}
	_ = syscall.Kill(-pid, signal)
}

// memoryOf returns a process' resident memory in bytes, 0 if it is gone.
func memoryOf(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	var total, resident int64 // pages
	_, _ = fmt.Sscan(string(text), &total, &resident)
	return resident * int64(os.Getpagesize())
}
