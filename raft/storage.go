package raft

// Storage keeps what must survive a crash: Figure 2's persistent state. The driver calls it, never the core, and one call at a
// time. What Write has taken is durable only when Sync has returned nil.
type Storage[C any] interface {
	// Load returns what was durable when the process ended. A new storage returns the zero Saved.
	Load() (Saved[C], error)
	// Write takes over what changed. If entries are given they follow each other, and whatever was stored at the index of the
	// first of them or behind it is replaced. The slice is not changed afterwards and may be kept.
	Write(Changes[C]) error
	// Sync makes everything written so far durable.
	Sync() error
}

// Saved is what a Storage found at start.
type Saved[C any] struct {
	HardState
	Entries []Entry[C] // from index 1, without gaps
	// Lives is how often a node has started from this storage and let anything out.
	Lives uint64
}

// Changes is what one batch adds to the durable state.
type Changes[C any] struct {
	// HardState is nil if neither term nor vote have changed.
	HardState *HardState
	Entries   []Entry[C]
	// Lives is zero, but for the first batch of each life: nothing leaves a node before its life has a number of its own.
	Lives uint64
}

// Empty says that there is nothing to write.
func (c Changes[C]) Empty() bool { return c.HardState == nil && len(c.Entries) == 0 && c.Lives == 0 }

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
	if len(c.Entries) > 0 {
		keep := c.Entries[0].Index - 1
		s.saved.Entries = append(s.saved.Entries[:keep], c.Entries...)
	}
	return nil
}

// Sync implements Storage.
func (s *MemoryStorage[C]) Sync() error { return nil }
