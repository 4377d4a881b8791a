package sim

import (
	"math/rand/v2"
	"slices"

	"maelraft/raft"
)

// link is a direction between two nodes.
type link struct{ from, to raft.NodeID }

// Cut drops all messages from one node to another, in this direction only, until Heal.
func (c *Cluster[C, R]) Cut(from, to raft.NodeID) {
	c.note("cut %s>%s", from, to)
	c.cuts[link{from, to}] = true
}

// Isolate cuts a node off from all others, both ways.
func (c *Cluster[C, R]) Isolate(id raft.NodeID) { c.Split(id) }

// Split cuts all links between the given nodes and the others.
func (c *Cluster[C, R]) Split(side ...raft.NodeID) {
	for _, a := range c.IDs {
		for _, b := range c.IDs {
			if slices.Contains(side, a) != slices.Contains(side, b) {
				c.Cut(a, b)
			}
		}
	}
}

// Heal restores all links.
func (c *Cluster[C, R]) Heal() {
	if len(c.cuts) > 0 {
		c.note("all links are whole")
	}
	clear(c.cuts)
}

// cutSome cuts links in one of the given shapes.
func (c *Cluster[C, R]) cutSome(shape Faults, rng *rand.Rand) {
	ids := shuffled(c.IDs, rng)
	n, less := len(ids), (len(ids)-1)/2
	switch shape {
	case OneWay:
		for range 1 + rng.IntN(n) {
			if a, b := rng.IntN(n), rng.IntN(n); a != b {
				c.Cut(ids[a], ids[b])
			}
		}
	case Bridge: // the first one is it
		for _, a := range ids[1 : 1+n/2] {
			for _, b := range ids[1+n/2:] {
				c.Cut(a, b)
				c.Cut(b, a)
			}
		}
	case Ring: // everybody hears those that follow it
		for i := range ids {
			for j := n/2 + 1; j < n; j++ {
				c.Cut(ids[(i+j)%n], ids[i])
			}
		}
	case Minority:
		c.Split(c.leaderFirst(ids)[:min(n, 1+rng.IntN(max(less, 1)))]...)
	case Leak:
		side := c.leaderFirst(ids)[:max(less, 1)]
		c.Split(side...)
		if a, b := side[len(side)-1], ids[n-1]; a != b {
			c.note("leave %s<>%s", a, b)
			delete(c.cuts, link{a, b})
			delete(c.cuts, link{b, a})
		}
	case Majority:
		c.Split(c.leaderFirst(ids)[n-rng.IntN(less+1):]...)
	}
}

// leaderFirst moves the leader to the front, if there is one.
func (c *Cluster[C, R]) leaderFirst(ids []raft.NodeID) []raft.NodeID {
	if i := slices.Index(ids, c.Leader()); i > 0 {
		ids[0], ids[i] = ids[i], ids[0]
	}
	return ids
}

func shuffled(ids []raft.NodeID, rng *rand.Rand) []raft.NodeID {
	ids = slices.Clone(ids)
	rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	return ids
}
