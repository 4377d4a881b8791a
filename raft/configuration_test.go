package raft

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// ids returns the nodes of a list as "n1 n2".
func ids(list string) (nodes []NodeID) {
	for _, id := range strings.Fields(list) {
		nodes = append(nodes, NodeID(id))
	}
	return nodes
}

// in says whether a node stands in a list as "n1 n2".
func in(list string) func(NodeID) bool {
	return func(id NodeID) bool { return slices.Contains(ids(list), id) }
}

var (
	// joint is the midst of the way from n1 n2 n3 to n1 n4 n5.
	joint = Configuration{Voters: ids("n1 n4 n5"), Outgoing: ids("n1 n2 n3")}
	// twoAndAWitness survives the loss of any one node, and has two copies of the state only.
	twoAndAWitness = Configuration{Voters: ids("n1 n2 n3"), Witnesses: ids("n3")}
	// withALearner are three voters and n4, which has no vote.
	withALearner = Configuration{Voters: ids("n1 n2 n3"), Learners: ids("n4")}
)

// Of a joint configuration it takes a majority of each half, and a learner is none of either.
func TestQuorum(t *testing.T) {
	for _, test := range []struct {
		g       Configuration
		members string
		want    bool
	}{
		{threeVoters, "n1", false},
		{threeVoters, "n1 n3", true},
		{threeVoters, "n1 n9", false},
		{withALearner, "n1 n4", false},
		{joint, "n1 n2", false},
		{joint, "n2 n3", false},
		{joint, "n1 n4 n5", false},
		{joint, "n2 n3 n4", false},
		{joint, "n1 n2 n4", true},
		{joint, "n2 n3 n4 n5", true},
		{twoAndAWitness, "n1 n3", true},
	} {
		if test.g.quorum(in(test.members)) != test.want {
			t.Errorf("%s: a quorum of %s: %t", &test.g, test.members, !test.want)
		}
	}
}

func TestConfigurationInWords(t *testing.T) {
	var none *Configuration
	both := Configuration{Voters: ids("n1 n4"), Outgoing: ids("n1"), Learners: ids("n5"), Witnesses: ids("n4")}
	for g, want := range map[*Configuration]string{
		none: "none", &threeVoters: "n1 n2 n3", &both: "n1 n4, outgoing n1, learners n5, witnesses n4",
	} {
		if g.String() != want {
			t.Errorf("%q, want %q", g, want)
		}
	}
}

// What comes from a disk or a peer is looked at: no configuration gets in that names a node twice, or in which those that have the state are no quorum.
func TestConfigurationsAreChecked(t *testing.T) {
	tooMany := make([]NodeID, maxMembers+1)
	for i := range tooMany {
		tooMany[i] = NodeID(fmt.Sprint("n", i))
	}
	for _, g := range []Configuration{
		{},
		{Voters: ids("n1 n1")},
		{Voters: []NodeID{""}},
		{Voters: ids("n1"), Learners: ids("n1")},
		{Voters: ids("n1"), Outgoing: ids("n2"), Learners: ids("n2")},
		{Voters: ids("n1"), Witnesses: ids("n1")},
		{Voters: ids("n1 n2 n3"), Witnesses: ids("n2 n3")},
		{Voters: ids("n1"), Outgoing: ids("n2"), Witnesses: ids("n2")},
		{Voters: tooMany},
		{Voters: ids("n1"), Witnesses: slices.Repeat(ids("n2"), 5*maxMembers)},
	} {
		if g.validate() == nil {
			t.Errorf("%s is taken for a configuration", &g)
		}
	}
	for _, g := range []Configuration{threeVoters, joint, twoAndAWitness, withALearner} {
		if err := g.validate(); err != nil {
			t.Errorf("%s: %v", &g, err)
		}
	}
}

// drawChange draws any change among a few nodes.
func drawChange(t *rapid.T) Change {
	kind := rapid.SampledFrom([]ChangeKind{AddLearner, AddVoter, AddWitness, Promote, Remove, Replace}).Draw(t, "kind")
	nodes := rapid.SliceOfNDistinct(rapid.SampledFrom(ids("n1 n2 n3 n4 n5 n6")), 1, 5, rapid.ID).Draw(t, "nodes")
	if kind != Replace {
		nodes = nodes[:1]
	}
	return Change{kind, nodes}
}

// Whatever changes a cluster goes through, on the way C, C with learners, C,C', C' any quorum of one configuration meets any quorum of the next. That is
// what §6 is about: at no time are there two leaders, or two entries committed at one place, by nodes that do not know of each other.
func TestQuorumsOfNeighboursMeet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := Configuration{Voters: ids("n1 n2 n3")}
		for range rapid.IntRange(1, 6).Draw(t, "changes") {
			target, why := g.after(drawChange(t))
			if why != "" {
				continue
			}
			way := wayTo(g, target)
			for i := range way {
				if err := way[i].validate(); err != nil {
					t.Fatalf("%s: %v", &way[i], err)
				}
				if i > 0 {
					quorumsMeet(t, &way[i-1], &way[i])
				}
			}
			g = target
		}
	})
}

// wayTo returns all configurations from one to another.
func wayTo(g, target Configuration) []Configuration {
	if sameSet(target.Voters, g.Voters) {
		return []Configuration{g, target}
	}
	strangers := slices.DeleteFunc(slices.Clone(target.Voters), g.Member)
	learning := Configuration{Voters: g.Voters, Learners: slices.Concat(g.Learners, strangers), Witnesses: target.Witnesses}
	both := target
	both.Outgoing = g.Voters
	return []Configuration{g, learning, both, target}
}

func quorumsMeet(t *rapid.T, g, h *Configuration) {
	some := rapid.SliceOfDistinct(rapid.SampledFrom(ids("n1 n2 n3 n4 n5 n6")), rapid.ID).Draw(t, "some")
	among := func(id NodeID) bool { return slices.Contains(some, id) }
	if g.quorum(among) && h.quorum(func(id NodeID) bool { return !among(id) }) {
		t.Fatalf("%v are a quorum of %s, and the others one of %s", some, g, h)
	}
	reach := func(id NodeID) int {
		if among(id) {
			return 1
		}
		return 0
	}
	if g.quorum(among) != (reached(g, reach) == 1) {
		t.Fatalf("%s: is %v a quorum, and has a quorum reached what %v have?", g, some, some)
	}
}
