//go:build !linux

package workbench

import (
	"os"
	"os/exec"
	"time"
)

// shortSleep sleeps; the runtime's timers have to do here.
func shortSleep(d time.Duration) { time.Sleep(d) }

// isolate does nothing here.
func isolate(*exec.Cmd) {}

// killGroup kills a node.
func killGroup(pid int) {
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill()
	}
}

// canPause says that pauseGroup does not work.
const canPause = false

// pauseGroup does nothing here: Options.Validate refuses pauses.
func pauseGroup(int, bool) {}

// memoryOf knows nothing here.
func memoryOf(int) int64 { return 0 }
