package sim

import (
	"errors"
	"math/rand/v2"

	"maelraft/raft"
)

// What a disk returns when its node has crashed in the middle of a call, when there is no room, and when a sync fails.
var (
	ErrCrash = errors.New("sim: crash")
	ErrFull  = errors.New("sim: no space left")
	ErrSync  = errors.New("sim: sync failed")
)

// disk is a raft.Storage that forgets at a crash what was not synced. It outlives the node.
type disk[C any] struct {
	durable raft.MemoryStorage[C]
	written []raft.Changes[C] // since the last sync
	full    bool
	rng     *rand.Rand
	// crash is asked before and after every call whether the node crashes there, syncFails at every sync.
	crash, syncFails func() bool
}

// Load implements raft.Storage.
func (d *disk[C]) Load() (raft.Saved[C], error) { return d.durable.Load() }

// Write implements raft.Storage. A full disk takes a part.
func (d *disk[C]) Write(c raft.Changes[C]) error {
	switch {
	case d.crash():
		return ErrCrash
	case d.full:
		d.written = append(d.written, d.tear(c))
		return ErrFull
	}
	d.written = append(d.written, c)
	return nil
}

// Sync implements raft.Storage. A crash may come before it has done anything, or after it has done all. When it fails, what was written is
// lost as in a crash, and another sync would not find it any more: that is how operating systems do it.
func (d *disk[C]) Sync() error {
	switch {
	case d.crash():
		return ErrCrash
	case d.syncFails():
		d.lose()
		return ErrSync
	}
	d.keep(len(d.written))
	if d.crash() {
		return ErrCrash
	}
	return nil
}

// keep makes the first n written records durable, and drops the others.
func (d *disk[C]) keep(n int) {
	for _, c := range d.written[:n] {
		_ = d.durable.Write(c) // a memory storage does not fail
	}
	d.written = nil
}

// lose drops what a crash drops. How many of the written records reached the platter is up to chance; they get there in order, and
// the last may have got there in part.
func (d *disk[C]) lose() {
	n := d.rng.IntN(len(d.written) + 1)
	if n > 0 && d.rng.IntN(2) == 0 {
		d.written[n-1] = d.tear(d.written[n-1])
	}
	d.keep(n)
}

// tear returns what is left of a record of which only the beginning was written.
func (d *disk[C]) tear(c raft.Changes[C]) raft.Changes[C] {
	c.Entries = c.Entries[:d.rng.IntN(len(c.Entries)+1)]
	return c
}

// has says whether an entry would survive a crash.
func (d *disk[C]) has(i raft.Index, t raft.Term) bool {
	saved, _ := d.durable.Load()
	if i <= saved.Snapshot.Index {
		return true
	}
	e, ok := entryAt(saved.Entries, i)
	return ok && e.Term == t
}
