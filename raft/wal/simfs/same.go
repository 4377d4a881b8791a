package simfs

import (
	"bytes"
	"slices"

	"maelraft/raft"
)

// SameLog says whether two storages have the same snapshot and the same entries, configurations included, whatever term and vote are.
func SameLog[C comparable](a, b raft.Saved[C]) bool {
	return a.Snapshot.Index == b.Snapshot.Index && a.Snapshot.Term == b.Snapshot.Term && bytes.Equal(a.Snapshot.State, b.Snapshot.State) &&
		sameConfig(&a.Snapshot.Configuration, &b.Snapshot.Configuration) && slices.EqualFunc(a.Entries, b.Entries, sameEntry[C])
}

func sameEntry[C comparable](a, b raft.Entry[C]) bool {
	return a.Index == b.Index && a.Term == b.Term && a.ID == b.ID && a.Command == b.Command && sameConfig(a.Config, b.Config)
}

func sameConfig(a, b *raft.Configuration) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Index == b.Index && slices.Equal(a.Voters, b.Voters) && slices.Equal(a.Outgoing, b.Outgoing) &&
		slices.Equal(a.Learners, b.Learners) && slices.Equal(a.Witnesses, b.Witnesses)
}
