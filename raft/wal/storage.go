package wal

import (
	"errors"
	"fmt"
	"io"
	"log/slog"

	"maelraft/raft"
)

// keepBuffer is the largest buffer in bytes that is kept for the next batch.
const keepBuffer = 1 << 20

// Options say what to open.
type Options[C any] struct {
	// FS is the directory, as Dir returns it.
	FS FS
	// Identity says who opens it.
	Identity Identity
	Codec    Codec[C]
	// Slack is how many bytes of the log file may be records that nothing depends on any more, before it is written anew without them; they may also
	// be deadShare times as many as the others. Zero is defaultSlack.
	Slack int64
	// Log receives what an operator must know; nil is slog.Default.
	Log *slog.Logger
}

// Storage is a raft.Storage in a directory. It is used by one goroutine at a time, but for Stage.
type Storage[C any] struct {
	Options[C]
	lock io.Closer
	// loaded is what Open has found, until Load takes it.
	loaded *raft.Saved[C]

	generation uint64
	file       File
	size       int64 // what was written
	synced     int64 // what is durable
	state      state
	snapshot   raft.Snapshot // index and term alone
	places     []place       // of the entries behind the snapshot
	live       int64         // bytes of the snapshot and of the entries
	// noRewriteBefore is the size up to which the file grows before it is written anew, because there was no room the last time.
	noRewriteBefore int64
	buffer          []byte
	stage           stage
	// failed is why nothing can be promised any more. A sync that has failed may have lost what it was to make durable, and the next one would
	// not say so; nor does anybody know what a failed write has left in the file.
	failed error
}

var _ raft.Storage[int] = (*Storage[int])(nil)

// Open locks a directory and reads what is there; an empty one becomes its caller's. It returns ErrLocked, an *IdentityError or a *DamageError if
// the directory is not to be used, and then it has changed nothing. A torn end is cut off and logged.
func Open[C any](o Options[C]) (*Storage[C], error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Slack == 0 {
		o.Slack = defaultSlack
	}
	s := &Storage[C]{Options: o}
	var err error
	if s.lock, err = s.FS.Lock(); err != nil {
		return nil, fmt.Errorf("wal: %w", err)
	}
	if err := s.recover(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// recover makes the storage what the newest generation says.
func (s *Storage[C]) recover() error {
	files, err := list(s.FS)
	if err != nil {
		return err
	}
	s.loaded = &raft.Saved[C]{}
	if len(files.generations) == 0 {
		err = s.next(beginning[C]{})
	} else {
		err = s.open(files.newest())
	}
	if err != nil {
		return err
	}
	if files, err = list(s.FS); err != nil { // an unfinished first generation has been written over
		return err
	}
	for _, name := range files.outdated() {
		s.Log.Info("removing a file that a newer one has replaced", "file", s.FS.Path(name))
		if err := s.FS.Remove(name); err != nil {
			return fmt.Errorf("wal: %w", err)
		}
	}
	return nil
}

// open continues a generation.
func (s *Storage[C]) open(generation uint64) error {
	name := nameOf(generation)
	path := s.FS.Path(name)
	f, err := s.FS.Open(name)
	if err != nil {
		return fmt.Errorf("wal: %w", err)
	}
	s.generation, s.file = generation, f
	c, err := replay(f, path, generation, s.Codec, s.Log)
	if c.records > 0 { // somebody else's damage is not ours to report
		if whose := s.Identity.check(c.identity, s.FS.Path("")); whose != nil {
			return whose
		}
	}
	if err != nil {
		return err
	}
	s.size, s.synced = c.end, c.end
	s.state = c.state()
	s.begin(c.saved.Snapshot, c.places)
	s.stage.follow(generation, c.saved.Snapshot.Index)
	if err := s.settle(c, path); err != nil {
		return err
	}
	c.saved.HardState, c.saved.Lives = s.state.HardState, s.state.lives
	s.loaded = &c.saved
	return nil
}

// settle makes durable what was read. It may never have been synced, and still be there because only the process has died; from now on
// others rely on it.
func (s *Storage[C]) settle(c *contents[C], path string) error {
	if c.torn != "" {
		s.Log.Warn("CUT OFF A TORN END: the last write before the crash was not complete, and nobody was promised what it said",
			"file", path, "from byte", c.end, "bytes dropped", c.size-c.end, "because", c.torn, "last entry kept", c.last(),
			"term", c.rescued.Term, "vote", c.rescued.VotedFor)
		if err := s.file.Truncate(c.end); err != nil {
			return fmt.Errorf("wal: %w", err)
		}
	}
	if err := errors.Join(s.file.Sync(), s.FS.SyncDir()); err != nil {
		return fmt.Errorf("wal: %w", err)
	}
	if c.rescued == s.state {
		return nil
	}
	h := c.rescued.HardState
	return errors.Join(s.Write(raft.Changes[C]{HardState: &h, Lives: c.rescued.lives}), s.Sync())
}

// check says whether a directory is ours.
func (id Identity) check(found Identity, dir string) error {
	switch {
	case found.Node != id.Node:
		return &IdentityError{dir, "node", found.Node, id.Node}
	case found.Cluster != id.Cluster:
		return &IdentityError{dir, "cluster", found.Cluster, id.Cluster}
	case found.Run != id.Run && id.Run != "":
		return &IdentityError{dir, "run", found.Run, id.Run}
	}
	return nil
}

// Load implements raft.Storage. It returns what Open has found, once.
func (s *Storage[C]) Load() (raft.Saved[C], error) {
	if s.loaded == nil {
		return raft.Saved[C]{}, errors.New("wal: loaded twice")
	}
	saved := *s.loaded
	s.loaded = nil
	return saved, nil
}

// Write implements raft.Storage. A snapshot is durable when Write returns.
func (s *Storage[C]) Write(c raft.Changes[C]) error {
	if s.failed != nil {
		return s.failed
	}
	if err := s.check(c); err != nil {
		return err
	}
	if c.Snapshot != nil {
		return s.compact(c)
	}
	if done, err := s.rewrite(c); done || err != nil {
		return err
	}
	next := s.state.with(c.HardState, c.Lives)
	to := &composer{generation: s.generation, base: s.size, synced: s.synced, buffer: s.buffer[:0]}
	places, err := s.compose(to, next, c.Entries)
	if err != nil {
		return err
	}
	if c.HardState != nil || c.Lives > 0 { // term and vote a second time
		if _, err := to.batch(next, 0, 0, nil); err != nil {
			return err
		}
	}
	if err := s.append(to.buffer); err != nil {
		return err
	}
	s.buffer = nil
	if cap(to.buffer) <= keepBuffer {
		s.buffer = to.buffer
	}
	s.state = next
	if len(c.Entries) > 0 {
		s.replace(int(c.Entries[0].Index-s.snapshot.Index-1), places)
	}
	return nil
}

// check refuses what cannot be meant.
func (s *Storage[C]) check(c raft.Changes[C]) error {
	base, last := s.snapshot.Index, s.snapshot.Index+raft.Index(len(s.places))
	if c.Snapshot != nil {
		if c.Snapshot.Index < base || c.Snapshot.Index == 0 {
			return fmt.Errorf("wal: a snapshot of %d cannot replace one of %d", c.Snapshot.Index, base)
		}
		base = c.Snapshot.Index
		last = base + raft.Index(len(s.behind(*c.Snapshot)))
	}
	for i, e := range c.Entries {
		first := c.Entries[0].Index
		if first <= base || first > last+1 || e.Index != first+raft.Index(i) {
			return fmt.Errorf("wal: entry %d cannot follow a log from %d to %d", e.Index, base+1, last)
		}
		if e.Config != nil && (e.ID != raft.ProposalID{} || e.Config.Index != e.Index) {
			return fmt.Errorf("wal: a configuration of %d in entry %d, or one with a command", e.Config.Index, e.Index)
		}
	}
	return nil
}

// compose adds a batch of entries, in as many records as it takes.
func (s *Storage[C]) compose(to *composer, st state, entries []raft.Entry[C]) ([]place, error) {
	var places []place
	for first := true; first || len(entries) > 0; first = false {
		var index raft.Index
		if len(entries) > 0 {
			index = entries[0].Index
		}
		part, err := to.batch(st, index, len(entries), func(b []byte, i int) ([]byte, error) { return appendEntry(b, s.Codec, entries[i]) })
		if err != nil {
			return nil, err
		}
		for i := range part {
			part[i].term = entries[i].Term
		}
		places, entries = append(places, part...), entries[len(part):]
	}
	return places, nil
}

// append writes at the end of the file. If there is no room, what went in is cut off again; a draft that has taken the last of it gives way.
func (s *Storage[C]) append(b []byte) error {
	n, err := s.file.Write(b)
	if err == nil {
		s.size += int64(n)
		return nil
	}
	if !errors.Is(err, raft.ErrFull) {
		return s.fail(err)
	}
	if cut := s.file.Truncate(s.size); cut != nil {
		return s.fail(cut)
	}
	if d := s.stage.take(); d != nil {
		s.discard(d)
		return s.append(b)
	}
	return fmt.Errorf("wal: %s: %w", s.path(), err)
}

// Sync implements raft.Storage.
func (s *Storage[C]) Sync() error {
	if s.failed != nil {
		return s.failed
	}
	if s.synced == s.size {
		return nil
	}
	if err := s.file.Sync(); err != nil {
		return s.fail(err)
	}
	s.synced = s.size
	return nil
}

// fail makes an error last.
func (s *Storage[C]) fail(err error) error {
	// Not to be taken for a lack of room that ends.
	s.failed = fmt.Errorf("wal: %s: %v; nothing is promised any more", s.path(), err)
	return s.failed
}

func (s *Storage[C]) path() string { return s.FS.Path(nameOf(s.generation)) }

// Close gives the directory back. It syncs nothing, and waits for Stage: nobody else may have the directory while something is written to it.
func (s *Storage[C]) Close() error {
	s.discard(s.stage.close())
	var err error
	if s.file != nil {
		err = s.file.Close()
	}
	s.failed = ErrClosed
	return errors.Join(err, s.lock.Close())
}
