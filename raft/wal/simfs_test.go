package wal_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"maelraft/raft/wal"
)

var errCrash = errors.New("crash")

// simFS is a directory that knows what a power cut would leave of it. Every call that changes something is a step; at the step crashAt, and
// from there on, calls fail. What the failing call was to do may have happened or not.
type simFS struct {
	now, durable map[string]*simFile
	pending      []func(map[string]*simFile) // what was done to names since they were synced
	step         int
	crashAt      int // 0: never
	locked       bool
	// fault makes a step fail, if it returns an error, after so many bytes of a write.
	fault func(step int) (written int, err error)
}

// simFile is a file: what is durable, and what was done to it since.
type simFile struct {
	now, durable []byte
	pending      []edit
}

// edit is a write at an offset, or a truncation if there are no bytes.
type edit struct {
	at    int
	bytes []byte
}

func (e edit) apply(to []byte) []byte {
	if e.bytes == nil {
		return slices.Clone(to[:min(e.at, len(to))])
	}
	size := max(len(to), e.at+len(e.bytes))
	out := make([]byte, size) // what was not written is zero
	copy(out, to)
	copy(out[e.at:], e.bytes)
	return out
}

func newSimFS(files map[string][]byte) *simFS {
	fs := &simFS{now: map[string]*simFile{}}
	for name, text := range files {
		fs.now[name] = &simFile{now: slices.Clone(text), durable: slices.Clone(text)}
	}
	fs.durable = maps.Clone(fs.now)
	return fs
}

// took counts a step, and says what becomes of it.
func (fs *simFS) took() error {
	fs.step++
	if fs.crashAt > 0 && fs.step >= fs.crashAt {
		return errCrash
	}
	if fs.fault != nil {
		_, err := fs.fault(fs.step)
		return err
	}
	return nil
}

// crashed says whether a step is behind the crash: nothing happens any more.
func (fs *simFS) crashed() bool { return fs.crashAt > 0 && fs.step >= fs.crashAt }

// names changes names, durable with the next SyncDir.
func (fs *simFS) names(change func(map[string]*simFile)) error {
	if fs.crashed() {
		return errCrash
	}
	err := fs.took()
	if err == nil || errors.Is(err, errCrash) {
		change(fs.now)
		fs.pending = append(fs.pending, change)
	}
	return err
}

type unlock struct{ fs *simFS }

func (u unlock) Close() error { u.fs.locked = false; return nil }

func (fs *simFS) Lock() (io.Closer, error) {
	if fs.locked {
		return nil, wal.ErrLocked
	}
	fs.locked = true
	return unlock{fs}, nil
}

func (fs *simFS) Path(name string) string { return "dir/" + name }

func (fs *simFS) List() ([]string, error) { return slices.Sorted(maps.Keys(fs.now)), nil }

func (fs *simFS) Open(name string) (wal.File, error) {
	if f := fs.now[name]; f != nil {
		return &simHandle{fs, f}, nil
	}
	return nil, fmt.Errorf("no file %s", name)
}

func (fs *simFS) Create(name string) (wal.File, error) {
	f := &simFile{}
	return &simHandle{fs, f}, fs.names(func(m map[string]*simFile) { m[name] = f })
}

func (fs *simFS) Rename(from, to string) error {
	f := fs.now[from]
	return fs.names(func(m map[string]*simFile) { delete(m, from); m[to] = f })
}

func (fs *simFS) Remove(name string) error {
	if fs.now[name] == nil {
		return fmt.Errorf("no file %s", name)
	}
	return fs.names(func(m map[string]*simFile) { delete(m, name) })
}

func (fs *simFS) SyncDir() error {
	if err := fs.took(); err != nil {
		return err
	}
	fs.durable, fs.pending = maps.Clone(fs.now), nil
	return nil
}

// simHandle is an open file.
type simHandle struct {
	fs *simFS
	*simFile
}

func (h *simHandle) edit(e edit) {
	h.now = e.apply(h.now)
	h.pending = append(h.pending, e)
}

func (h *simHandle) Write(b []byte) (int, error) {
	if h.fs.crashed() {
		return 0, errCrash
	}
	err := h.fs.took()
	n := len(b)
	if err != nil && !errors.Is(err, errCrash) {
		n, _ = h.fs.fault(h.fs.step)
		n = min(n, len(b))
	}
	if n > 0 {
		h.edit(edit{len(h.now), slices.Clone(b[:n])})
	}
	return n, err
}

func (h *simHandle) ReadAt(b []byte, at int64) (int, error) {
	if at > int64(len(h.now)) {
		return 0, io.EOF
	}
	n := copy(b, h.now[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (h *simHandle) Truncate(size int64) error {
	if h.fs.crashed() {
		return errCrash
	}
	err := h.fs.took()
	if err == nil || errors.Is(err, errCrash) {
		h.edit(edit{at: int(size)})
	}
	return err
}

func (h *simHandle) Sync() error {
	if err := h.fs.took(); err != nil {
		return err
	}
	h.durable, h.simFile.pending = h.now, nil
	return nil
}

func (h *simHandle) Size() (int64, error) { return int64(len(h.now)), nil }
func (h *simHandle) Close() error         { return nil }

// left returns what a power cut may leave: every outcome for the names with every outcome for the contents.
func (fs *simFS) left() []map[string][]byte {
	var all []map[string][]byte
	for _, names := range fs.namesLeft() {
		for variant := range fileVariants {
			image := map[string][]byte{}
			for name, f := range names {
				image[name] = f.left(variant)
			}
			if !slices.ContainsFunc(all, func(m map[string][]byte) bool { return maps.EqualFunc(m, image, slices.Equal) }) {
				all = append(all, image)
			}
		}
	}
	return all
}

// namesLeft: of what was done to names any part may have become durable, in any order that keeps each name's own.
func (fs *simFS) namesLeft() []map[string]*simFile {
	var all []map[string]*simFile
	for subset := range 1 << len(fs.pending) {
		m := maps.Clone(fs.durable)
		for i, change := range fs.pending {
			if subset>>i&1 == 1 {
				change(m)
			}
		}
		all = append(all, m)
	}
	return all
}

const fileVariants = 9

// left returns what may be left of a file: nothing of what was not synced, all of it, the last write torn at several places, or only later
// parts of it.
func (f *simFile) left(variant int) []byte {
	last := len(f.pending) - 1
	if variant == 0 || last < 0 {
		return f.durable
	}
	edits := slices.Clone(f.pending)
	e := &edits[last]
	cut := func(n int) { e.bytes = e.bytes[:n] }
	hole := func(n int) { e.at, e.bytes = e.at+n, e.bytes[n:] }
	if n := len(e.bytes); n > 1 {
		switch variant {
		case 1:
			cut(1)
		case 2:
			cut(min(20, n-1)) // within a header
		case 3:
			cut(n / 2)
		case 4:
			cut(n - 1)
		case 5:
			hole(n / 2)
		case 6:
			hole(1)
		}
	}
	if variant == 7 {
		edits = edits[last:] // the last without those before it
	}
	text := f.durable
	for _, e := range edits {
		text = e.apply(text)
	}
	return text
}
