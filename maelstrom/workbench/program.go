package workbench

import (
	"os"
	"os/exec"
)

// launchProgram starts the node program that the options name. Its streams are
// plain pipes: os/exec adds no goroutines of its own, so Wait waits for the
// process alone.
func launchProgram(_ string, opts Options) (*running, error) {
	// Deliberately no context: processes end by stop, on every path.
	cmd := exec.Command(opts.Bin, opts.NodeArgs...)
	cmd.Env = append(os.Environ(), opts.env...)
	cmd.Dir = os.TempDir()
	isolate(cmd)
	ours, theirs, err := openPipes()
	if err != nil {
		return nil, err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs[0], theirs[1], theirs[2]
	err = cmd.Start()
	closeAll(theirs)
	if err != nil {
		closeAll(ours)
		return nil, err
	}
	return &running{
		stdin: ours[0], stdout: ours[1], stderr: ours[2],
		wait: func() string {
			_ = cmd.Wait() // its error is the state
			return cmd.ProcessState.String()
		},
		kill:   func() { killGroup(cmd.Process.Pid) },
		pause:  func(paused bool) { pauseGroup(cmd.Process.Pid, paused) },
		memory: func() int64 { return memoryOf(cmd.Process.Pid) },
	}, nil
}

// openPipes makes pipes for stdin, stdout and stderr, in this order, and
// returns our ends and the child's.
func openPipes() (ours, theirs []*os.File, err error) {
	for i := range 3 {
		read, write, err := os.Pipe()
		if err != nil {
			closeAll(append(ours, theirs...))
			return nil, nil, err
		}
		if i == 0 {
			read, write = write, read // stdin: we write
		}
		ours, theirs = append(ours, read), append(theirs, write)
	}
	return ours, theirs, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}
