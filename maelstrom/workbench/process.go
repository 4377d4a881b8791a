package workbench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// CrashError says that a node ended before the test did. Main answers it with
// exit code 255, as Maelstrom does.
type CrashError struct {
	// Node is its name.
	Node string
	// Status is how it ended, as in "exit status 0" or "signal: killed".
	Status string
	// Tail holds its last stderr lines.
	Tail []string
}

// Error names node and status and shows the last stderr lines.
func (e *CrashError) Error() string {
	text := fmt.Sprintf("node %s ended (%s) while the test was running; a node must stay up until it is killed", e.Node, e.Status)
	if len(e.Tail) == 0 {
		return text + "; it wrote nothing to stderr"
	}
	return text + ". Its last stderr lines:\n  " + strings.Join(e.Tail, "\n  ")
}

// running is a node program as the bench sees it once it is started: three
// streams, and how it ends. It is an operating system process (program.go), or
// a function in the bench's own tests, which then take no time.
type running struct {
	stdin          io.WriteCloser
	stdout, stderr io.ReadCloser
	// wait returns how the program ended, once it is gone. It is called once.
	wait func() string
	// kill ends the program and whatever it has started. It does not wait.
	kill func()
	// pause stops the program without its noticing, or lets it go on.
	pause func(bool)
	// memory returns the bytes of memory that the program uses, 0 if unknown.
	memory func() int64
}

// launcher starts a node program.
type launcher func(id string, opts Options) (*running, error)

// process is one running node. The router's feed goroutine owns stdin.
type process struct {
	*running
	id   string
	tail tail
	log  *os.File
	// ctx ends with the process, if it is stopped and does not end by itself.
	ctx    context.Context
	cancel context.CancelFunc
	end    sync.Once
	// servants are the goroutines that feed it, read what it prints and watch
	// it. They end with ctx and the streams.
	servants sync.WaitGroup
	// stderrDone is closed when stderr has been read to its end.
	stderrDone chan struct{}
	// exited is closed when the process is gone, after status was set.
	exited chan struct{}
	status string
}

// startProcess starts a node under the name id. What it prints on stderr is
// added to a file.
func startProcess(ctx context.Context, launch launcher, id string, opts Options, logPath string) (*process, error) {
	p := &process{id: id, stderrDone: make(chan struct{}), exited: make(chan struct{})}
	p.ctx, p.cancel = context.WithCancel(ctx)
	if err := os.MkdirAll(filepath.Dir(logPath), 0o755); err != nil {
		return nil, err
	}
	var err error
	if p.log, err = os.OpenFile(logPath, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644); err != nil {
		return nil, err
	}
	if p.running, err = launch(id, opts); err != nil {
		_ = p.log.Close()
		return nil, fmt.Errorf("cannot start node %s: %w", id, err)
	}
	go func() {
		p.status = p.wait()
		close(p.exited)
	}()
	return p, nil
}

// stop kills the process and its children and waits until it is gone, and with
// it whoever served it: a late servant would take a message that is for the
// node's next life. It may be called again. Closing our ends of the pipes ends the goroutines that read and write them, even if
// a grandchild keeps the other ends open.
func (p *process) stop() {
	p.end.Do(func() { // a process id may soon be somebody else's
		p.cancel()
		p.kill()
		<-p.exited
		for _, f := range []io.Closer{p.stdin, p.stdout, p.stderr} {
			_ = f.Close()
		}
		p.servants.Wait()
	})
}

// watch reports the death of a node that nobody stopped. It reads on for a
// moment what the node left on stderr.
func (p *process) watch(fail func(error)) {
	select {
	case <-p.ctx.Done():
		return
	case <-p.exited:
	}
	t := time.NewTimer(crashDrainLimit)
	defer t.Stop()
	select {
	case <-p.stderrDone:
	case <-t.C:
	}
	if p.ctx.Err() == nil {
		fail(&CrashError{Node: p.id, Status: p.status, Tail: p.tail.lines()})
	}
}

// readStderr copies stderr to the log file, and to echo unless it is nil.
func (p *process) readStderr(echo io.Writer) {
	defer close(p.stderrDone)
	defer p.log.Close()
	r := bufio.NewReader(p.stderr)
	for {
		line, err := r.ReadString('\n')
		if line != "" {
			_, _ = p.log.WriteString(line)
			p.tail.add(strings.TrimRight(line, "\r\n"))
			if echo != nil {
				_, _ = fmt.Fprintf(echo, "%s: %s\n", p.id, strings.TrimRight(line, "\r\n"))
			}
		}
		if err != nil {
			return
		}
	}
}

// readStdout hands each line to handle until stdout ends. Lines end as Java's
// readLine ends them: at \n, \r or both.
func (p *process) readStdout(handle func(line []byte)) {
	readLines(p.stdout, stdoutLineLimit, handle)
}

// readLines splits r into lines. A line longer than limit is cut there, which
// makes it bad JSON and hence a fault. What follows the last line end is the
// rest of a process that died while it wrote, and is left out.
func readLines(r io.Reader, limit int, handle func(line []byte)) {
	br := bufio.NewReaderSize(r, feedBatch)
	var long []byte
	for {
		part, err := br.ReadSlice('\n')
		if len(long) > 0 || errors.Is(err, bufio.ErrBufferFull) {
			if room := limit - len(long); len(part) > room {
				part = part[:room]
			}
			long = append(long, part...)
			if errors.Is(err, bufio.ErrBufferFull) {
				continue
			}
			part = long
		}
		if err != nil {
			return
		}
		splitReturns(part, handle)
		long = nil
	}
}

// splitReturns handles one line that may hold carriage returns.
func splitReturns(line []byte, handle func([]byte)) {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	start := 0
	for i, c := range line {
		if c == '\r' {
			handle(line[start:i])
			start = i + 1
		}
	}
	handle(line[start:])
}

// tail keeps the last lines of a log. Safe for concurrent use.
type tail struct {
	mu   sync.Mutex
	last []string
}

func (t *tail) add(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.last) == crashTailLines {
		t.last = append(t.last[:0], t.last[1:]...)
	}
	t.last = append(t.last, line)
}

func (t *tail) lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.last...)
}
