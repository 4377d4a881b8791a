package raft

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// maxMembers bounds how many nodes a configuration may name, former witnesses included.
const maxMembers = 128

// Configuration says who belongs to the cluster, and who decides (§6). It is a value that nobody changes: a change of the membership
// is another one, in the log (membership.go). Every question to a quorum is asked here: elections, commits, reads, and whether a leader is still heard.
//
// Invariants: the voters that are no witnesses are a quorum; no list names a node twice; no learner is a voter.
type Configuration struct {
	// Index is the place of the entry that brought it, zero for the configuration with which the cluster began.
	Index Index
	// Voters decide, by majority.
	Voters []NodeID
	// Outgoing are the voters before the change that is under way; empty if there is none. While there are any, a majority of each decides (joint
	// consensus, §6).
	Outgoing []NodeID
	// Learners get log and snapshots, and decide nothing (thesis §4.2.1). Those that are witnesses get what witnesses get.
	Learners []NodeID
	// Witnesses are the nodes that vote, or once voted, without keeping commands or state. One that has been removed stays in the list: what it has is
	// nothing to go on from, so it can come back as a witness only (DIVERGENCE.md).
	Witnesses []NodeID
}

// Joint says whether a change of voters is under way.
func (g *Configuration) Joint() bool { return len(g.Outgoing) > 0 }

// Votes says whether a node has a vote, in either half if the configuration is joint.
func (g *Configuration) Votes(id NodeID) bool {
	return slices.Contains(g.Voters, id) || slices.Contains(g.Outgoing, id)
}

// Member says whether a node belongs to the cluster, with a vote or without.
func (g *Configuration) Member(id NodeID) bool { return g.Votes(id) || slices.Contains(g.Learners, id) }

// Witness says whether a node keeps neither commands nor state.
func (g *Configuration) Witness(id NodeID) bool { return slices.Contains(g.Witnesses, id) }

// Serves says whether a node is a member that has the state, and so answers requests.
func (g *Configuration) Serves(id NodeID) bool { return g.Member(id) && !g.Witness(id) }

// electable says whether a node may stand for election.
func (g *Configuration) electable(id NodeID) bool { return g.Votes(id) && !g.Witness(id) }

// successor says whether a node may be told to lead: it will not be gone when the change that is under way is done.
func (g *Configuration) successor(id NodeID) bool {
	return slices.Contains(g.Voters, id) && !g.Witness(id)
}

// plain says that there is one list of voters, who are all alike: then fewer than all of them may be asked, and followers may count for themselves.
func (g *Configuration) plain() bool {
	return !g.Joint() && !slices.ContainsFunc(g.Voters, g.Witness)
}

// members returns all nodes of the cluster: those with a vote first.
func (g *Configuration) members() []NodeID {
	all := slices.Clone(g.Voters)
	for _, id := range slices.Concat(g.Outgoing, g.Learners) {
		if !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	return all
}

// quorum says whether a set of nodes is one: any two of them share a node, also if one of them is a quorum of the configuration before or of the next
// one.
func (g *Configuration) quorum(in func(NodeID) bool) bool {
	return majorityIn(g.Voters, in) && (!g.Joint() || majorityIn(g.Outgoing, in))
}

func majorityIn(voters []NodeID, in func(NodeID) bool) bool {
	n := 0
	for _, id := range voters {
		if in(id) {
			n++
		}
	}
	return n >= majority(voters)
}

// majority is how many nodes the smallest majority has.
func majority(voters []NodeID) int { return len(voters)/2 + 1 }

// majority is how many voters the smallest quorum has, if the configuration is not joint.
func (g *Configuration) majority() int { return majority(g.Voters) }

// reached returns the greatest value that a quorum has reached, given the one of each node.
func reached[T cmp.Ordered](g *Configuration, of func(NodeID) T) T {
	value := reachedBy(g.Voters, of)
	if g.Joint() {
		value = min(value, reachedBy(g.Outgoing, of))
	}
	return value
}

func reachedBy[T cmp.Ordered](voters []NodeID, of func(NodeID) T) T {
	values := make([]T, 0, len(voters))
	for _, id := range voters {
		values = append(values, of(id))
	}
	slices.Sort(values)
	return values[len(values)-majority(voters)]
}

// inForce returns which of the configurations of a log, in their order, is in force at an index: the last that does not stand behind it, or the first, if all do.
func inForce(configurations []*Configuration, i Index) *Configuration {
	at := len(configurations) - 1
	for at > 0 && configurations[at].Index > i {
		at--
	}
	return configurations[at]
}

// sameMembers says whether both are the same but for their place in the log and the order of their lists.
func (g *Configuration) sameMembers(h *Configuration) bool {
	return sameSet(g.Voters, h.Voters) && sameSet(g.Outgoing, h.Outgoing) && sameSet(g.Learners, h.Learners) &&
		sameSet(g.Witnesses, h.Witnesses)
}

func sameSet(a, b []NodeID) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// String returns the configuration in a line, as "n1 n2 n3", "n1 n2 n4, outgoing n1 n2 n3" or "n1 n2, learners n3".
func (g *Configuration) String() string {
	if g == nil {
		return "none"
	}
	text := listed(g.Voters)
	for _, part := range []struct {
		name string
		ids  []NodeID
	}{{"outgoing", g.Outgoing}, {"learners", g.Learners}, {"witnesses", g.Witnesses}} {
		if len(part.ids) > 0 {
			text += ", " + part.name + " " + listed(part.ids)
		}
	}
	return text
}

func listed(ids []NodeID) string {
	text := fmt.Sprint(ids)
	return text[1 : len(text)-1]
}

// validate says what is wrong with a configuration, or nil. Every configuration that comes from a disk or a peer goes through it.
func (g *Configuration) validate() error {
	for _, list := range [][]NodeID{g.Voters, g.Outgoing, g.Learners, g.Witnesses} {
		if len(list) > maxMembers {
			return errors.New("a configuration of too many nodes")
		}
		sorted := slices.Sorted(slices.Values(list))
		if len(slices.Compact(sorted)) != len(list) || len(list) > 0 && sorted[0] == "" {
			return fmt.Errorf("a configuration that names %d nodes, not all distinct", len(list))
		}
	}
	switch {
	case slices.ContainsFunc(g.Learners, g.Votes):
		return errors.New("a configuration in which a learner votes")
	case len(g.Voters) == 0 || !g.quorum(func(id NodeID) bool { return !g.Witness(id) }):
		return errors.New("a configuration in which those that have the state are no quorum")
	}
	return nil
}
