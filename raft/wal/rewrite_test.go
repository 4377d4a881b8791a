package wal_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"maelraft/raft"
	"maelraft/raft/wal"
	"maelraft/raft/wal/simfs"
)

// bytesIn is the size of all files.
func bytesIn(fs *simfs.FS) (sum int64) {
	names, _ := fs.List()
	for _, name := range names {
		sum += int64(fs.Size(name))
	}
	return sum
}

// TestBoundedWithoutSnapshots: a node that for ever stands for election, or has its last entries replaced by every new leader, does not fill the disk.
func TestBoundedWithoutSnapshots(t *testing.T) {
	const (
		slack  = 64 << 10 // a default that is smaller does the same in less time
		rounds = 20_000
	)
	kept := entries(1, 1, 1000)
	for name, change := range map[string]func(term raft.Term) changes{
		"terms and votes": func(term raft.Term) changes { return changes{HardState: hard(term, "n1")} },
		"entries that are replaced": func(term raft.Term) changes {
			return changes{HardState: hard(term, ""), Entries: entries(term, 1001, 1001+raft.Index(term%5))}
		},
	} {
		t.Run(name, func(t *testing.T) {
			fs := simfs.New(nil)
			s, _, err := openWith(fs, io.Discard, slack)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Write(changes{Snapshot: snapshot(1, 1), Entries: kept[1:]}); err != nil {
				t.Fatal(err)
			}
			var m raft.MemoryStorage[string]
			_ = m.Write(changes{Snapshot: snapshot(1, 1), Entries: kept[1:]})
			live := bytesIn(fs)
			largest, written := live, 0
			for term := raft.Term(2); term < rounds; term++ {
				c := change(term)
				_ = m.Write(c)
				before := fs.Steps
				if err := s.Write(c); err != nil {
					t.Fatal(err)
				}
				if err := s.Sync(); err != nil {
					t.Fatal(err)
				}
				largest, written = max(largest, bytesIn(fs)), written+fs.Steps-before
			}
			if most := 5*live + slack + 1000; largest > most {
				t.Errorf("%d bytes on disk, more than %d, where %d count", largest, most, live)
			}
			if written > rounds*5/2 { // a write and a sync each, and a little
				t.Errorf("%d steps for %d batches: it is written anew too often", written, rounds)
			}
			_, got, err := open(simfs.New(fs.Left()[0]), io.Discard)
			if want, _ := m.Load(); err != nil || !same(got, want) {
				t.Errorf("read %+v, %v", got.HardState, err)
			}
		})
	}
}

// TestNoRoomToRewrite: where only the present file can grow it grows, and the room for another is not asked for again with every batch.
func TestNoRoomToRewrite(t *testing.T) {
	fs := simfs.New(nil)
	s, _, err := openWith(fs, io.Discard, 1000)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	fs.Fault = func(op simfs.Op) (int, error) {
		if op == simfs.Create {
			refused++
			return 0, fmt.Errorf("creating: %w", raft.ErrFull)
		}
		return 0, nil
	}
	for term := raft.Term(1); term <= 200; term++ {
		if err := s.Write(changes{HardState: hard(term, "n1")}); err != nil {
			t.Fatal(err)
		}
	}
	if most := int(bytesIn(fs) / 1000); refused == 0 || refused > most {
		t.Errorf("asked for room %d times, at most %d are in order", refused, most)
	}
	fs.Fault = nil
	for term := raft.Term(201); term <= 220; term++ {
		if err := s.Write(changes{HardState: hard(term, "n1")}); err != nil {
			t.Fatal(err)
		}
	}
	if size := bytesIn(fs); size > 3000 {
		t.Errorf("still %d bytes, and there is room again", size)
	}
}

// TestRotIsNotCarriedOn: what has changed in a file since it was written does not get into the next one with a new checksum.
func TestRotIsNotCarriedOn(t *testing.T) {
	for name, c := range map[string]struct {
		what  string
		again func(*wal.Storage[string]) error
	}{
		"an entry when there is a snapshot": {"command 24", func(s *wal.Storage[string]) error { return s.Write(changes{Snapshot: snapshot(21, 4)}) }},
		"an entry when it is written anew":  {"command 24", standForElections},
		"the snapshot":                      {"state at 20", standForElections},
	} {
		t.Run(name, func(t *testing.T) {
			image := whole(t)
			fs := simfs.New(image)
			s, _, err := openWith(fs, io.Discard, tight)
			if err != nil {
				t.Fatal(err)
			}
			at := strings.LastIndex(string(image[wal.NameOf(4)]), c.what)
			fs.Flip(wal.NameOf(4), 8*(at+len(c.what)-1)+1)
			if err := c.again(s); err == nil {
				t.Error("nobody has noticed")
			}
			if s.Sync() == nil {
				t.Error("it goes on as if nothing were the matter")
			}
			if fs.Size(wal.NameOf(5)) > 0 {
				t.Error("there is a next generation")
			}
		})
	}
}

func standForElections(s *wal.Storage[string]) error {
	for term := raft.Term(6); term < 100; term++ {
		if err := s.Write(changes{HardState: hard(term, "n1")}); err != nil {
			return err
		}
	}
	return nil
}
