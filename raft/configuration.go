package raft

import (
	"cmp"
	"slices"
)

// configuration is who decides (§6). Every question to a quorum is asked here: elections, commits, reads, and whether a leader is still heard.
type configuration struct {
	voters []NodeID
}

// quorum says whether a set of nodes is one: any two of them share a node.
func (g configuration) quorum(in func(NodeID) bool) bool {
	n := 0
	for _, id := range g.voters {
		if in(id) {
			n++
		}
	}
	return n >= g.majority()
}

// majority is how many nodes the smallest quorum has.
func (g configuration) majority() int { return len(g.voters)/2 + 1 }

// reached returns the greatest value that a quorum has reached, given the one of each node.
func reached[T cmp.Ordered](g configuration, of func(NodeID) T) T {
	values := make([]T, 0, len(g.voters))
	for _, id := range g.voters {
		values = append(values, of(id))
	}
	slices.Sort(values)
	return values[len(values)-g.majority()]
}
