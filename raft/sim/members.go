package sim

import (
	"math/rand/v2"
	"slices"
	"time"

	"maelraft/raft"
	"maelraft/raft/internal/oracle"
)

// Who belongs to the cluster, and what follows from it for the rules.

// Change asks a node for another membership (raft.Node.ChangeMembership).
func (c *Cluster[C, R]) Change(id raft.NodeID, what raft.Change, limit time.Duration, done func(raft.Outcome[R])) {
	c.note("%s is asked to %s %v", id, what.Kind, what.Nodes)
	c.request(id, limit, done, func(n *raft.Node[C, R], now, deadline time.Duration) raft.Ticket {
		return n.ChangeMembership(now, what, deadline)
	})
}

// drawChange draws a change of which nobody knows whether it makes sense.
func (c *Cluster[C, R]) drawChange(rng *rand.Rand) raft.Change {
	kinds := []raft.ChangeKind{
		raft.AddLearner, raft.AddVoter, raft.AddVoter, raft.AddVoter, raft.Promote, raft.Remove, raft.Remove, raft.Replace, raft.Replace,
		raft.AddWitness,
	}
	what := raft.Change{Kind: kinds[rng.IntN(len(kinds))], Nodes: shuffled(c.IDs, rng)[:1]}
	if what.Kind == raft.Replace {
		what.Nodes = shuffled(c.IDs, rng)[:1+rng.IntN(len(c.IDs))]
	}
	return what
}

// Serves says whether a node is to answer requests: it is a member, by the configuration in force at the leader, or the last one committed.
func (c *Cluster[C, R]) Serves(id raft.NodeID) bool {
	if leader := c.Leader(); leader != "" {
		g := c.Node(leader).Status().Configuration
		return g.Serves(id)
	}
	return c.lastCommitted().Serves(id)
}

// lastCommitted is the last configuration that has been committed.
func (c *Cluster[C, R]) lastCommitted() *raft.Configuration {
	for _, e := range slices.Backward(c.known.committed) {
		if e.Config != nil {
			return e.Config
		}
	}
	return &raft.Configuration{Voters: c.config.Members}
}

// Configurations returns how many configurations have been committed since the beginning.
func (c *Cluster[C, R]) Configurations() (n int) {
	for _, e := range c.known.committed {
		if e.Config != nil {
			n++
		}
	}
	return n
}

// possible are the configurations of which any may be in force at the next leader: the last that was committed, and what came behind it to any disk.
func (c *Cluster[C, R]) possible() []*raft.Configuration {
	all := []*raft.Configuration{c.lastCommitted()}
	for _, id := range c.IDs {
		saved, _ := c.nodes[id].disk.Load()
		for _, e := range saved.Entries {
			if e.Config != nil && e.Index > all[0].Index {
				all = append(all, e.Config)
			}
		}
	}
	return all
}

// suffices says whether some nodes are enough for the cluster to work, whichever of the possible configurations is in force. Where there are witnesses it
// takes all nodes that have the state: what was committed while one of them was away, none but the others may have.
func (c *Cluster[C, R]) suffices(ids []raft.NodeID) bool {
	in := func(id raft.NodeID) bool { return slices.Contains(ids, id) }
	for _, g := range c.possible() {
		voters := slices.Concat(g.Voters, g.Outgoing)
		data := slices.DeleteFunc(slices.Clone(voters), g.Witness)
		if !oracle.IsQuorum(g, in) || len(data) < len(voters) && !all(data, in) {
			return false
		}
	}
	return true
}

func all(ids []raft.NodeID, in func(raft.NodeID) bool) bool {
	return !slices.ContainsFunc(ids, func(id raft.NodeID) bool { return !in(id) })
}

// during returns the configurations that have been in force at a node since it was last looked at.
func during[C any](old, v raft.View[C]) (all []*raft.Configuration) {
	for _, g := range v.Configurations {
		if len(old.Configurations) == 0 || g.Index >= old.Configuration.Index {
			all = append(all, g)
		}
	}
	return append(all, &v.Configuration)
}
