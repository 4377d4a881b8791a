package sim

import (
	"math/rand/v2"
	"time"

	"maelraft/raft"
)

// clockSpread is how far clocks drift, as a power of two: the slowest takes four seconds for one, the fastest a quarter.
const clockSpread = 2

// cutShapes are the faults that cut links. They take turns: a cut replaces the one before, or comes on top of it.
const cutShapes = OneWay | Bridge | Ring | Minority | Majority | Leak

// Weather begins phase one: from now on, what the mix contains goes wrong again and again, until Calm.
func (c *Cluster[C, R]) Weather(s Swarm) {
	c.Network, c.Crashes, c.SyncErrors, c.calm = s.Network, s.Crashes, s.SyncErrors, false
	for i, kind := range []struct {
		fault Faults
		do    func(*rand.Rand)
	}{
		{cutShapes, func(rng *rand.Rand) { c.changeCuts(s.Faults, rng) }},
		{Pauses, func(rng *rand.Rand) {
			id := c.victim(rng)
			c.Pause(id)
			c.later(upTo(s.Every, rng), func() { c.Resume(id) })
		}},
		{Kills, func(rng *rand.Rand) { c.kill(c.victim(rng), upTo(s.Every, rng)) }},
		{KillAll, func(rng *rand.Rand) {
			for _, id := range c.IDs {
				c.kill(id, upTo(s.Every/2, rng))
			}
		}},
		{DiskFull, func(rng *rand.Rand) {
			id := c.victim(rng)
			c.Fill(id, true)
			c.later(upTo(s.Every, rng), func() { c.Fill(id, false) })
		}},
		{Drift, func(rng *rand.Rand) { c.Drift(c.victim(rng), s.rate(rng)) }},
		{Stops, func(rng *rand.Rand) {
			id := c.victim(rng)
			c.Drift(id, 0)
			c.later(upTo(s.Every, rng), func() { c.Drift(id, 1) })
		}},
		{Transfers, func(rng *rand.Rand) {
			c.Transfer(c.victim(rng), append(c.IDs, "")[rng.IntN(len(c.IDs)+1)], upTo(s.Every, rng), func(raft.Outcome[R]) {})
		}},
		{Members, func(rng *rand.Rand) {
			c.Change(c.victim(rng), c.drawChange(rng), upTo(2*s.Every, rng), func(raft.Outcome[R]) {})
		}},
	} {
		if s.Faults.has(kind.fault) {
			c.again(kind.do, s.Every, rand.New(rand.NewPCG(s.Seed, streamWeather+uint64(i))))
		}
	}
}

// again does something at random intervals until the weather is over.
func (c *Cluster[C, R]) again(do func(*rand.Rand), every time.Duration, rng *rand.Rand) {
	c.later(upTo(2*every, rng), func() {
		do(rng)
		c.again(do, every, rng)
	})
}

// later is After for the weather: what is still to come when it ends does not come.
func (c *Cluster[C, R]) later(d time.Duration, f func()) {
	c.After(d, func() {
		if !c.calm {
			f()
		}
	})
}

func upTo(d time.Duration, rng *rand.Rand) time.Duration { return time.Duration(rng.Int64N(int64(d))) }

// victim returns any node, and every other time the leader: more depends on it.
func (c *Cluster[C, R]) victim(rng *rand.Rand) raft.NodeID {
	id := c.IDs[rng.IntN(len(c.IDs))]
	if leader := c.Leader(); rng.IntN(2) == 0 && leader != "" {
		return leader
	}
	return id
}

func (c *Cluster[C, R]) kill(id raft.NodeID, down time.Duration) {
	c.Crash(id)
	c.later(down, func() { c.Restart(id) })
}

func (c *Cluster[C, R]) changeCuts(shapes Faults, rng *rand.Rand) {
	if rng.IntN(3) > 0 {
		c.Heal()
	}
	if of := (shapes & cutShapes).each(); rng.IntN(3) > 0 {
		c.cutSome(of[rng.IntN(len(of))], rng)
	}
}

// Fill makes a node's disk full, or empties it. A node that meets a full disk has failed.
func (c *Cluster[C, R]) Fill(id raft.NodeID, full bool) {
	c.note("the disk of %s is full: %v", id, full)
	c.nodes[id].full = full
	c.nodes[id].disk.Fill(full)
}

// Calm begins phase two: a random quorum is healed, and returned. The others stay broken for good, each in its own way, if
// the mix says so. What they still say, and what is still under way, must keep nobody from being served.
func (c *Cluster[C, R]) Calm(s Swarm) (healthy []raft.NodeID) {
	rng := rand.New(rand.NewPCG(s.Seed, streamCalm))
	c.calm, c.Crashes, c.SyncErrors = true, 0, 0
	c.Network.Loss, c.Network.Duplicate, c.Network.Spikes = 0, 0, 0
	c.Heal()
	for _, id := range c.IDs {
		if s.Faults.has(Members) {
			c.Crash(id) // and nobody wishes for another membership any more
		}
		c.guard(func() { c.Repair(id) })
	}
	if !s.Faults.has(Wreckage) {
		return c.IDs
	}
	ids := shuffled(c.IDs, rng)
	n := 1
	for n < len(ids) && !c.suffices(ids[:n]) {
		n++
	}
	for _, id := range ids[n:] {
		c.wreck(id, s.slowest(), rng)
	}
	c.note("phase two: %v are healed", ids[:n])
	return ids[:n]
}

// Repair makes a node a healthy one: up, with a disk and a clock that work.
func (c *Cluster[C, R]) Repair(id raft.NodeID) {
	if c.nodes[id].full {
		c.Fill(id, false)
	}
	if c.nodes[id].clock.rate != 1 {
		c.Drift(id, 1)
	}
	c.Resume(id)
	if n := c.Node(id); n != nil && n.Status().Failed {
		c.Crash(id)
	}
	c.Restart(id)
}

// wreck breaks a node for good. A clock that may not stand still runs as slowly as it may.
func (c *Cluster[C, R]) wreck(id raft.NodeID, slowest float64, rng *rand.Rand) {
	hears, speaks := true, true
	switch rng.IntN(7) {
	case 0:
		c.Crash(id)
	case 1:
		c.Pause(id)
	case 2:
		c.Fill(id, true)
	case 3:
		c.Drift(id, slowest)
	case 4:
		hears = false
	case 5:
		speaks = false
	case 6:
		hears, speaks = false, false
	}
	for _, other := range c.IDs {
		if other != id && !hears {
			c.Cut(other, id)
		}
		if other != id && !speaks {
			c.Cut(id, other)
		}
	}
}
