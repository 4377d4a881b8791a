package sim

import (
	"math"
	"time"

	"maelraft/raft"
)

// clock is a node's own clock. It shows base at the moment since, and runs at its rate from there on; it never goes back.
type clock struct {
	base, since time.Duration
	rate        float64
}

// shows returns what the clock shows at a moment.
func (k clock) shows(at time.Duration) time.Duration {
	return k.base + time.Duration(float64(at-k.since)*k.rate)
}

// when returns the moment at which the clock shows a time, which for a clock that stands still may be never.
func (k clock) when(shown time.Duration) time.Duration {
	switch {
	case shown <= k.base:
		return k.since
	case k.rate == 0:
		return forever
	}
	d := math.Ceil(float64(shown-k.base) / k.rate)
	if d >= float64(forever-k.since) {
		return forever
	}
	return k.since + time.Duration(d)
}

// Drift lets a node's clock run at another rate from now on: at 0.5 it takes two seconds for one, at 0 it stands still.
func (c *Cluster[C, R]) Drift(id raft.NodeID, rate float64) {
	m := c.nodes[id]
	c.note("the clock of %s runs at %.3f", id, rate)
	m.clock = clock{base: m.clock.shows(c.now), since: c.now, rate: rate}
	c.input(m, func(time.Duration) {}) // its next wake-up may have come nearer
}
