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

// Disk is where a simulated node keeps what must survive. It outlives the node. Load returns, at any moment, what is sure to survive a crash.
type Disk[C any] interface {
	raft.Storage[C]
	// Lose is what a crash does to what was not synced. The error says that something else was lost, too.
	Lose() error
	// Fill takes the room away, or gives it back.
	Fill(full bool)
}

// Hazards is what a Disk asks whether something goes wrong.
type Hazards struct {
	// Rand is where all of its chances come from.
	Rand *rand.Rand
	// Crash says whether the node crashes at this step of the disk; what the disk returns then is seen by nobody. SyncFails says whether a sync fails.
	Crash, SyncFails func() bool
	// Kill makes the node crash at this step by the disk's own decision.
	Kill func()
}

// disk is a Disk that forgets at a crash what was not synced.
type disk[C any] struct {
	Hazards
	durable raft.MemoryStorage[C]
	written []raft.Changes[C] // since the last sync
	full    bool
}

// Load implements raft.Storage.
func (d *disk[C]) Load() (raft.Saved[C], error) { return d.durable.Load() }

// Write implements raft.Storage. A full disk takes a part.
func (d *disk[C]) Write(c raft.Changes[C]) error {
	switch {
	case d.Crash():
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
	case d.Crash():
		return ErrCrash
	case d.SyncFails():
		_ = d.Lose()
		return ErrSync
	}
	d.keep(len(d.written))
	if d.Crash() {
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

// Lose implements Disk. How many of the written records reached the platter is up to chance; they get there in order, and the last may have got
// there in part.
func (d *disk[C]) Lose() error {
	n := d.Rand.IntN(len(d.written) + 1)
	if n > 0 && d.Rand.IntN(2) == 0 {
		d.written[n-1] = d.tear(d.written[n-1])
	}
	d.keep(n)
	return nil
}

// Fill implements Disk.
func (d *disk[C]) Fill(full bool) { d.full = full }

// tear returns what is left of a record of which only the beginning was written.
func (d *disk[C]) tear(c raft.Changes[C]) raft.Changes[C] {
	c.Entries = c.Entries[:d.Rand.IntN(len(c.Entries)+1)]
	return c
}

// has says whether an entry is among what was saved.
func has[C any](saved raft.Saved[C], i raft.Index, t raft.Term) bool {
	if i <= saved.Snapshot.Index {
		return true
	}
	e, ok := entryAt(saved.Entries, i)
	return ok && e.Term == t
}
