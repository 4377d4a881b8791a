package wal

import (
	"errors"
	"fmt"

	"maelraft/raft"
)

const (
	// defaultSlack is how many bytes of a file may be of no consequence any more without being worth the work.
	defaultSlack = 1 << 20
	// deadShare is how many times as many bytes of a file may be dead as are alive. Dead are records that later ones replace, and what stands
	// around the entries: for short commands that is more than the commands. A file is written anew after deadShare times its new length has been
	// written, so all rewriting together costs a part of that, however long the log is.
	deadShare = 4
)

// begin takes over what a file begins with.
func (s *Storage[C]) begin(snapshot raft.Snapshot, places []place) {
	s.snapshot = raft.Snapshot{Index: snapshot.Index, Term: snapshot.Term}
	s.places, s.live = nil, int64(len(snapshot.State))
	s.replace(0, places)
}

// replace keeps the first places, and puts others behind them.
func (s *Storage[C]) replace(keep int, places []place) {
	for _, p := range s.places[keep:] {
		s.live -= int64(p.size)
	}
	for _, p := range places {
		s.live += int64(p.size)
	}
	s.places = append(s.places[:keep], places...)
}

// rewrite puts a batch into a new generation, together with what counts of the present one, if most of that does not. It says whether it has.
func (s *Storage[C]) rewrite(c raft.Changes[C]) (done bool, err error) {
	if s.size-s.live <= max(s.Slack, deadShare*s.live) || s.size < s.noRewriteBefore {
		return false, nil
	}
	snapshot, err := readSnapshot(s.file, s.size, s.generation)
	if err != nil {
		return false, s.fail(err)
	}
	c.Snapshot = &snapshot
	err = s.compact(c)
	if errors.Is(err, raft.ErrFull) { // there may be room for the batch all the same
		s.noRewriteBefore = s.size + s.Slack
		return false, nil
	}
	return err == nil, err
}

// readSnapshot reads the snapshot that stands at the beginning of a file.
func readSnapshot(f View, size int64, generation uint64) (raft.Snapshot, error) {
	c := &contents[struct{}]{}
	for {
		h, body, err := readRecord(f, size, generation, c.end, nil)
		if err != nil {
			return raft.Snapshot{}, fmt.Errorf("at byte %d: %w", c.end, err)
		}
		if k := newParser(body).kind(); k != kindStart && k != kindSnapshot {
			return c.saved.Snapshot, nil
		}
		if err := c.take(body, c.end+headerSize); err != nil {
			return raft.Snapshot{}, fmt.Errorf("at byte %d: %w", c.end, err)
		}
		c.end += headerSize + h.length
		c.records++
	}
}
