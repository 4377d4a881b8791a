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
	Loss         float64       // probability that a message is lost
	Duplicate    float64       // probability that a message arrives twice
	Spikes       float64       // probability that a message takes longer than others
	Spike        time.Duration // by how much at most
}

func (n Network) delay(rng *rand.Rand) time.Duration {
	if chance, size := rng.Float64(), rng.Float64(); chance < n.Spikes {
		n.Latency += time.Duration(size * float64(n.Spike))
	}
	switch n.Distribution {
	case Uniform:
		return time.Duration(rng.Float64() * 2 * float64(n.Latency))
	case Exponential:
		return time.Duration(-math.Log(1-rng.Float64()) * float64(n.Latency))
	}
	return n.Latency
}

// send puts messages on their way. As in Maelstrom, whether a link is cut is seen when a message would arrive.
func (c *Cluster[C, R]) send(messages []raft.Message) {
	for _, m := range messages {
		c.Sent++
		if c.OnSend != nil {
			c.OnSend(m)
		}
		c.tell("send", m)
		copies := 1
		if c.rng.Float64() < c.Network.Duplicate {
			copies = 2
		}
		for range copies {
			delay := c.Network.delay(c.rng)
			if c.rng.Float64() < c.Network.Loss {
				c.tell("lost", m)
				continue
			}
			c.at(c.now+delay, func() { c.deliver(m) })
		}
	}
}

func (c *Cluster[C, R]) deliver(m raft.Message) {
	n := c.nodes[m.To]
	if c.cuts[link{m.From, m.To}] || n.node == nil {
		c.tell("lost", m)
		return
	}
	c.input(n, func(now time.Duration) {
		c.tell("gets", m)
		if err := n.node.Step(now, m); err != nil {
			c.Violate("nothing that a correct node says is refused", "node %s: %v", m.To, err)
		}
	})
}

// tell notes the fate of a message; to be quick where nobody listens, it looks before it formats.
func (c *Cluster[C, R]) tell(fate string, m raft.Message) {
	if c.Trace != nil {
		c.note("%s %s", fate, describe[C](m))
	}
}
