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
	d := s.takeStaged(b.snapshot)
	var err error
	if d == nil {
		d, err = s.newDraft(nameOf(s.generation+1)+suffix, s.generation+1, b.snapshot)
	}
	var places []place
	if err == nil {
		places, err = s.finish(d, b)
	}
	name := nameOf(s.generation + 1)
	if err == nil {
		err = s.FS.Rename(d.name, name)
	}
	if err != nil {
		s.discard(d) // or the next Open does
		if errors.Is(err, raft.ErrFull) {
			return fmt.Errorf("wal: %s: %w", s.FS.Path(name), err)
		}
		return s.fail(err)
	}
	old, oldName := s.file, nameOf(s.generation)
	s.file, s.generation = d.file, d.to.generation
	if err := s.FS.SyncDir(); err != nil {
		return s.fail(err)
	}
	s.size, s.synced, s.noRewriteBefore = d.to.base, d.to.base, 0
	s.state = b.state
	s.begin(b.snapshot, places)
	s.discard(s.stage.follow(s.generation, b.snapshot.Index))
	if old != nil {
		if err := errors.Join(old.Close(), s.FS.Remove(oldName)); err != nil {
			s.Log.Warn("a file that is not needed any more stays until the next start", "error", err)
		}
	}
	return nil
}

// draft is the file of a generation to be, with as much in it as can be known before the Write that makes it one: whose it is, and the snapshot.
type draft struct {
	name     string
	file     File
	to       composer // base is the length of the file
	snapshot raft.Snapshot
}

// flush writes what has been composed.
func (d *draft) flush() error {
	_, err := d.file.Write(d.to.buffer)
	d.to.base, d.to.buffer = d.to.base+int64(len(d.to.buffer)), d.to.buffer[:0]
	return err
}

// newDraft begins a file. It uses nothing that Write changes. If it fails there may be a file all the same, to be discarded.
func (s *Storage[C]) newDraft(name string, generation uint64, snapshot raft.Snapshot) (*draft, error) {
	f, err := s.FS.Create(name)
	if err != nil {
		return nil, err
	}
	d := &draft{name: name, file: f, to: composer{generation: generation}, snapshot: snapshot}
	d.to.start(s.Identity)
	for piece := range slices.Chunk(snapshot.State, chunk) {
		d.to.snapshot(snapshot, piece)
		if err := d.flush(); err != nil {
			return d, err
		}
	}
	if len(snapshot.State) == 0 && snapshot.Index > 0 {
		d.to.snapshot(snapshot, nil)
	}
	return d, nil
}

// discard removes a draft, if there is one.
func (s *Storage[C]) discard(d *draft) {
	if d != nil {
		_ = d.file.Close()
		_ = s.FS.Remove(d.name)
	}
}

// finish writes the rest of a generation's beginning, and makes it durable.
func (s *Storage[C]) finish(d *draft, b beginning[C]) ([]place, error) {
	places, err := s.carry(d, b)
	if err != nil {
		return nil, err
	}
	fresh, err := s.compose(&d.to, b.state, b.entries)
	if err != nil {
		return nil, err
	}
	d.to.complete()
	if err := d.flush(); err != nil {
		return nil, err
	}
	return append(places, fresh...), d.file.Sync()
}

// carry takes entries over from the present file, as they stand there.
func (s *Storage[C]) carry(d *draft, b beginning[C]) ([]place, error) {
	var places []place
	for kept := b.kept; len(kept) > 0; {
		first := b.snapshot.Index + 1 + raft.Index(len(places))
		part, err := d.to.batch(b.state, first, len(kept), func(buffer []byte, i int) ([]byte, error) {
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
		if err := d.flush(); err != nil {
			return nil, err
		}
	}
	return places, nil
}
