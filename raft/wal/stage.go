package wal

import (
	"errors"
	"fmt"

	"maelraft/raft"
)

// asideSuffix marks the draft of a generation that was begun beside the work on the present one.
const asideSuffix = ".aside" + suffix

var _ raft.Stager = (*Storage[int])(nil)

// Stage implements raft.Stager. It begins the next generation with the snapshot in it, durable, so that the Write that brings the snapshot has but to add
// the log behind it. If another generation comes between, the work was in vain. ErrFull says that there is no room.
func (s *Storage[C]) Stage(snapshot raft.Snapshot) error {
	s.staging.Lock()
	defer s.staging.Unlock()
	if s.closed {
		return errors.New("wal: closed")
	}
	s.discard(s.staged.Swap(nil))
	generation := s.following.Load()
	d, err := s.draft(nameOf(generation)+asideSuffix, generation, snapshot)
	if err == nil {
		err = d.flush()
	}
	if err == nil {
		err = d.file.Sync()
	}
	if err != nil {
		s.discard(d)
		return fmt.Errorf("wal: %s: %w", s.FS.Path(nameOf(generation)), err)
	}
	s.staged.Store(d)
	return nil
}

// takeStaged returns the draft with a snapshot in it, or nil. One that is of no use any more is discarded: whatever comes, the draft has had its chance.
func (s *Storage[C]) takeStaged(snapshot raft.Snapshot) *draft {
	d := s.staged.Swap(nil)
	if d == nil || d.to.generation == s.generation+1 && sameSnapshot(d.snapshot, snapshot) {
		return d
	}
	s.discard(d)
	return nil
}

// sameSnapshot says whether two snapshots are one, without a look at all of the state: a state that was handed on is the same piece of memory.
func sameSnapshot(a, b raft.Snapshot) bool {
	return a.Index == b.Index && a.Term == b.Term && len(a.State) == len(b.State) && (len(a.State) == 0 || &a.State[0] == &b.State[0])
}
