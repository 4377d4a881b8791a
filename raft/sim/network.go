package sim

import (
	"math"
	"math/rand/v2"
	"time"

	"maelraft/raft"
)

// Distribution is how one-way delays are spread around their mean, as in Maelstrom.
type Distribution int

// The distributions of Maelstrom's --latency-dist.
const (
	Constant    Distribution = iota
	Uniform                  // between zero and twice the mean
	Exponential              // many short, few very long
)

// Network says how messages travel. The zero value delivers everything at once.
type Network struct {
	Latency      time.Duration // mean, one way
	Distribution Distribution
	Loss         float64 // probability that a message is lost
	Duplicate    float64 // probability that a message arrives twice
}

func (n Network) delay(rng *rand.Rand) time.Duration {
	switch n.Distribution {
	case Uniform:
		return time.Duration(rng.Float64() * 2 * float64(n.Latency))
	case Exponential:
		return time.Duration(-math.Log(1-rng.Float64()) * float64(n.Latency))
	}
	return n.Latency
}

// link is a direction between two nodes.
type link struct{ from, to raft.NodeID }

// Cut drops all messages from one node to another, in this direction only, until Heal.
func (c *Cluster[C, R]) Cut(from, to raft.NodeID) { c.cuts[link{from, to}] = true }

// Isolate cuts a node off from all others, both ways.
func (c *Cluster[C, R]) Isolate(id raft.NodeID) {
	for _, other := range c.IDs {
		if other != id {
			c.Cut(id, other)
			c.Cut(other, id)
		}
	}
}

// Split cuts all links between the given nodes and the others.
func (c *Cluster[C, R]) Split(side ...raft.NodeID) {
	in := map[raft.NodeID]bool{}
	for _, id := range side {
		in[id] = true
	}
	for _, a := range c.IDs {
		for _, b := range c.IDs {
			if in[a] != in[b] {
				c.Cut(a, b)
			}
		}
	}
}

// Heal restores all links.
func (c *Cluster[C, R]) Heal() { clear(c.cuts) }

// send puts messages on their way. As in Maelstrom, whether a link is cut is seen when a message would arrive.
func (c *Cluster[C, R]) send(messages []raft.Message) {
	for _, m := range messages {
		c.Sent++
		if c.Trace != nil {
			c.Trace(c.now, m)
		}
		copies := 1
		if c.rng.Float64() < c.Network.Duplicate {
			copies = 2
		}
		for range copies {
			if c.rng.Float64() < c.Network.Loss {
				continue
			}
			c.at(c.now+c.Network.delay(c.rng), func() { c.deliver(m) })
		}
	}
}

func (c *Cluster[C, R]) deliver(m raft.Message) {
	n := c.nodes[m.To]
	if c.cuts[link{m.From, m.To}] || n.node == nil {
		return
	}
	c.input(n, func(now time.Duration) {
		if err := n.node.Step(now, m); err != nil {
			c.fail("node %s refused a message that a correct node sent: %v", m.To, err)
		}
	})
}
