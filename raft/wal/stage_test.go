package wal_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	"maelraft/raft"
	"maelraft/raft/wal"
	"maelraft/raft/wal/simfs"
)

// counting is a directory that counts what is written to its files, and may hold it up.
type counting struct {
	wal.FS
	written atomic.Int64
	gate    chan struct{} // nil: nothing is held up
}

type countingFile struct {
	wal.File
	of *counting
}

func (c *counting) Create(name string) (wal.File, error) {
	f, err := c.FS.Create(name)
	return countingFile{f, c}, err
}

func (f countingFile) Write(b []byte) (int, error) {
	if f.of.gate != nil {
		<-f.of.gate
	}
	f.of.written.Add(int64(len(b)))
	return f.File.Write(b)
}

// What has been staged is not written again: a large state costs Write nothing.
func TestStagedStateIsNotWrittenAgain(t *testing.T) {
	large := raft.Snapshot{Index: 2, Term: 1, Configuration: *members(1, 1), State: bytes.Repeat([]byte("state"), 1_000_000)}
	for _, staged := range []bool{false, true} {
		fs := &counting{FS: simfs.New(nil)}
		s, _, err := open(fs, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Write(changes{HardState: hard(1, "n1"), Entries: entries(1, 1, 5)}); err != nil {
			t.Fatal(err)
		}
		if staged {
			if err := s.Stage(large); err != nil {
				t.Fatal(err)
			}
		}
		before := fs.written.Load()
		if err := s.Write(changes{Snapshot: &large}); err != nil {
			t.Fatal(err)
		}
		if got := fs.written.Load() - before; got < 5_000_000 != staged || staged && got > 1000 {
			t.Errorf("staged %t: Write has written %d bytes", staged, got)
		}
		_ = s.Close()
		_, got, err := open(fs.FS, io.Discard)
		want := raft.Saved[string]{HardState: *hard(1, "n1"), Snapshot: large, Entries: entries(1, 1, 5)[2:]}
		if err != nil || !same(got, want) {
			t.Errorf("staged %t: read a log from %d to %d, %v", staged, got.Snapshot.Index+1, int(got.Snapshot.Index)+len(got.Entries), err)
		}
	}
}

// Another generation comes while a snapshot is being staged: what was staged belongs to none.
func TestStagedTooLate(t *testing.T) {
	fs := simfs.New(whole(t))
	s, want, err := open(fs, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	own, leaders := snapshot(24, 4), snapshot(22, 4)
	fs.Fault = func(op simfs.Op) (int, error) {
		if op == simfs.Write {
			fs.Fault = nil
			return 0, s.Write(changes{Snapshot: leaders})
		}
		return 0, nil
	}
	if err := errors.Join(s.Stage(*own), s.Write(changes{Snapshot: own}), s.Close()); err != nil {
		t.Fatal(err)
	}
	want.Snapshot, want.Entries = *own, want.Entries[4:]
	_, got, err := open(fs, io.Discard)
	if names, _ := fs.List(); err != nil || !same(got, want) || len(names) != 1 {
		t.Errorf("wrote %+v\nread  %+v, %v\n%v", want, got, err, names)
	}
}

// What is staged while a draft is being made a generation is a file of its own.
func TestStagedBesideItsWrite(t *testing.T) {
	for _, at := range []simfs.Op{simfs.Write, simfs.Sync, simfs.Rename, simfs.SyncDir, simfs.Remove} {
		fs := simfs.New(whole(t))
		s, want, err := open(fs, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		first, second := snapshot(22, 4), snapshot(24, 4)
		if err := s.Stage(*first); err != nil {
			t.Fatal(err)
		}
		fs.Fault = func(op simfs.Op) (int, error) {
			if op == at {
				fs.Fault = nil
				return 0, s.Stage(*second)
			}
			return 0, nil
		}
		if err := s.Write(changes{Snapshot: first}); err != nil || fs.Fault != nil {
			t.Fatal(at, err)
		}
		for _, image := range fs.Left() {
			_, got, err := open(simfs.New(image), io.Discard)
			if want := (raft.Saved[string]{HardState: want.HardState, Lives: want.Lives, Snapshot: *first, Entries: want.Entries[2:]}); err != nil || !same(got, want) {
				t.Fatalf("staged at the %s: wrote %+v\nread  %+v, %v", at, want, got, err)
			}
		}
		if err := errors.Join(s.Write(changes{Snapshot: second}), s.Close()); err != nil {
			t.Fatal(at, err)
		}
		want.Snapshot, want.Entries = *second, want.Entries[4:]
		_, got, err := open(fs, io.Discard)
		if names, _ := fs.List(); err != nil || !same(got, want) || len(names) != 1 {
			t.Errorf("staged at the %s: wrote %+v\nread  %+v, %v\n%v", at, want, got, err, names)
		}
	}
}

// The power goes while a snapshot is staged and a batch is written at the same time, at any step of either.
func TestCrashWhileStagingBesideAWrite(t *testing.T) {
	all := slices.Concat(script, elections)
	for _, within := range []int{1, 3} {
		t.Run(fmt.Sprintf("in step %d", within), func(t *testing.T) {
			everyCrash(t, modelOf(all), tight, 2000, func(fs *simfs.FS, s *wal.Storage[string]) (begun, acknowledged int, err error) {
				return carryOutWithin(fs, s, all, within)
			})
		})
	}
}

// carryOutWithin carries out the batch before each snapshot within a step of staging that.
func carryOutWithin(fs *simfs.FS, s *wal.Storage[string], script [][]changes, within int) (begun, acknowledged int, err error) {
	crash := fs.Fault
	defer func() { fs.Fault = crash }()
	for i := range script {
		done := false
		carry := func() {
			done = true
			b, a, e := carryOutAll(s, script[i:i+1], unstaged)
			begun, acknowledged, err = begun+b, acknowledged+a, e
		}
		steps := 0
		fs.Fault = func(op simfs.Op) (int, error) {
			if _, err := crash(op); err != nil {
				return 0, err
			}
			if steps++; !done && steps == within {
				carry()
				if fs.Down() {
					return 0, simfs.ErrCrash
				}
			}
			return 0, nil
		}
		stage(s, script, i, 1)
		fs.Fault = crash
		if !done {
			carry()
		}
		if err != nil {
			return begun, acknowledged, err
		}
	}
	return begun, acknowledged, nil
}

// A draft is no reason to be without room: it gives way, and the snapshot is written when it comes.
func TestDraftGivesWay(t *testing.T) {
	fs := simfs.New(whole(t))
	s, want, err := open(fs, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	own := snapshot(24, 4)
	if err := s.Stage(*own); err != nil {
		t.Fatal(err)
	}
	fs.Fault = func(op simfs.Op) (int, error) {
		if names, _ := fs.List(); op == simfs.Write && len(names) > 1 {
			return 3, raft.ErrFull
		}
		return 0, nil
	}
	more := entries(5, 26, 27)
	if err := errors.Join(s.Write(changes{Entries: more}), s.Sync()); err != nil {
		t.Fatal(err)
	}
	fs.Fault = nil
	if err := errors.Join(s.Write(changes{Snapshot: own}), s.Close()); err != nil {
		t.Fatal(err)
	}
	want.Snapshot, want.Entries = *own, append(want.Entries[4:], more...)
	if _, got, err := open(fs, io.Discard); err != nil || !same(got, want) {
		t.Errorf("wrote %+v\nread  %+v, %v", want, got, err)
	}
}

// A snapshot that the present generation reaches is not written: nobody will ask for it.
func TestOldSnapshotIsNotStaged(t *testing.T) {
	fs := simfs.New(whole(t))
	s, _, err := open(fs, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	before := fs.Steps
	if err := s.Stage(*snapshot(20, 3)); err != nil || fs.Steps != before {
		t.Errorf("%d steps, %v", fs.Steps-before, err)
	}
}

// Staging and writing at the same time, on real files: the race detector has an eye on it.
func TestStageBesideWrite(t *testing.T) {
	dir, err := wal.Dir(filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	s, _, err := openWith(dir, io.Discard, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var m raft.MemoryStorage[string]
	write := func(c changes) {
		if err := s.Write(c); err != nil {
			t.Fatal(err)
		}
		_ = m.Write(c)
	}
	last := raft.Index(0)
	for round := range raft.Index(10) {
		write(changes{Entries: entries(1, last+1, last+5)})
		last += 5
		own := &raft.Snapshot{Index: last, Term: 1, Configuration: *members(last-1, 1), State: bytes.Repeat(fmt.Append(nil, round), 100_000)}
		staged := make(chan error, 1)
		go func() { staged <- s.Stage(*own) }()
		for range 20 { // and the file is written anew meanwhile
			write(changes{HardState: hard(1, raft.NodeID(fmt.Sprint("n", last))), Entries: entries(1, last+1, last+3)})
			last += 3
		}
		if err := <-staged; err != nil {
			t.Fatal(err)
		}
		write(changes{Snapshot: own})
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	want, _ := m.Load()
	if _, got, err := open(dir, io.Discard); err != nil || !same(got, want) {
		t.Errorf("read a log from %d to %d, %v", got.Snapshot.Index+1, int(got.Snapshot.Index)+len(got.Entries), err)
	}
}

// Nobody else gets the directory while something is written to it, and nothing is afterwards.
func TestCloseWaitsForStage(t *testing.T) {
	fs := &counting{FS: simfs.New(nil)}
	s, _, err := open(fs, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	fs.gate = make(chan struct{})
	staged, closed := make(chan error, 1), make(chan error, 1)
	go func() { staged <- s.Stage(raft.Snapshot{Index: 1, Term: 1, State: make([]byte, 3<<20)}) }()
	fs.gate <- struct{}{} // it has begun, and waits with its next write
	go func() { closed <- s.Close() }()
	for range 1000 { // opportunities to do it wrong
		runtime.Gosched()
	}
	if len(closed) > 0 {
		t.Error("the directory is given back")
	}
	close(fs.gate)
	if err := errors.Join(<-staged, <-closed); err != nil {
		t.Error(err)
	}
	if err := s.Stage(*snapshot(1, 1)); !errors.Is(err, wal.ErrClosed) {
		t.Error("staged in a directory that was given back")
	}
	if names, _ := fs.List(); len(names) != 1 {
		t.Errorf("left behind: %v", names)
	}
}
