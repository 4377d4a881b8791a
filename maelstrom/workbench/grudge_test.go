package workbench

import (
	"fmt"
	"testing"
)

// hears counts how many nodes id hears, itself included.
func hears(g grudge, id string, nodes []string) int {
	n := 0
	for _, src := range nodes {
		if src == id || !g.cuts(src, id) {
			n++
		}
	}
	return n
}

// TestPartitionSizes compares every kind for n = 1 to 9 with the sizes that
// Maelstrom's partitions have.
func TestPartitionSizes(t *testing.T) {
	t.Parallel()
	small := map[string]func(n int) int{ // size of the smaller side
		kindOne:           func(int) int { return 1 },
		kindMinorityThird: func(n int) int { return (n - 1) / 3 },
		kindMajority:      func(n int) int { return n / 2 },
	}
	for n := 1; n <= 9; n++ {
		nodes := nodeNames(n)
		for seed := range uint64(30) {
			for kind, size := range small {
				g := partition(stream(seed, kind, ""), kind, nodes)
				sizes := map[int]int{}
				for _, id := range nodes {
					sizes[hears(g, id, nodes)]++
					for _, other := range nodes {
						if g.cuts(id, other) != g.cuts(other, id) {
							t.Fatalf("%s n=%d is not symmetric", kind, n)
						}
					}
				}
				a := size(n)
				want := map[int]int{}
				if a == 0 || a == n {
					want[n] = n
				} else {
					want[a] += a
					want[n-a] += n - a
				}
				if fmt.Sprint(sizes) != fmt.Sprint(want) {
					t.Fatalf("%s n=%d: %v, want %v", kind, n, sizes, want)
				}
			}
			checkRing(t, nodes, partition(stream(seed, "ring", ""), kindMajoritiesRing, nodes))
		}
	}
}

func checkRing(t *testing.T, nodes []string, g grudge) {
	t.Helper()
	n := len(nodes)
	twoWay := 0
	for i, a := range nodes {
		got := hears(g, a, nodes)
		if n <= 5 && got != majority(n) || got < majority(n) {
			t.Fatalf("ring n=%d: %s hears %d", n, a, got)
		}
		for _, b := range nodes[:i] {
			if g.linked(a, b) {
				twoWay++
			}
			if n != 3 && g.cuts(a, b) != g.cuts(b, a) {
				t.Fatalf("ring n=%d is not symmetric", n)
			}
		}
	}
	want, ok := map[int]int{1: 0, 2: 1, 3: 0, 4: 4, 5: 5}[n]
	if ok && twoWay != want {
		t.Fatalf("ring n=%d has %d two-way links, want %d", n, twoWay, want)
	}
	if n == 3 {
		checkCycle(t, nodes, g)
	}
}

// checkCycle: each is heard by exactly one other, round the three.
func checkCycle(t *testing.T, nodes []string, g grudge) {
	t.Helper()
	next := map[string]string{}
	for _, dest := range nodes {
		for _, src := range nodes {
			if src != dest && !g.cuts(src, dest) {
				next[src] = dest
			}
		}
	}
	if a := nodes[0]; len(next) != 3 || next[next[next[a]]] != a || next[a] == a {
		t.Fatalf("no cycle: %v", next)
	}
}

func TestReach(t *testing.T) {
	t.Parallel()
	five, three := nodeNames(5), nodeNames(3)
	for _, c := range []struct {
		name  string
		g     grudge
		nodes []string
		want  string
	}{
		{"healed", nil, five, "n0 n1 n2 n3 n4"},
		{"minority", split(five[:2], five[2:]), five, "n2 n3 n4"},
		{"tie", split(nodeNames(4)[:2], nodeNames(4)[2:]), nodeNames(4), ""},
		{"ring of five", perfectRing(five), five, "n0 n1 n2 n3 n4"},
		{"one-way cycle", perfectRing(three), three, ""},
		{"alone", nil, nodeNames(1), "n0"},
	} {
		got := ""
		reach := c.g.reach(c.nodes, everybody(c.nodes))
		for _, id := range c.nodes {
			if reach[id] {
				got += " " + id
			}
		}
		if got != "" {
			got = got[1:]
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	// A node that hears no majority itself may reach one in two hops.
	g := grudge{}
	for _, other := range []string{"n2", "n3", "n4"} {
		g.cut("n0", other)
		g.cut(other, "n0")
	}
	if !g.reach(five, everybody(five))["n0"] || g.hasMajority("n0", everybody(five)) {
		t.Error("n0 reaches a majority through n1")
	}
}

// TestKindsEquallyLikely counts what the nemesis draws.
func TestKindsEquallyLikely(t *testing.T) {
	t.Parallel()
	r := stream(1, purposeNemesis, "")
	count := map[string]int{}
	for range 4000 {
		kind, _ := drawPartition(r, nodeNames(5))
		count[kind]++
	}
	for kind, n := range count {
		if n < 900 || n > 1100 || len(count) != 4 {
			t.Errorf("%s %d of 4000", kind, n)
		}
	}
}
