package workbench

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// grudge maps a receiver to the senders whose messages it does not get. A nil
// grudge cuts nothing. It is not changed once it is in force.
type grudge map[string]map[string]bool

// cuts says whether messages from src to dest are dropped.
func (g grudge) cuts(src, dest string) bool { return g[dest][src] }

// linked says whether messages pass both ways. A node is linked to itself,
// unless it is down.
func (g grudge) linked(a, b string) bool { return !g.cuts(a, b) && !g.cuts(b, a) }

// union returns a grudge that cuts whatever one of the two cuts.
func (g grudge) union(other grudge) grudge {
	sum := grudge{}
	for _, part := range []grudge{g, other} {
		for dest, senders := range part {
			for src := range senders {
				sum.cut(src, dest)
			}
		}
	}
	return sum
}

// without returns a grudge that also cuts nodes that are down from everybody,
// themselves included: they serve nobody.
func (g grudge) without(down, nodes []string) grudge {
	sum := g.union(nil)
	for _, id := range down {
		for _, other := range nodes {
			sum.cut(id, other)
			sum.cut(other, id)
		}
	}
	return sum
}

// lists returns the grudge with sorted lists, for the record.
func (g grudge) lists() map[string][]string {
	out := map[string][]string{}
	for dest, senders := range g {
		if len(senders) > 0 {
			out[dest] = slices.Sorted(maps.Keys(senders))
		}
	}
	return out
}

// Kinds of partition. Maelstrom's four are equally likely.
const (
	kindOne            = "one"
	kindMinorityThird  = "minority-third"
	kindMajority       = "majority"
	kindMajoritiesRing = "majorities-ring"
	// kindDeaf and kindMute cut one direction: a node that hears nobody, or
	// that nobody hears. kindBridge leaves two halves one node in common.
	kindDeaf   = "deaf"
	kindMute   = "mute"
	kindBridge = "bridge"
)

var partitionKinds = []string{kindOne, kindMinorityThird, kindMajority, kindMajoritiesRing}

// drawPartition picks a kind of partition and the nodes it hits.
func drawPartition(r *rand.Rand, nodes []string) (string, grudge) {
	kind := partitionKinds[r.IntN(len(partitionKinds))]
	return kind, partition(r, kind, nodes)
}

// partition draws the nodes that a kind of partition hits.
func partition(r *rand.Rand, kind string, nodes []string) grudge {
	n := len(nodes)
	shuffled := slices.Clone(nodes)
	r.Shuffle(n, func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	switch kind {
	case kindOne:
		return split(shuffled[:1], shuffled[1:])
	case kindMinorityThird:
		third := (n - 1) / 3
		return split(shuffled[:third], shuffled[third:])
	case kindMajority:
		return split(shuffled[:n/2], shuffled[n/2:])
	case kindDeaf:
		return oneWay(shuffled[1:], shuffled[:1])
	case kindMute:
		return oneWay(shuffled[:1], shuffled[1:])
	case kindBridge:
		return split(shuffled[1:1+n/2], shuffled[1+n/2:])
	default:
		if n <= 5 {
			return perfectRing(shuffled)
		}
		return stochasticRing(r, shuffled)
	}
}

// split cuts every link between the two sides.
func split(a, b []string) grudge { return oneWay(a, b).union(oneWay(b, a)) }

// oneWay cuts the way from every sender to every receiver.
func oneWay(senders, receivers []string) grudge {
	g := grudge{}
	for _, src := range senders {
		for _, dest := range receivers {
			g.cut(src, dest)
		}
	}
	return g
}

func (g grudge) cut(src, dest string) {
	if g[dest] == nil {
		g[dest] = map[string]bool{}
	}
	g[dest][src] = true
}

// majority is the least number of n nodes that is more than half of them.
func majority(n int) int { return n/2 + 1 }

// perfectRing lays the nodes on a ring and lets the middle one of every run of
// a majority hear that run only. With three nodes a run is two long and has no
// middle: the later one hears the earlier, which makes a one-way cycle.
func perfectRing(ring []string) grudge {
	n := len(ring)
	m := majority(n)
	g := grudge{}
	for start := range n {
		hears := map[string]bool{}
		for k := range m {
			hears[ring[(start+k)%n]] = true
		}
		dest := ring[(start+m/2)%n]
		for _, src := range ring {
			if !hears[src] {
				g.cut(src, dest)
			}
		}
	}
	return g
}

// stochasticRing links nodes at random, always one of the least linked to
// another of the least linked, until each sees a majority. Links are two-way.
func stochasticRing(r *rand.Rand, nodes []string) grudge {
	sees := map[string]map[string]bool{}
	for _, id := range nodes {
		sees[id] = map[string]bool{id: true}
	}
	for {
		a := leastLinked(r, nodes, sees, nil)
		if len(sees[a]) >= majority(len(nodes)) {
			break
		}
		b := leastLinked(r, nodes, sees, sees[a])
		sees[a][b], sees[b][a] = true, true
	}
	g := grudge{}
	for _, dest := range nodes {
		for _, src := range nodes {
			if !sees[dest][src] {
				g.cut(src, dest)
			}
		}
	}
	return g
}

// leastLinked picks at random among the nodes outside except that see fewest.
func leastLinked(r *rand.Rand, nodes []string, sees map[string]map[string]bool, except map[string]bool) string {
	var best []string
	for _, id := range nodes {
		if except[id] {
			continue
		}
		if len(best) > 0 && len(sees[id]) < len(sees[best[0]]) {
			best = best[:0]
		}
		if len(best) == 0 || len(sees[id]) == len(sees[best[0]]) {
			best = append(best, id)
		}
	}
	return best[r.IntN(len(best))]
}
