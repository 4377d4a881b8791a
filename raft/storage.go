package raft

import "errors"

// ErrFull is what a Storage's Write returns, wrapped or not, if there is no room now. Nothing was taken then, and the same may be
// written once more.
var ErrFull = errors.New("raft: no room in the storage")

// Storage keeps what must survive a crash: Figure 2's persistent state. The driver calls it, never the core, and one call at a
// time. What Write has taken is durable only when Sync has returned nil.
type Storage[C any] interface {
	// Load returns what was durable when the process ended. A new storage returns the zero Saved.
	Load() (Saved[C], error)
	// Write takes over what changed. If entries are given they follow each other, and whatever was stored at the index of the
	// first of them or behind it is replaced. If a snapshot is given, it takes the place of an older one and of all entries up to its
	// index; entries behind it stay if the log had its last entry, with the same term, and are dropped otherwise. Slices are not changed
	// afterwards and may be kept.
	Write(Changes[C]) error
	// Sync makes everything written so far durable.
	Sync() error
}

// Stager is a Storage that can write a snapshot beforehand, so that the Write which brings it takes no longer for a large state than for a small one.
type Stager interface {
	// Stage writes a snapshot to where Write will need it. It may be called beside the other methods, by any goroutine, one call at a time. What it has
	// written counts for nothing until Write is given the same snapshot, with the same State in memory; there may be another one first, or none ever. An error
	// means only that Write will have to do it all.
	Stage(Snapshot) error
}

// Saved is what a Storage found at start.
type Saved[C any] struct {
	HardState
	// Snapshot is the zero Snapshot if there has been none.
	Snapshot Snapshot
	Entries  []Entry[C] // from the index behind the snapshot, without gaps
	// Lives is how often a node has started from this storage and let anything out.
	Lives uint64
}

// Snapshot is a state of the state machine, and stands for all entries up to the one that led to it (§7).
type Snapshot struct {
	// Index and Term are those of the last entry that the state has applied (lastIncludedIndex and lastIncludedTerm).
	Index Index
	Term  Term
	// Configuration is the one in force at that entry.
	Configuration Configuration
	// State is what the state machine made of itself; nothing if the node is a witness in Configuration. It is not changed by anyone.
	State []byte
}

// Changes is what one batch adds to the durable state.
type Changes[C any] struct {
	// HardState is nil if neither term nor vote have changed.
	HardState *HardState
	// Snapshot is nil if there is no new one. It comes before the entries.
	Snapshot *Snapshot
	Entries  []Entry[C]
	// Lives is zero, but for the first batch of each life: nothing leaves a node before its life has a number of its own.
	Lives uint64
}

// Empty says that there is nothing to write.
func (c Changes[C]) Empty() bool {
	return c.HardState == nil && c.Snapshot == nil && len(c.Entries) == 0 && c.Lives == 0
}

// MemoryStorage is a Storage for nodes that are not meant to survive their process. Its zero value is ready to use.
type MemoryStorage[C any] struct {
	saved Saved[C]
}

var _ Storage[int] = (*MemoryStorage[int])(nil)

// Load implements Storage.
func (s *MemoryStorage[C]) Load() (Saved[C], error) { return s.saved, nil }

// Write implements Storage.
func (s *MemoryStorage[C]) Write(c Changes[C]) error {
	if c.HardState != nil {
		s.saved.HardState = *c.HardState
	}
	if c.Lives > 0 {
		s.saved.Lives = c.Lives
	}
	if c.Snapshot != nil {
		s.compact(*c.Snapshot)
	}
	if len(c.Entries) > 0 {
		keep := c.Entries[0].Index - 1 - s.saved.Snapshot.Index
		s.saved.Entries = append(s.saved.Entries[:keep], c.Entries...)
	}
	return nil
}

// compact puts a snapshot in the place of what it stands for.
func (s *MemoryStorage[C]) compact(snapshot Snapshot) {
	var kept []Entry[C]
	for i, e := range s.saved.Entries {
		if e.Index == snapshot.Index && e.Term == snapshot.Term {
			kept = dropFirst(s.saved.Entries, i+1)
		}
	}
	s.saved.Snapshot, s.saved.Entries = snapshot, kept
}

// Sync implements Storage.
func (s *MemoryStorage[C]) Sync() error { return nil }
