package workbench

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

const (
	// journalBacklog is how many bytes of messages may wait for the disk. What
	// comes while it is full is counted and left out.
	journalBacklog = 16 << 20
	// journalEntryCost is what a waiting message costs beside its text, in bytes.
	journalEntryCost = 128
	// journalBuffer is how many bytes are written at a time.
	journalBuffer = 256 << 10
)

// fate is how a message ended.
type fate int

const (
	fateReceived fate = iota
	fateDropped       // by a partition
	fateLost          // a fault took it, or its node did not take it before the test ended
)

// journalEntry is a message whose fate is known.
type journalEntry struct {
	id       int
	message  message
	sent, at time.Duration // on the bench's clock
	fate     fate
}

// journal writes every message to messages.jsonl, one per line, in the order
// in which their fates were known. Whoever adds one never waits for the disk:
// entries wait in memory for one goroutine. A nil journal takes nothing. Safe
// for concurrent use.
type journal struct {
	file  io.WriteCloser
	limit int64 // bytes of the file
	done  chan struct{}
	wake  chan struct{} // holds one token if there is something to do

	mu      sync.Mutex
	waiting []journalEntry
	size    int  // of waiting, in bytes
	omitted int  // messages that came while the backlog was full
	begun   bool // start is known
	closed  bool
	start   time.Duration // zero of the times written

	// These belong to the writing goroutine until done is closed.
	written int64
	lines   int
	skipped int           // messages after the limit
	full    time.Duration // when the limit was reached
	failure error
}

// openJournal starts a journal in dir of at most limit MiB; 0 keeps none.
func openJournal(dir string, limit int) (*journal, error) {
	if limit == 0 {
		return nil, nil
	}
	f, err := os.Create(filepath.Join(dir, messagesFile))
	if err != nil {
		return nil, err
	}
	return newJournal(f, int64(limit)<<20), nil
}

func newJournal(file io.WriteCloser, limit int64) *journal {
	j := &journal{file: file, limit: limit, done: make(chan struct{}), wake: make(chan struct{}, 1)}
	go j.write()
	return j
}

// add takes a message in. The caller may hold the router's lock.
func (j *journal) add(e journalEntry) {
	if j == nil {
		return
	}
	cost := len(e.message.body) + journalEntryCost
	j.mu.Lock()
	if j.closed || j.size+cost > journalBacklog {
		j.omitted++
	} else {
		j.size += cost
		j.waiting = append(j.waiting, e)
	}
	j.mu.Unlock()
	j.nudge()
}

func (j *journal) nudge() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// begin makes start the zero of all times. Nothing is written before: messages
// that are older, such as init, get negative times.
func (j *journal) begin(start time.Duration) {
	if j == nil {
		return
	}
	j.mu.Lock()
	j.start, j.begun = start, true
	j.mu.Unlock()
	j.nudge()
}

// close writes what waits and a last line that says how complete the file is.
func (j *journal) close() error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	j.nudge()
	<-j.done
	return j.failure
}

// write is the goroutine that formats and writes.
func (j *journal) write() {
	defer close(j.done)
	w := bufio.NewWriterSize(j.file, journalBuffer)
	var line []byte
	for closed := false; !closed; {
		<-j.wake
		var batch []journalEntry
		batch, closed = j.take()
		for _, e := range batch {
			line = e.appendLine(line[:0], j.start)
			j.put(w, line, e.at-j.start)
		}
	}
	last, _ := json.Marshal(struct { // a struct of a string always marshals
		Note string `json:"note"`
	}{j.summary()})
	_, err := w.Write(append(last, '\n'))
	j.failure = errors.Join(j.failure, err, w.Flush(), j.file.Close())
}

// take empties the backlog, unless it is too early to know the times.
func (j *journal) take() (batch []journalEntry, closed bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.begun || j.closed {
		batch, j.waiting, j.size = j.waiting, nil, 0
	}
	return batch, j.closed
}

// put writes a line unless that would exceed the limit; from the first such
// line on nothing more is written, so that the file has no holes.
func (j *journal) put(w io.Writer, line []byte, at time.Duration) {
	if j.skipped > 0 || j.failure != nil {
		j.skipped++
		return
	}
	if j.written+int64(len(line)) > j.limit {
		j.skipped, j.full = 1, at
		return
	}
	j.written += int64(len(line))
	j.lines++
	_, j.failure = w.Write(line)
}

// summary tells, in the last line, whether messages are missing and why.
func (j *journal) summary() string {
	text := fmt.Sprintf("%d messages", j.lines)
	if j.skipped > 0 && j.failure == nil {
		text += fmt.Sprintf("; the limit of %d bytes (--messages-limit) was reached at %.3f s: the %d messages from there on are missing",
			j.limit, j.full.Seconds(), j.skipped)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.omitted > 0 {
		text += fmt.Sprintf("; %d messages are missing in between because the disk did not keep up", j.omitted)
	}
	return text
}

// appendLine writes the line of a message whose times count from start.
func (e journalEntry) appendLine(line []byte, start time.Duration) []byte {
	line = append(line, `{"id":`...)
	line = strconv.AppendInt(line, int64(e.id), 10)
	line = append(line, `,"src":"`...) // as in encode, ids are plain ASCII
	line = append(line, e.message.src...)
	line = append(line, `","dest":"`...)
	line = append(line, e.message.dest...)
	line = append(line, `","type":`...)
	kind := e.message.kind
	if kind == "" {
		kind = bodyType(e.message.body)
	}
	text, _ := json.Marshal(kind) // a string always marshals
	line = append(line, text...)
	line = append(line, `,"sent_ns":`...)
	line = strconv.AppendInt(line, int64(e.sent-start), 10)
	switch e.fate {
	case fateReceived:
		line = append(line, `,"received_ns":`...)
		line = strconv.AppendInt(line, int64(e.at-start), 10)
	case fateDropped:
		line = append(line, `,"dropped_ns":`...)
		line = strconv.AppendInt(line, int64(e.at-start), 10)
	default:
		line = append(line, `,"lost":true`...)
	}
	line = append(line, `,"body":`...)
	line = append(line, e.message.body...)
	return append(line, '}', '\n')
}

// journalLine is one line of messages.jsonl, as appendLine writes it, or the
// note at its end.
type journalLine struct {
	Src      string          `json:"src"`
	Dest     string          `json:"dest"`
	Type     string          `json:"type"`
	Sent     int64           `json:"sent_ns"`
	Received *int64          `json:"received_ns"`
	Dropped  *int64          `json:"dropped_ns"`
	Body     json.RawMessage `json:"body"`
	Note     string          `json:"note"`
}
