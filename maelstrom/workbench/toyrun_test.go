package workbench

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// toyOptions are those of a short test of a toy.
func toyOptions(t *testing.T, seconds float64) Options {
	t.Helper()
	o := DefaultOptions()
	bin, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o.Bin, o.Store = bin, t.TempDir()
	o.NodeCount, o.Rate, o.TimeLimit, o.Seed = 3, 300, seconds, 7
	o.WatchLeader = watchOff
	return o
}

// run runs a test of toys on virtual time, within the process: a minute takes
// no longer than its work does, and a busy machine makes no difference.
func run(t *testing.T, defect string, o Options) (r Result, text string, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		out := &testWriter{}
		var b *bench
		if b, err = newBench(o, out); err != nil {
			return
		}
		b.launch, b.sleep = launchToy(defect), coarseSleep
		start := time.Now()
		r, err = b.run(t.Context())
		t.Logf("%s took %v:\n%s", defect, time.Since(start), out)
		text = out.String()
	})
	return r, text, err
}

// runProcesses runs a test of toys as real processes.
func runProcesses(ctx context.Context, t *testing.T, defect string, o Options) (Result, string, error) {
	t.Helper()
	o.env = []string{toyVariable + "=" + defect}
	out := &testWriter{}
	start := time.Now()
	r, err := Run(ctx, o, out)
	t.Logf("%s took %v:\n%s", defect, time.Since(start), out)
	return r, out.String(), err
}

// launchToy starts toys as functions.
func launchToy(defect string) launcher {
	return func(_ string, opts Options) (*running, error) {
		in, stdin := io.Pipe()
		stdout, out := io.Pipe()
		stderr, errs := io.Pipe()
		status := make(chan int, 1)
		g := newGate()
		go func() {
			code := runToy(defect, opts.NodeArgs, g, in, out, errs)
			for _, f := range []io.Closer{in, out, errs} {
				_ = f.Close()
			}
			status <- code
		}()
		return &running{
			stdin: stdin, stdout: stdout, stderr: stderr,
			wait: func() string { return fmt.Sprintf("exit status %d", <-status) },
			kill: func() {
				for _, f := range []io.Closer{stdin, stdout, stderr} {
					_ = f.Close()
				}
				g.close(false)
			},
			pause:  g.close,
			memory: func() int64 { return 0 },
		}, nil
	}
}

// gate stops a toy that is a function, as SIGSTOP does.
type gate struct {
	mu     sync.Mutex
	opened sync.Cond
	closed bool
}

func newGate() *gate {
	g := &gate{}
	g.opened.L = &g.mu
	return g
}

func (g *gate) pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.closed {
		g.opened.Wait()
	}
}

func (g *gate) close(closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = closed
	g.opened.Broadcast()
}
