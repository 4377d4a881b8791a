package wal

import (
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"

	"maelraft/raft"
)

const (
	// prefix and digits make the name of a generation: log-0000000001.
	prefix = "log-"
	digits = 10
	// suffix marks a generation that is not complete, and counts for nothing.
	suffix = ".new"
)

func nameOf(generation uint64) string { return fmt.Sprintf("%s%0*d", prefix, digits, generation) }

// files is what stands in a directory.
type files struct {
	generations []uint64 // in order
	unfinished  []string
}

func list(fs FS) (files, error) {
	var f files
	names, err := fs.List()
	if err != nil {
		return f, fmt.Errorf("wal: %w", err)
	}
	for _, name := range names {
		number, complete := strings.CutPrefix(name, prefix)
		if !complete {
			continue
		}
		if strings.HasSuffix(number, suffix) {
			f.unfinished = append(f.unfinished, name)
			continue
		}
		if n, err := strconv.ParseUint(number, 10, 64); err == nil && nameOf(n) == name {
			f.generations = append(f.generations, n)
		}
	}
	slices.Sort(f.generations)
	slices.Sort(f.unfinished)
	return f, nil
}

func (f files) newest() uint64 { return f.generations[len(f.generations)-1] }

// outdated are the files that nobody needs once the newest generation is known to be sound.
func (f files) outdated() []string {
	var names []string
	for _, g := range f.generations[:max(len(f.generations), 1)-1] {
		names = append(names, nameOf(g))
	}
	return append(names, f.unfinished...)
}

// beginning is what the next generation begins with.
type beginning[C any] struct {
	snapshot raft.Snapshot
	state    state
	kept     []place // in the present file
	entries  []raft.Entry[C]
}

// compact puts a snapshot in the place of what it stands for, together with the rest of the batch.
func (s *Storage[C]) compact(c raft.Changes[C]) error {
	b := beginning[C]{*c.Snapshot, s.state.with(c.HardState, c.Lives), s.behind(*c.Snapshot), c.Entries}
	if len(c.Entries) > 0 {
		b.kept = b.kept[:c.Entries[0].Index-c.Snapshot.Index-1]
	}
	return s.next(b)
}

// behind returns the places of the entries that stay when a snapshot comes.
func (s *Storage[C]) behind(snapshot raft.Snapshot) []place {
	i := int(snapshot.Index - s.snapshot.Index)
	switch {
	case i == 0 && snapshot.Term == s.snapshot.Term:
		return s.places
	case i >= 1 && i <= len(s.places) && s.places[i-1].term == snapshot.Term:
		return s.places[i:]
	}
	return nil
}

// next makes the next generation and changes over to it. The old file is removed last: at every moment there is one that is whole.
func (s *Storage[C]) next(b beginning[C]) error {
	generation := s.generation + 1
	name := nameOf(generation)
	f, size, places, err := s.build(name+suffix, generation, b)
	if err == nil {
		err = s.FS.Rename(name+suffix, name)
	}
	if err != nil {
		if f != nil {
			_ = f.Close()
			_ = s.FS.Remove(name + suffix) // or the next Open does
		}
		if errors.Is(err, raft.ErrFull) {
			return fmt.Errorf("wal: %s: %w", s.FS.Path(name), err)
		}
		return s.fail(err)
	}
	old, oldName := s.file, nameOf(s.generation)
	s.file, s.generation = f, generation
	if err := s.FS.SyncDir(); err != nil {
		return s.fail(err)
	}
	s.size, s.synced, s.noRewriteBefore = size, size, 0
	s.state = b.state
	s.begin(b.snapshot, places)
	if old != nil {
		if err := errors.Join(old.Close(), s.FS.Remove(oldName)); err != nil {
			s.Log.Warn("a file that is not needed any more stays until the next start", "error", err)
		}
	}
	return nil
}

// build writes a file and makes its contents durable.
func (s *Storage[C]) build(name string, generation uint64, b beginning[C]) (File, int64, []place, error) {
	f, err := s.FS.Create(name)
	if err != nil {
		return nil, 0, nil, err
	}
	to := &composer{generation: generation}
	flush := func() error {
		_, err := f.Write(to.buffer)
		to.base, to.buffer = to.base+int64(len(to.buffer)), to.buffer[:0]
		return err
	}
	to.start(s.Identity)
	for piece := range slices.Chunk(b.snapshot.State, chunk) {
		to.snapshot(b.snapshot, piece)
		if err := flush(); err != nil {
			return f, 0, nil, err
		}
	}
	if len(b.snapshot.State) == 0 && b.snapshot.Index > 0 {
		to.snapshot(b.snapshot, nil)
	}
	places, err := s.carry(to, b, flush)
	if err != nil {
		return f, 0, nil, err
	}
	fresh, err := s.compose(to, b.state, b.entries)
	if err != nil {
		return f, 0, nil, err
	}
	to.complete()
	if err := flush(); err != nil {
		return f, 0, nil, err
	}
	return f, to.base, append(places, fresh...), f.Sync()
}

// carry takes entries over from the present file, as they stand there.
func (s *Storage[C]) carry(to *composer, b beginning[C], flush func() error) ([]place, error) {
	var places []place
	for kept := b.kept; len(kept) > 0; {
		first := b.snapshot.Index + 1 + raft.Index(len(places))
		part, err := to.batch(b.state, first, len(kept), func(buffer []byte, i int) ([]byte, error) {
			at := len(buffer)
			buffer = append(buffer, make([]byte, kept[i].size)...)
			if _, err := s.file.ReadAt(buffer[at:], kept[i].offset); err != nil {
				return buffer, err
			}
			if crc32.Checksum(buffer[at:], castagnoli) != kept[i].sum {
				return buffer, fmt.Errorf("the entry at byte %d is not what was written", kept[i].offset)
			}
			return buffer, nil
		})
		if err != nil {
			return nil, err
		}
		for i := range part {
			part[i].term = kept[i].term
		}
		places, kept = append(places, part...), kept[len(part):]
		if err := flush(); err != nil {
			return nil, err
		}
	}
	return places, nil
}
