package wal_test

import (
	"fmt"
	"io"
	"slices"
	"testing"

	"maelraft/raft"
	"maelraft/raft/wal"
	"maelraft/raft/wal/simfs"
)

type changes = raft.Changes[string]

func hard(term raft.Term, vote raft.NodeID) *raft.HardState {
	return &raft.HardState{Term: term, VotedFor: vote}
}

// members returns a configuration that no other index or term has, with something in every list.
func members(index raft.Index, term raft.Term) *raft.Configuration {
	return &raft.Configuration{
		Index: index, Voters: []raft.NodeID{"n1", "n2", "n3"}, Outgoing: []raft.NodeID{"n1", "n2"},
		Learners: []raft.NodeID{raft.NodeID(fmt.Sprintf("n%d.%d", index, term))}, Witnesses: []raft.NodeID{"n2"},
	}
}

// entries returns entries of a term from one index to another: no-ops, configurations and commands.
func entries(term raft.Term, from, to raft.Index) []raft.Entry[string] {
	var list []raft.Entry[string]
	for i := from; i <= to; i++ {
		e := raft.Entry[string]{Index: i, Term: term}
		switch {
		case i%4 == 3:
			e.Config = members(i, term)
		case i != from: // the first is a no-op
			e.ID, e.Command = raft.ProposalID{Node: "n2", Seq: uint64(i)}, fmt.Sprintf("command %d of term %d", i, term)
		}
		list = append(list, e)
	}
	return list
}

func snapshot(index raft.Index, term raft.Term) *raft.Snapshot {
	return &raft.Snapshot{Index: index, Term: term, Configuration: *members(index-1, term), State: fmt.Appendf(nil, "state at %d", index)}
}

// script is a workload with everything in it: batches, each ended by one sync.
var script = [][]changes{
	{{Lives: 1}},
	{{HardState: hard(1, "n1")}},
	{{Entries: entries(1, 1, 3)}},
	{{Entries: entries(1, 4, 4)}, {Entries: entries(1, 5, 6)}},
	{{HardState: hard(2, "n2"), Entries: entries(2, 4, 5)}},                              // replaces 4 to 6
	{{Snapshot: snapshot(3, 1)}},                                                         // keeps 4 and 5
	{{Entries: entries(2, 6, 9)}, {HardState: hard(3, ""), Snapshot: snapshot(8, 2)}},    // keeps 9
	{{Entries: entries(3, 10, 11)}},                                                      //
	{{HardState: hard(4, "n3"), Snapshot: snapshot(20, 3), Entries: entries(4, 21, 22)}}, // keeps nothing of old
	{{Entries: entries(4, 22, 25), Lives: 2}},
	{{HardState: hard(5, "n1")}},
}

// elections are what comes behind the script where nobody is elected for a while, and what is written once somebody is.
var elections = [][]changes{
	{{HardState: hard(6, "n2")}},
	{{HardState: hard(7, "n1")}},
	{{HardState: hard(8, "")}},
	{{HardState: hard(8, "n3"), Entries: entries(8, 24, 27)}},
	{{HardState: hard(9, "n1")}},
	{{HardState: hard(10, "n1")}},
	{{HardState: hard(11, "n1")}},
	{{Entries: entries(11, 26, 28)}, {Entries: entries(11, 29, 29)}},
	{{HardState: hard(12, "n1")}},
	{{HardState: hard(13, "n2"), Entries: entries(13, 28, 31)}}, // replaces 28 and 29
	{{HardState: hard(14, "n3")}},
	{{HardState: hard(15, "")}, {HardState: hard(15, "n2")}},
	{{Entries: entries(15, 31, 31)}}, // a configuration in the place of one
	{{HardState: hard(16, "n1")}},
	{{HardState: hard(17, "n1")}},
	{{HardState: hard(18, "n1")}},
	{{Snapshot: snapshot(30, 13), Entries: entries(18, 32, 34)}}, // keeps 31
	{{HardState: hard(19, "n2")}},
	{{HardState: hard(20, "n3")}},
	{{HardState: hard(21, "n1")}},
	{{Entries: entries(21, 34, 36)}},
}

// model is what is stored after each of the script's changes, the first before any.
func model() []raft.Saved[string] { return modelOf(script) }

func modelOf(script [][]changes) []raft.Saved[string] {
	var m raft.MemoryStorage[string]
	states := []raft.Saved[string]{{}}
	for _, batch := range script {
		for _, c := range batch {
			_ = m.Write(c)
			saved, _ := m.Load()
			saved.Entries = slices.Clone(saved.Entries)
			states = append(states, saved)
		}
	}
	return states
}

// carryOut runs the script until an error, and returns how many changes were written, at least begun, and how many of them were acknowledged.
func carryOut(s *wal.Storage[string]) (begun, acknowledged int, err error) {
	return carryOutAll(s, script, unstaged)
}

// unstaged is the number of batches by which snapshots are staged ahead where they are not.
const unstaged = -1

// stage stages the snapshot that comes so many batches behind one, if there is one. Nothing depends on it, so neither does anything on an error.
func stage(s *wal.Storage[string], script [][]changes, batch, ahead int) {
	if at := batch + ahead; ahead != unstaged && at < len(script) {
		for _, c := range script[at] {
			if c.Snapshot != nil {
				_ = s.Stage(*c.Snapshot)
			}
		}
	}
}

// carryOutAll stages snapshots so many batches ahead.
func carryOutAll(s *wal.Storage[string], script [][]changes, ahead int) (begun, acknowledged int, err error) {
	for i, batch := range script {
		stage(s, script, i, ahead)
		for _, c := range batch {
			begun++
			if err := s.Write(c); err != nil {
				return begun, acknowledged, err
			}
		}
		if err := s.Sync(); err != nil {
			return begun, acknowledged, err
		}
		acknowledged = begun
	}
	return begun, acknowledged, nil
}

func same(a, b raft.Saved[string]) bool {
	return a.HardState == b.HardState && a.Lives == b.Lives && simfs.SameLog(a, b)
}

// legal says whether a state holds everything from one place of the model, and nothing from behind another. Term, vote and lives may be
// further than the log.
func legal(states []raft.Saved[string], from, to int, got raft.Saved[string]) bool {
	for i := from; i <= to; i++ {
		if !simfs.SameLog(states[i], got) {
			continue
		}
		for j := i; j <= to; j++ {
			if states[j].HardState == got.HardState && states[j].Lives == got.Lives {
				return true
			}
		}
	}
	return false
}

// whole returns what the script leaves in a directory.
func whole(t testing.TB) map[string][]byte {
	t.Helper()
	fs := simfs.New(nil)
	s, _, err := open(fs, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := carryOut(s); err != nil {
		t.Fatal(err)
	}
	_ = fs.SyncDir() // the last generation alone
	return fs.Left()[0]
}
