package sim

import (
	"errors"

	"maelraft/raft"
)

// ErrCrash is what a disk returns when its node has crashed in the middle of a call.
var ErrCrash = errors.New("sim: crash")

// disk is a raft.Storage that forgets at a crash what was not synced. It outlives the node.
type disk[C any] struct {
	durable raft.MemoryStorage[C]
	written []raft.Changes[C] // since the last sync
	// crash is asked before and after every call whether the node crashes there.
	crash func() bool
}

// Load implements raft.Storage.
func (d *disk[C]) Load() (raft.Saved[C], error) { return d.durable.Load() }

// Write implements raft.Storage.
func (d *disk[C]) Write(c raft.Changes[C]) error {
	if d.crash() {
		return ErrCrash
	}
	d.written = append(d.written, c)
	return nil
}

// Sync implements raft.Storage. A crash may come before it has done anything, or after it has done all.
func (d *disk[C]) Sync() error {
	if d.crash() {
		return ErrCrash
	}
	for _, c := range d.written {
		if err := d.durable.Write(c); err != nil {
			return err
		}
	}
	d.written = nil
	if d.crash() {
		return ErrCrash
	}
	return nil
}

// lose drops what a crash drops. Which of the written records reached the platter is up to chance; they get there in order.
func (d *disk[C]) lose(survivors int) {
	for _, c := range d.written[:min(survivors, len(d.written))] {
		_ = d.durable.Write(c) // a memory storage does not fail
	}
	d.written = nil
}

// has says whether an entry would survive a crash.
func (d *disk[C]) has(i raft.Index, t raft.Term) bool {
	saved, _ := d.durable.Load()
	if i <= saved.Snapshot.Index {
		return true // the snapshot stands for it; stateMachineSafety sees to it that it was committed
	}
	n := int(i - saved.Snapshot.Index)
	return n <= len(saved.Entries) && saved.Entries[n-1].Term == t
}
