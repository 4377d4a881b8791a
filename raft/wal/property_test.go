package wal_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"maelraft/raft"
	"maelraft/raft/wal"
	"maelraft/raft/wal/simfs"
)

// TestLikeMemory: a storage that is closed and opened at any time, or loses its power right behind a sync, has what raft.MemoryStorage has.
func TestLikeMemory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fs := simfs.New(nil)
		slack := rapid.SampledFrom([]int64{0, tight}).Draw(t, "slack")
		s, _, err := openWith(fs, io.Discard, slack)
		if err != nil {
			t.Fatal(err)
		}
		var m raft.MemoryStorage[string]
		for range rapid.IntRange(1, 30).Draw(t, "batches") {
			saved, _ := m.Load()
			c := drawChanges(t, saved)
			drawStage(t, s, c, saved)
			if err := s.Write(c); err != nil {
				t.Fatalf("%+v: %v", c, err)
			}
			_ = m.Write(c)
			if rapid.IntRange(0, 4).Draw(t, "sync") > 0 {
				continue
			}
			if err := s.Sync(); err != nil {
				t.Fatal(err)
			}
			if rapid.Bool().Draw(t, "power cut") {
				images := fs.Left()
				fs = simfs.New(images[rapid.IntRange(0, len(images)-1).Draw(t, "left")])
			} else if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			var got raft.Saved[string]
			if s, got, err = openWith(fs, io.Discard, slack); err != nil {
				t.Fatal(err)
			}
			if want, _ := m.Load(); !same(got, want) {
				t.Fatalf("wrote %+v\nread  %+v", want, got)
			}
		}
	})
}

// drawStage stages the snapshot that comes, or one that does not.
func drawStage(t *rapid.T, s *wal.Storage[string], c changes, saved raft.Saved[string]) {
	staged := c.Snapshot
	switch rapid.IntRange(0, 3).Draw(t, "staged") {
	case 0:
		return
	case 1:
		staged = &raft.Snapshot{Index: saved.Snapshot.Index + 1, Term: saved.Term, State: []byte("another")}
	}
	if staged != nil {
		if err := s.Stage(*staged); err != nil {
			t.Fatal(err)
		}
	}
}

// drawChanges draws what can follow a state.
func drawChanges(t *rapid.T, saved raft.Saved[string]) changes {
	var c changes
	base, last := saved.Snapshot.Index, saved.Snapshot.Index+raft.Index(len(saved.Entries))
	term := saved.Term
	if rapid.IntRange(0, 3).Draw(t, "state") == 0 {
		term += raft.Term(rapid.IntRange(0, 2).Draw(t, "terms"))
		c.HardState = hard(term, raft.NodeID(rapid.SampledFrom([]string{"", "n1", "n2"}).Draw(t, "vote")))
	}
	if rapid.IntRange(0, 9).Draw(t, "life") == 0 {
		c.Lives = saved.Lives + 1
	}
	if rapid.IntRange(0, 5).Draw(t, "snapshot") == 0 {
		index := base + raft.Index(rapid.IntRange(1, 12).Draw(t, "index"))
		c.Snapshot = &raft.Snapshot{Index: index, Term: term, Configuration: *drawMembers(t, index), State: rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "bytes")}
		base = index
		if index <= last && rapid.Bool().Draw(t, "fits") {
			c.Snapshot.Term = saved.Entries[index-saved.Snapshot.Index-1].Term
		}
		if index > last || saved.Entries[index-saved.Snapshot.Index-1].Term != c.Snapshot.Term {
			last = index
		}
	}
	for index := raft.Index(rapid.Uint64Range(uint64(base)+1, uint64(last)+1).Draw(t, "first")); rapid.IntRange(0, 4).Draw(t, "more") > 0; index++ {
		e := raft.Entry[string]{Index: index, Term: term}
		switch rapid.IntRange(0, 4).Draw(t, "what") {
		case 0: // a no-op
		case 1:
			e.Config = drawMembers(t, index)
		default:
			e.ID, e.Command = raft.ProposalID{Node: "n1", Seq: uint64(index)}, rapid.StringN(0, 20, -1).Draw(t, "text")
		}
		c.Entries = append(c.Entries, e)
	}
	return c
}

func drawMembers(t *rapid.T, index raft.Index) *raft.Configuration {
	list := rapid.SliceOfN(rapid.Map(rapid.StringN(0, 4, -1), func(s string) raft.NodeID { return raft.NodeID(s) }), 0, 4)
	return &raft.Configuration{
		Index: index, Voters: list.Draw(t, "voters"), Outgoing: list.Draw(t, "outgoing"),
		Learners: list.Draw(t, "learners"), Witnesses: list.Draw(t, "witnesses"),
	}
}

// TestLargeBatches: what does not fit into one record takes several, in the log and in a new generation.
func TestLargeBatches(t *testing.T) {
	large := entries(1, 1, 7)
	for i := range large {
		if large[i].Config == nil {
			large[i].ID, large[i].Command = raft.ProposalID{Node: "n1", Seq: 1}, strings.Repeat("x", 700_000+i)
		}
	}
	state := bytes.Repeat([]byte("state"), 500_000)
	want := raft.Saved[string]{
		HardState: *hard(2, "n2"), Snapshot: raft.Snapshot{Index: 2, Term: 1, Configuration: *members(1, 1), State: state}, Entries: large[2:],
	}
	fs := simfs.New(nil)
	s, _, err := open(fs, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []changes{{Entries: large}, {HardState: hard(2, "n2"), Snapshot: &want.Snapshot}} {
		if err := s.Write(c); err != nil {
			t.Fatal(err)
		}
		if err := s.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	if _, got, err := open(simfs.New(fs.Left()[0]), io.Discard); err != nil || !same(got, want) {
		t.Errorf("read a log from %d to %d, %v", got.Snapshot.Index+1, int(got.Snapshot.Index)+len(got.Entries), err)
	}
}

// TestNonsenseIsNotWritten: what cannot be meant is refused, and nothing of it is stored.
func TestNonsenseIsNotWritten(t *testing.T) {
	fs := simfs.New(whole(t))
	s, want, err := open(fs, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []changes{
		{Entries: entries(5, 27, 28)},                                    // leaves a gap
		{Entries: entries(5, 20, 21)},                                    // begins within the snapshot
		{Entries: slices.Concat(entries(5, 26, 26), entries(5, 28, 28))}, // leaves a gap within
		{Snapshot: snapshot(19, 3)},                                      // goes back
		{Snapshot: snapshot(30, 5), Entries: entries(5, 30, 31)},         // begins within the new snapshot
		{Entries: []raft.Entry[string]{{Index: 26, Term: 5, Config: members(25, 5)}}},
		{Entries: []raft.Entry[string]{{Index: 26, Term: 5, Config: members(26, 5), ID: raft.ProposalID{Node: "n1"}}}},
	} {
		if err := s.Write(c); err == nil {
			t.Errorf("took %+v", c)
		}
	}
	_ = s.Close()
	if _, got, err := open(fs, io.Discard); err != nil || !same(got, want) {
		t.Errorf("read %+v, %v", got, err)
	}
}

// TestOtherVersions: a file of an earlier or later format is refused, which is told from damage, and stays as it is.
func TestOtherVersions(t *testing.T) {
	for version := range byte(4) {
		if version == wal.FormatVersion {
			continue
		}
		content := slices.Clone(whole(t)[wal.NameOf(4)])
		content[3] = version
		fs := simfs.New(map[string][]byte{wal.NameOf(4): wal.Reseal(content, 4)})
		_, _, err := open(fs, io.Discard)
		damage := (*wal.DamageError)(nil)
		if err == nil || errors.As(err, &damage) || !strings.Contains(err.Error(), fmt.Sprintf("format version %d: this program reads", version)) {
			t.Errorf("version %d: %v", version, err)
		}
		if looked := wal.Inspect(fs, io.Discard, true); looked == nil || looked.Error() != err.Error() {
			t.Errorf("version %d, inspected: %v", version, looked)
		}
		if fs.Steps > 0 {
			t.Errorf("version %d: refused and changed", version)
		}
	}
}

// TestVoteBehindATornPlace: the second copy of term and vote counts where the first cannot be read.
func TestVoteBehindATornPlace(t *testing.T) {
	image := whole(t)
	states := model()
	last := states[len(states)-1]
	name := wal.NameOf(4)
	found := 0
	for bit := range 8 * len(image[name]) {
		damaged := map[string][]byte{name: slices.Clone(image[name])}
		damaged[name][bit/8] ^= 1 << (bit % 8)
		_, saved, err := open(simfs.New(damaged), io.Discard)
		if err != nil {
			continue
		}
		found++
		if saved.HardState != last.HardState {
			t.Fatalf("bit %d flipped: term and vote are %+v, want %+v", bit, saved.HardState, last.HardState)
		}
	}
	if found < 100 {
		t.Errorf("only %d flips did not lead to a refusal", found)
	}
}

// TestRealFiles: the same on the file system of this machine, with every outcome of some crashes.
func TestRealFiles(t *testing.T) {
	states := model()
	for at := 1; ; at += 7 { // a sample: real syncs take their time
		fs := simfs.New(nil)
		fs.CrashAt(at)
		s, _, err := open(fs, io.Discard)
		begun, acknowledged := 0, 0
		if err == nil {
			begun, acknowledged, err = carryOut(s)
		}
		for _, image := range fs.Left() {
			path := filepath.Join(t.TempDir(), "data")
			writeImage(t, path, image)
			dir, err := wal.Dir(path)
			if err != nil {
				t.Fatal(err)
			}
			s, saved, err := open(dir, io.Discard)
			if err != nil || !legal(states, acknowledged, begun, saved) {
				t.Fatalf("crash at step %d: %+v, %v", at, saved, err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if _, again, err := open(dir, io.Discard); err != nil || !same(again, saved) {
				t.Fatalf("crash at step %d, opened again: %+v, %v", at, again, err)
			}
		}
		if err == nil {
			return
		}
	}
}

func writeImage(t testing.TB, path string, image map[string][]byte) {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range image {
		if err := os.WriteFile(filepath.Join(path, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWorkloadOnRealFiles: the script, on the file system of this machine, with a close and an open at the end.
func TestWorkloadOnRealFiles(t *testing.T) {
	dir, err := wal.Dir(filepath.Join(t.TempDir(), "a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	s, _, err := open(dir, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := carryOut(s); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	states := model()
	if _, got, err := open(dir, io.Discard); err != nil || !same(got, states[len(states)-1]) {
		t.Errorf("read %+v, %v", got, err)
	}
	var out strings.Builder
	if err := wal.Inspect(dir, &out, true); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"term        5, vote for n1, life 2", "snapshot    up to entry 20 of term 3", "members since entry 19: n1 n2 n3, outgoing n1 n2, learners n19.3, witnesses n2", "entries     21 to 25", "checksums   good"} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("no %q in:\n%s", line, out.String())
		}
	}
}

// FuzzLoad reads anything as a log: it is refused or makes sense, and nothing that was refused is changed.
func FuzzLoad(f *testing.F) {
	image := whole(f)[wal.NameOf(4)]
	f.Add(image)
	f.Add(image[:len(image)-3])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, content []byte) {
		fs := simfs.New(map[string][]byte{wal.NameOf(4): wal.Reseal(content, 4)})
		_, saved, err := open(fs, io.Discard)
		if err != nil {
			if fs.Steps > 0 {
				t.Errorf("refused and changed: %v", err)
			}
			return
		}
		for i, e := range saved.Entries {
			if e.Index != saved.Snapshot.Index+raft.Index(i)+1 {
				t.Fatalf("entry %d at place %d behind %d", e.Index, i, saved.Snapshot.Index)
			}
		}
		_ = wal.Inspect(fs, io.Discard, true)
	})
}
