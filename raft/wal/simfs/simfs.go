// Package simfs is a directory in memory for tests of package wal: it can fail at any call, and it knows everything that a power cut may leave
// of it.
//
// A call that changes something is a step. A step may fail, with an error of the test's choice, or be the one at which the power goes: then
// what it was to do may have happened or not, and nothing happens any more. Left returns the directories that may be found afterwards: of what was
// not synced nothing, all, a torn part, or the later part without the earlier.
//
// Reading order: simfs.go, the directory and its files; left.go, what is left of them; same.go, whether a storage has found what it had.
package simfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"

	"maelraft/raft/wal"
)

// ErrCrash is what calls return from the power cut on.
var ErrCrash = errors.New("simfs: the power is off")

// Op names what a step does.
type Op string

// The steps.
const (
	Create   Op = "create"
	Write    Op = "write"
	Truncate Op = "truncate"
	Sync     Op = "sync"
	Rename   Op = "rename"
	Remove   Op = "remove"
	SyncDir  Op = "sync of the directory"
)

// FS is a wal.FS. It is used by one goroutine.
type FS struct {
	// Steps counts the steps so far, the one that is being taken included.
	Steps int
	// Fault, if set, makes a step fail if it returns an error: ErrCrash for good, because the power is cut; any other error once, a write
	// after so many bytes.
	Fault func(op Op) (written int, err error)

	now, durable map[string]*file
	pending      []func(map[string]*file) // what was done to names since they were synced
	down, locked bool
}

var _ wal.FS = (*FS)(nil)

// New returns a directory with files in it, all of them durable.
func New(files map[string][]byte) *FS {
	d := &FS{now: map[string]*file{}}
	for name, text := range files {
		d.now[name] = &file{now: slices.Clone(text), durable: slices.Clone(text)}
	}
	d.durable = maps.Clone(d.now)
	return d
}

// CrashAt cuts the power at a step, counted from the first on.
func (d *FS) CrashAt(step int) {
	d.Fault = func(Op) (int, error) {
		if d.Steps == step {
			return 0, ErrCrash
		}
		return 0, nil
	}
}

// Reopen is what the next process finds if only the process has died: what the system has in memory is still there, synced or not.
func (d *FS) Reopen() { d.Fault, d.down, d.locked = nil, false, false }

// Down says that the power is off.
func (d *FS) Down() bool { return d.down }

// Flip changes a bit of a file behind the back of everybody, as a bad disk does.
func (d *FS) Flip(name string, bit int) {
	f := d.now[name]
	for _, text := range []*[]byte{&f.now, &f.durable} {
		*text = slices.Clone(*text)
		if bit/8 < len(*text) {
			(*text)[bit/8] ^= 1 << (bit % 8)
		}
	}
}

// Size returns the length of a file in bytes, and 0 if there is none.
func (d *FS) Size(name string) int {
	if f := d.now[name]; f != nil {
		return len(f.now)
	}
	return 0
}

// took counts a step, and says what becomes of it.
func (d *FS) took(op Op) (written int, err error) {
	d.Steps++
	if d.Fault == nil {
		return 0, nil
	}
	written, err = d.Fault(op)
	d.down = errors.Is(err, ErrCrash)
	return written, err
}

// names changes names, durable with the next SyncDir.
func (d *FS) names(op Op, change func(map[string]*file)) error {
	if d.down {
		return ErrCrash
	}
	_, err := d.took(op)
	if err == nil || d.down {
		change(d.now)
		d.pending = append(d.pending, change)
	}
	return err
}

type unlock struct{ d *FS }

func (u unlock) Close() error { u.d.locked = false; return nil }

// Lock implements wal.FS.
func (d *FS) Lock() (io.Closer, error) {
	if d.locked {
		return nil, wal.ErrLocked
	}
	d.locked = true
	return unlock{d}, nil
}

// Locked implements wal.FS.
func (d *FS) Locked() (bool, error) { return d.locked, nil }

// Path implements wal.FS.
func (d *FS) Path(name string) string { return "dir/" + name }

// List implements wal.FS.
func (d *FS) List() ([]string, error) { return slices.Sorted(maps.Keys(d.now)), nil }

// Open implements wal.FS.
func (d *FS) Open(name string) (wal.File, error) {
	if f := d.now[name]; f != nil {
		return &handle{d, f}, nil
	}
	return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
}

// View implements wal.FS.
func (d *FS) View(name string) (wal.View, error) { return d.Open(name) }

// Create implements wal.FS.
func (d *FS) Create(name string) (wal.File, error) {
	f := &file{}
	return &handle{d, f}, d.names(Create, func(m map[string]*file) { m[name] = f })
}

// Rename implements wal.FS.
func (d *FS) Rename(from, to string) error {
	f := d.now[from]
	return d.names(Rename, func(m map[string]*file) { delete(m, from); m[to] = f })
}

// Remove implements wal.FS.
func (d *FS) Remove(name string) error {
	if d.now[name] == nil {
		return fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return d.names(Remove, func(m map[string]*file) { delete(m, name) })
}

// SyncDir implements wal.FS.
func (d *FS) SyncDir() error {
	if d.down {
		return ErrCrash
	}
	if _, err := d.took(SyncDir); err != nil {
		return err
	}
	d.durable, d.pending = maps.Clone(d.now), nil
	return nil
}

// handle is an open file.
type handle struct {
	d *FS
	*file
}

func (h *handle) edit(e edit) {
	h.now = e.apply(h.now)
	h.pending = append(h.pending, e)
}

// Write implements wal.File.
func (h *handle) Write(b []byte) (int, error) {
	if h.d.down {
		return 0, ErrCrash
	}
	n, err := h.d.took(Write)
	if n = min(n, len(b)); err == nil || h.d.down {
		n = len(b)
	}
	if n > 0 {
		h.edit(edit{len(h.now), slices.Clone(b[:n])})
	}
	return n, err
}

// ReadAt implements wal.File.
func (h *handle) ReadAt(b []byte, at int64) (int, error) {
	if at > int64(len(h.now)) {
		return 0, io.EOF
	}
	n := copy(b, h.now[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// Truncate implements wal.File.
func (h *handle) Truncate(size int64) error {
	if h.d.down {
		return ErrCrash
	}
	_, err := h.d.took(Truncate)
	if err == nil || h.d.down {
		h.edit(edit{at: int(size)})
	}
	return err
}

// Sync implements wal.File.
func (h *handle) Sync() error {
	if h.d.down {
		return ErrCrash
	}
	if _, err := h.d.took(Sync); err != nil {
		return err
	}
	h.durable, h.pending = slices.Clip(h.now), nil
	return nil
}

// Size implements wal.File.
func (h *handle) Size() (int64, error) { return int64(len(h.now)), nil }

// Close implements wal.File.
func (h *handle) Close() error { return nil }
