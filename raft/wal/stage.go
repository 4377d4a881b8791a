package wal

import (
	"errors"
	"fmt"
	"sync"

	"maelraft/raft"
)

// asideSuffix marks the draft of a generation that was begun beside the work on the present one.
const asideSuffix = ".aside" + suffix

// ErrClosed says that a storage has been closed.
var ErrClosed = errors.New("wal: closed")

// stage is what Stage shares with everything else, which it runs beside.
type stage struct {
	mu       sync.Mutex // held for memory alone
	next     uint64     // the generation that comes next
	snapshot raft.Index // of the present one
	ready    *draft     // of the next one, or nil
	drafts   int        // so far: no two have one name
	closed   bool       // no other begins
	running  sync.WaitGroup
}

var _ raft.Stager = (*Storage[int])(nil)

// Stage implements raft.Stager. It begins the next generation with the snapshot in it, durable, so that the Write that brings the snapshot has but to add
// the log behind it. If another generation comes between, the work was in vain. ErrFull says that there is no room, ErrClosed that it is too late.
func (s *Storage[C]) Stage(snapshot raft.Snapshot) error {
	generation, number, err := s.stage.begin(snapshot.Index)
	if generation == 0 {
		return err
	}
	defer s.stage.running.Done()
	d, err := s.newDraft(fmt.Sprintf("%s.%d%s", nameOf(generation), number, asideSuffix), generation, snapshot)
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
	s.discard(s.stage.put(d))
	return nil
}

// begin returns what a draft is called by, or no generation if there is none to be made: it is too late, or the present generation reaches as far.
func (g *stage) begin(snapshot raft.Index) (generation uint64, number int, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.closed:
		return 0, 0, ErrClosed
	case snapshot <= g.snapshot:
		return 0, 0, nil
	}
	g.running.Add(1)
	g.drafts++
	return g.next, g.drafts, nil
}

// put makes a draft the one that is ready, and returns the one that is of no use: another, or this one if it has been overtaken.
func (g *stage) put(d *draft) (useless *draft) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || d.to.generation != g.next {
		return d
	}
	useless, g.ready = g.ready, d
	return useless
}

// take returns the draft that is ready, which then is so no more, or nil.
func (g *stage) take() *draft {
	g.mu.Lock()
	defer g.mu.Unlock()
	d := g.ready
	g.ready = nil
	return d
}

// follow notes that a generation is there, and returns a draft that is of no use any more.
func (g *stage) follow(generation uint64, snapshot raft.Index) (useless *draft) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.next, g.snapshot = generation+1, snapshot
	useless, g.ready = g.ready, nil
	return useless
}

// close waits for what is being written, and returns what is left of it.
func (g *stage) close() (useless *draft) {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.running.Wait()
	return g.take()
}

// takeStaged returns the draft with a snapshot in it, or nil. Any other is discarded: another generation is about to come.
func (s *Storage[C]) takeStaged(snapshot raft.Snapshot) *draft {
	d := s.stage.take()
	if d == nil || sameSnapshot(d.snapshot, snapshot) {
		return d
	}
	s.discard(d)
	return nil
}

// sameSnapshot says whether two snapshots are one, without a look at all of the state: a state that was handed on is the same piece of memory.
func sameSnapshot(a, b raft.Snapshot) bool {
	return a.Index == b.Index && a.Term == b.Term && a.Configuration.Index == b.Configuration.Index &&
		len(a.State) == len(b.State) && (len(a.State) == 0 || &a.State[0] == &b.State[0])
}
