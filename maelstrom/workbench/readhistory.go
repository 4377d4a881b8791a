package workbench

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FileError is a file that cannot be read as a history.
type FileError struct {
	// File is its path. Line counts from 1 and is 0 if no line is to blame.
	File string
	Line int
	// Err says what is wrong.
	Err error
}

// Error says it all in one line.
func (e *FileError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %v", e.File, e.Err)
	}
	return fmt.Sprintf("%s: line %d: %v", e.File, e.Line, e.Err)
}

// Unwrap returns Err.
func (e *FileError) Unwrap() error { return e.Err }

// loaded is what a history file tells.
type loaded struct {
	ops   []*op
	notes []string // what a person should know about how it was read
}

// readHistoryFile reads a history in either notation, compressed or not.
func readHistoryFile(path string) (loaded, error) {
	f, err := os.Open(path)
	if err != nil {
		if known := (*os.PathError)(nil); errors.As(err, &known) {
			err = known.Err // FileError names the path
		}
		return loaded{}, &FileError{File: path, Err: err}
	}
	defer func() { _ = f.Close() }() // it was only read
	l, err := readHistory(f)
	if err != nil {
		bad := &FileError{File: path, Err: err}
		if known := (*lineError)(nil); errors.As(err, &known) {
			bad.Line, bad.Err = known.line, known.err
		} else if known := (*os.PathError)(nil); errors.As(err, &known) {
			bad.Err = known.Err
		}
		return loaded{}, bad
	}
	return l, nil
}

// source gives the events of a history file in order, then io.EOF. An event
// that is not a client's is nil.
type source interface {
	next() (*loggedEvent, error)
	// notes tells what was passed over, once next has returned io.EOF.
	notes() []string
}

// readHistory reads a history from its beginning. What is inside, and not the
// name of a file, says which notation it is.
func readHistory(r io.Reader) (loaded, error) {
	in := bufio.NewReader(r)
	if magic, _ := in.Peek(2); string(magic) == "\x1f\x8b" {
		z, err := gzip.NewReader(in)
		if err != nil {
			return loaded{}, err
		}
		in = bufio.NewReader(z)
	}
	head, err := in.Peek(in.Size())
	if len(head) == 0 && err != io.EOF {
		return loaded{}, err
	}
	var from source = &ednHistory{r: newEDNReader(in)}
	if object, ok := bytes.CutPrefix(bytes.TrimSpace(head), []byte("{")); ok && bytes.HasPrefix(bytes.TrimSpace(object), []byte(`"`)) {
		from = newJSONHistory(in)
	}
	p := pairing{open: map[int]pending{}, lastIndex: -1}
	for {
		e, err := from.next()
		switch {
		case err == io.EOF:
			p.end()
			return loaded{p.ops, append(from.notes(), p.notes()...)}, nil
		case err != nil:
			return loaded{}, err
		}
		if err := p.add(e); err != nil {
			return loaded{}, &lineError{e.line, err}
		}
	}
}

// loggedEvent is an event of a client as a file tells it.
type loggedEvent struct {
	line    int
	index   int // -1 if the file does not say
	time    time.Duration
	process int
	kind    string // kindInvoke or an outcome
	f       string
	key     int
	value   string // canonical JSON text
	code    int
}

const kindInvoke = "invoke"

// pairing makes operations of events. An operation whose process never says
// how it ended, or says that it does not know, has an unknown outcome for
// good: whatever that process does later is another operation.
type pairing struct {
	ops       []*op
	open      map[int]pending // by process
	events    int
	lastIndex int
	lastTime  time.Duration
	unended   int
}

// pending is an operation that has not ended yet.
type pending struct {
	op   *op
	line int
}

// add takes the next event, which is nil if it is not a client's.
func (p *pairing) add(e *loggedEvent) error {
	p.events++
	if e == nil {
		return nil
	}
	if e.index >= 0 {
		if e.index <= p.lastIndex {
			return fmt.Errorf("event %d follows event %d: the history is not in order", e.index, p.lastIndex)
		}
		p.lastIndex = e.index
	}
	p.lastTime = e.time
	if !slices.Contains([]string{fRead, fWrite, fCAS}, e.f) {
		return fmt.Errorf("its f is %q and none of read, write and cas: this is not a lin-kv history", e.f)
	}
	if e.kind == kindInvoke {
		return p.invoke(e)
	}
	return p.complete(e)
}

func (p *pairing) invoke(e *loggedEvent) error {
	if other, busy := p.open[e.process]; busy {
		return fmt.Errorf("process %d starts an operation, but the one that it started on line %d has not ended", e.process, other.line)
	}
	if e.f == fCAS {
		var pair []json.RawMessage
		if json.Unmarshal([]byte(e.value), &pair) != nil || len(pair) != 2 {
			return fmt.Errorf("the value of a cas must be a pair, not %.100s", e.value)
		}
	}
	o := &op{
		Thread: e.process, Process: e.process, F: e.f, Key: e.key, Value: e.value,
		Outcome: outcomeInfo, Invoke: e.time, InvokeIndex: p.events - 1,
	}
	p.ops = append(p.ops, o)
	p.open[e.process] = pending{o, e.line}
	return nil
}

func (p *pairing) complete(e *loggedEvent) error {
	start, ok := p.open[e.process]
	o := start.op
	switch {
	case !slices.Contains([]outcome{outcomeOK, outcomeFail, outcomeInfo}, outcome(e.kind)):
		return fmt.Errorf("its type is %q and none of invoke, ok, fail and info", e.kind)
	case !ok:
		return fmt.Errorf("process %d ends an operation that it has not started", e.process)
	case o.F != e.f || o.Key != e.key || o.F != fRead && o.Value != e.value:
		return fmt.Errorf("process %d ends a %s of key %d, but started another operation on line %d", e.process, e.f, e.key, start.line)
	}
	delete(p.open, e.process)
	o.Outcome, o.Return, o.ReturnIndex = outcome(e.kind), e.time, p.events-1
	if o.Outcome != outcomeOK {
		o.Code = e.code
	} else if o.F == fRead {
		o.Result = e.value
	}
	return nil
}

// end closes what is open: it may have happened at any time.
func (p *pairing) end() {
	p.unended = len(p.open)
	for _, start := range p.open {
		start.op.Return, start.op.ReturnIndex = p.lastTime, p.events
	}
}

func (p *pairing) notes() []string {
	if p.unended == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%d operations never ended; whether they happened is taken to be unknown", p.unended)}
}

// codeOf returns the code that codeName spells like this.
func codeOf(name string) int {
	if name == "" {
		return codeNone
	}
	for code, known := range codeNames {
		if known == name {
			return code
		}
	}
	if digits, ok := strings.CutPrefix(name, "code-"); ok {
		if code, err := strconv.Atoi(digits); err == nil && code > 0 && code <= math.MaxInt32 {
			return code
		}
	}
	return codeUnknown
}

// jsonHistory reads what writeHistory writes.
type jsonHistory struct {
	lines *bufio.Scanner
	line  int
	note  []string
}

func newJSONHistory(r io.Reader) *jsonHistory {
	h := &jsonHistory{lines: bufio.NewScanner(r)}
	h.lines.Buffer(nil, historyFormLimit)
	h.lines.Split(wholeLines)
	return h
}

// wholeLines splits like bufio.ScanLines but leaves the line ends on, which
// tells a whole line from one that was cut off.
func wholeLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i+1], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

func (h *jsonHistory) notes() []string { return h.note }

func (h *jsonHistory) next() (*loggedEvent, error) {
	for h.lines.Scan() {
		h.line++
		text := h.lines.Bytes()
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		if !json.Valid(text) && text[len(text)-1] != '\n' {
			h.note = append(h.note, fmt.Sprintf("line %d, the last one, is cut off: the history is read up to there", h.line))
			return nil, io.EOF
		}
		e, err := h.event(text)
		if err != nil {
			return nil, &lineError{h.line, err}
		}
		return e, nil
	}
	switch err := h.lines.Err(); {
	case err == nil:
		return nil, io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF): // the end of the compressed file is missing
		h.note = append(h.note, fmt.Sprintf("the file is cut off after line %d: the history is read up to there", h.line))
		return nil, io.EOF
	case errors.Is(err, bufio.ErrTooLong):
		return nil, &lineError{h.line + 1, fmt.Errorf("it is longer than %d bytes", historyFormLimit)}
	default:
		return nil, &lineError{h.line + 1, err}
	}
}

// event reads one line. An event of the nemesis is nil.
func (h *jsonHistory) event(text []byte) (*loggedEvent, error) {
	var e struct {
		event
		Index   *int            `json:"index"`
		Process json.RawMessage `json:"process"`
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return nil, fmt.Errorf("it is not an event: %w", err)
	}
	process, ok := asInt(e.Process)
	switch {
	case e.Process == nil:
		return nil, errors.New("it is not an event: it has no process")
	case !ok:
		return nil, nil
	case e.Key == nil || e.Value == nil:
		return nil, errors.New("it is not an event of a client: it has no key or no value")
	}
	read := &loggedEvent{
		line: h.line, index: -1, time: time.Duration(e.Time), process: int(process), kind: e.Type, f: e.F,
		key: *e.Key, value: canonical(e.Value), code: codeOf(e.Error),
	}
	if e.Index != nil {
		read.index = *e.Index
	}
	if e.Code != nil && *e.Code > 0 {
		read.code = *e.Code
	}
	return read, nil
}
