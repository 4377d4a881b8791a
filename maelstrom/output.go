package maelstrom

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"
	"unicode/utf8"
)

// output is the one way to stdout. Maelstrom silences a node for the rest of a test after a single line that it does not understand,
// so nothing goes out that has not been looked at; and a reader that is slow, or gone, must not stop the core, so nothing here waits
// for it but the writer itself.
//
// Safe for concurrent use.
type output struct {
	w     io.Writer
	drops *drops
	// limits in bytes: what may wait before messages to peers are dropped, and before everything is.
	peersLimit, limit int

	mu      sync.Mutex
	prefix  []byte // how each of our lines begins; empty until we have a name
	dests   clientSet
	line    []byte // the beginning of a line
	queue   []byte // whole lines
	writing int    // bytes that the writer has taken and not written yet
	closed  bool

	wake    chan struct{} // there is something to write, or to end
	drained chan struct{} // the writer has written
	ended   chan struct{}
}

// newOutput returns an output; run starts it.
func newOutput(w io.Writer, d *drops) *output {
	return &output{
		w: w, drops: d, peersLimit: maxQueuedForPeers, limit: maxQueued, dests: clientSet{recent: map[string]struct{}{}},
		wake: make(chan struct{}, 1), drained: make(chan struct{}, 1), ended: make(chan struct{}),
	}
}

// name says who we are and who our peers are.
func (o *output) name(id string, peers []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	src, _ := json.Marshal(id) // a string can always be marshalled
	o.prefix = append(append([]byte(`{"src":`), src...), `,"dest":`...)
	o.dests.always = map[string]struct{}{}
	for _, p := range peers {
		o.dests.always[p] = struct{}{}
	}
}

// allow notes that a client has asked something, and so exists.
func (o *output) allow(client string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dests.add(client)
}

// Write implements io.Writer for the library's Node. It never waits and never fails: a line that must not or cannot go out is
// dropped and counted.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for rest := p; len(rest) > 0; {
		text, after, ended := bytes.Cut(rest, []byte{'\n'})
		o.line = append(o.line, text...)
		rest = after
		if ended {
			o.lineEnds()
		}
	}
	return len(p), nil
}

// lineEnds queues the line that has been gathered, if it may go out.
func (o *output) lineEnds() {
	if err := o.check(o.line); err != nil {
		o.drops.add(slog.LevelError, dropBadOutput, "error", err, "line", excerpt(o.line))
	} else if o.closed || o.queued()+len(o.line) > o.limit {
		o.drops.add(slog.LevelWarn, dropFull, "line", excerpt(o.line))
	} else {
		o.queue = append(append(o.queue, o.line...), '\n')
		wake(o.wake)
	}
	o.line = emptied(o.line)
}

// check says why a line must not go out, or nil. The library builds an envelope from valid JSON and always in the same order, so its shape
// is all there is to look at.
func (o *output) check(line []byte) error {
	if len(o.prefix) == 0 {
		return errors.New("nothing may be sent before init")
	}
	rest, ok := bytes.CutPrefix(line, o.prefix)
	if !ok || len(rest) == 0 || rest[0] != '"' {
		return errors.New("it does not begin with our own src and a dest")
	}
	if !utf8.Valid(line) {
		return errUTF8
	}
	dest := cursor{rest: rest}
	if to := string(unquote(dest.value())); !o.dests.has(to) {
		return errors.New("its dest is neither a peer nor a client that has asked something")
	}
	body, ok := bytes.CutPrefix(dest.rest, []byte(`,"body":`))
	if !ok || len(body) == 0 || body[0] != '{' {
		return errors.New("its body is not an object")
	}
	end := cursor{rest: body}
	end.value()
	if string(end.rest) != "}" {
		return errors.New("something follows its body")
	}
	return nil
}

// crowded says whether so much waits for stdout that messages to peers are better dropped.
func (o *output) crowded() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.queued() > o.peersLimit
}

func (o *output) queued() int { return len(o.queue) + o.writing }

// await waits until there is room, for maxPause at the longest, and says whether there is. Only one goroutine may call it.
func (o *output) await() bool {
	if !o.crowded() {
		return true
	}
	timeout := time.NewTimer(maxPause)
	defer timeout.Stop()
	for o.crowded() {
		select {
		case <-o.drained:
		case <-timeout.C:
			return false
		}
	}
	return true
}

// run writes until the output is closed and empty. What cannot be written is lost: whoever read it is gone.
func (o *output) run() {
	defer close(o.ended)
	var batch []byte
	for {
		<-o.wake
		o.mu.Lock()
		batch, o.queue = o.queue, emptied(batch)
		o.writing = len(batch)
		closed := o.closed
		o.mu.Unlock()

		if len(batch) > 0 {
			if _, err := o.w.Write(batch); err != nil {
				o.drops.add(slog.LevelError, dropFull, "error", err)
			}
		}

		o.mu.Lock()
		o.writing = 0
		o.mu.Unlock()
		wake(o.drained)
		if closed {
			return
		}
	}
}

// close refuses further lines and gives the writer some time to write what is queued.
func (o *output) close() {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	wake(o.wake)
	select {
	case <-o.ended:
	case <-time.After(flushLimit):
	}
}

// wake wakes whoever waits on a channel of capacity one, now or next.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// emptied returns a buffer for reuse, or none if a rare large line has made it large.
func emptied(buffer []byte) []byte {
	if cap(buffer) > keepBuffer {
		return nil
	}
	return buffer[:0]
}

// excerpt returns the beginning of a line, for a log.
func excerpt(line []byte) string {
	const most = 200
	if len(line) > most {
		return string(bytes.ToValidUTF8(line[:most], []byte("?"))) + "..."
	}
	return string(bytes.ToValidUTF8(line, []byte("?")))
}

// clientSet remembers names in bounded space: those that were added among the last clientGeneration different ones for sure, and none
// that was added before twice as many.
type clientSet struct {
	always        map[string]struct{} // the peers
	recent, older map[string]struct{}
}

func (s *clientSet) add(name string) {
	if _, known := s.recent[name]; known {
		return
	}
	if len(s.recent) == clientGeneration {
		s.recent, s.older = map[string]struct{}{}, s.recent
	}
	s.recent[name] = struct{}{}
}

func (s *clientSet) has(name string) bool {
	for _, names := range []map[string]struct{}{s.always, s.recent, s.older} {
		if _, known := names[name]; known {
			return true
		}
	}
	return false
}
