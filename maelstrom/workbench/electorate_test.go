package workbench

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// words makes a list of a text.
func words(text string) []string { return strings.Fields(text) }

// TestReachOfMembers: who could be served, by the members and the links.
func TestReachOfMembers(t *testing.T) {
	t.Parallel()
	nodes := nodeNames(5)
	voters := func(ids string) configuration { return configuration{Voters: words(ids)} }
	for name, c := range map[string]struct {
		members []configuration // all of them count
		g       grudge
		want    string
	}{
		"all vote":                            {[]configuration{voters("n0 n1 n2 n3 n4")}, split(nodes[:2], nodes[2:]), "n2 n3 n4"},
		"the cut-off are no members":          {[]configuration{voters("n2 n3 n4")}, split(nodes[:2], nodes[2:]), "n2 n3 n4"},
		"the majority of nodes is none":       {[]configuration{voters("n0 n1 n2")}, split(nodes[:2], nodes[2:]), "n0 n1"},
		"one voter, and who is linked to it":  {[]configuration{voters("n3")}, split(nodes[:4], nodes[4:]), "n0 n1 n2 n3"},
		"a voter that is down":                {[]configuration{voters("n3")}, grudge(nil).without(words("n3"), nodes), ""},
		"a learner does not count":            {[]configuration{{Voters: words("n0 n1"), Learners: words("n2 n3 n4")}}, split(nodes[:1], nodes[1:]), ""},
		"a witness counts":                    {[]configuration{{Voters: words("n0 n1 n2"), Witnesses: words("n2")}}, split(nodes[:1], nodes[1:]), "n1 n2 n3 n4"},
		"a witness leads nobody":              {[]configuration{{Voters: words("n0 n1 n2"), Witnesses: words("n2")}}, split(nodes[:1], words("n1")).union(split(words("n0 n1"), words("n3 n4"))), "n0 n1 n2"},
		"joint: the new ones alone":           {[]configuration{{Voters: words("n2 n3 n4"), Outgoing: words("n0 n1")}}, split(nodes[:2], nodes[2:]), ""},
		"joint: both halves":                  {[]configuration{{Voters: words("n2 n3 n4"), Outgoing: words("n0 n1 n2")}}, split(nodes[:1], nodes[1:]), "n1 n2 n3 n4"},
		"joint: a witness that is leaving":    {[]configuration{{Voters: words("n3"), Outgoing: words("n0 n1 n2"), Witnesses: words("n2")}}, split(words("n0 n1"), words("n2 n3 n4")), ""},
		"in doubt, both have a majority":      {[]configuration{voters("n0 n1 n2"), voters("n2 n3 n4")}, split(nodes[:1], nodes[1:]), "n1 n2 n3 n4"},
		"in doubt, one has none":              {[]configuration{voters("n0 n1 n2"), voters("n0")}, split(nodes[:1], nodes[1:]), ""},
		"in doubt, nobody votes in both":      {[]configuration{voters("n0"), voters("n4")}, nil, "n0 n1 n2 n3 n4"},
		"in doubt, and between them is a cut": {[]configuration{voters("n0"), voters("n4")}, split(nodes[:1], nodes[1:]), ""},
	} {
		e := c.members[0].electorate()
		for _, more := range c.members[1:] {
			e = e.and(more.electorate())
		}
		reach := c.g.reach(nodes, e)
		got := slices.DeleteFunc(slices.Clone(nodes), func(id string) bool { return !reach[id] })
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
	}
}

// TestEras: what is concluded from sightings.
func TestEras(t *testing.T) {
	t.Parallel()
	saw := func(at time.Duration, voters string) sighting {
		return sighting{at * sec, configuration{Voters: sortedSet(words(voters))}, true}
	}
	maybe := func(at time.Duration, voters string) sighting {
		return sighting{at * sec, configuration{Voters: sortedSet(words(voters))}, false}
	}
	for name, c := range map[string]struct {
		seen []sighting
		want string // times and groups
	}{
		"nothing seen":             {nil, "0 [n0 n1 n2]"},
		"no change":                {[]sighting{saw(1, "n2 n1 n0"), saw(3, "n0 n1 n2")}, "0 [n0 n1 n2]"},
		"one change":               {[]sighting{saw(1, "n0 n1 n2"), saw(3, "n1")}, "0 [n0 n1 n2]; 1 [n0 n1 n2] [n1]; 3 [n1]"},
		"there and back":           {[]sighting{saw(1, "n1"), saw(2, "n1"), saw(3, "n0 n1 n2")}, "0 [n0 n1 n2] [n1]; 1 [n1]; 2 [n1] [n0 n1 n2]; 3 [n0 n1 n2]"},
		"perhaps, but no":          {[]sighting{saw(1, "n0 n1 n2"), maybe(2, "n0"), saw(4, "n0 n1 n2")}, "0 [n0 n1 n2]; 1 [n0 n1 n2] [n0]; 4 [n0 n1 n2]"},
		"perhaps, and yes":         {[]sighting{saw(1, "n0 n1 n2"), maybe(2, "n0"), saw(4, "n0")}, "0 [n0 n1 n2]; 1 [n0 n1 n2] [n0]; 4 [n0]"},
		"perhaps, and another":     {[]sighting{maybe(2, "n0"), saw(4, "n1")}, "0 [n0 n1 n2] [n0] [n1]; 4 [n1]"},
		"perhaps, up to the end":   {[]sighting{saw(1, "n0 n1"), maybe(2, "n0"), maybe(3, "n1")}, "0 [n0 n1 n2] [n0 n1]; 1 [n0 n1] [n0] [n1]"},
		"the same, seen as joint":  {[]sighting{{2 * sec, configuration{Voters: words("n0"), Outgoing: words("n0 n1 n2")}, true}, saw(3, "n0")}, "0 [n0 n1 n2] [n0]; 2 [n0] [n0 n1 n2]; 3 [n0]"},
		"learners change nothing":  {[]sighting{{2 * sec, configuration{Voters: words("n0 n1 n2"), Learners: words("n3")}, true}}, "0 [n0 n1 n2]; 2 [n0 n1 n2]"},
		"a witness makes it three": {[]sighting{saw(1, "n0 n1"), {2 * sec, configuration{Voters: words("n0 n1 n2"), Witnesses: words("n2")}, true}}, "0 [n0 n1 n2] [n0 n1]; 1 [n0 n1] [n0 n1 n2]; 2 [n0 n1 n2]"},
	} {
		var got []string
		e := newEras(nodeNames(3), c.seen)
		for _, era := range e {
			groups := fmt.Sprint(era.electorate().groups)
			got = append(got, fmt.Sprintf("%.0f %s", era.from.Seconds(), groups[1:len(groups)-1]))
			if now := e.at(era.from + 1); fmt.Sprint(now) != fmt.Sprint(era.electorate()) {
				t.Errorf("%s: at %v: %v", name, era.from, now)
			}
		}
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%s: %s, want %s", name, strings.Join(got, "; "), c.want)
		}
	}
}

// TestServableOfMembers: the client's limit is 1 s, and links must last for 400 ms. n0 is cut off from 2 s to 8 s, and alone it is the
// cluster from 5 s on, in doubt since 4 s.
func TestServableOfMembers(t *testing.T) {
	t.Parallel()
	o := DefaultOptions()
	o.ElectionTimeout = 200
	nodes := nodeNames(5)
	phases := []phase{{}, {At: 2 * sec, Kind: "x", Grudge: split(nodes[:1], nodes[1:])}, {At: 8 * sec}}
	e := newEras(nodes, []sighting{{4 * sec, configuration{Voters: nodes}, true}, {5 * sec, configuration{Voters: nodes[:1]}, true}})
	s := newServability(o, nodes, phases, e)
	for _, c := range []struct {
		node string
		ms   int
		want bool
	}{
		{"n0", 1600, true},
		{"n0", 1601, false},
		{"n0", 4399, false}, // alone, and those who are not count as well
		{"n0", 4400, true},  // from 5 s on it is all that counts
		{"n0", 6000, true},
		{"n0", 20_000, true},
		{"n1", 1601, true},
		{"n1", 3600, true},
		{"n1", 3601, false}, // from 4 s on perhaps n0 is all that counts
		{"n1", 7399, false},
		{"n1", 7400, true},
	} {
		if got := s.servable(c.node, time.Duration(c.ms)*time.Millisecond); got != c.want {
			t.Errorf("%s at %d ms: %v", c.node, c.ms, got)
		}
	}
	lost := phase{At: 6 * sec, Kind: "x", Leader: "n0", Grudge: split(nodes[:1], nodes[1:])}
	if lost.takesLeader(nodes, e) || !lost.takesLeader(nodes, newEras(nodes, nil)) {
		t.Error("who leads alone is not taken away by a cut")
	}
}
