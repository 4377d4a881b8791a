package sim

import "maelraft/raft"

// Rules about what a node does, where invariants.go is about what it is: what may follow on what within a term, what it may say, and which
// state may answer a read.

// oneRolePerTerm: within a term a node's role only ever changes in these ways. A candidacy begins with a new term, a leadership only
// follows a candidacy, and whoever has led a term does not lead it, nor stand in it, a second time (§5.2).
func (c *Cluster[C, R]) oneRolePerTerm(m *member[C, R], v raft.View[C]) {
	old := m.seen
	if !old.observed || old.Term != v.Term || old.Role == v.Role {
		return
	}
	if old.Role == raft.Leader {
		m.seen.deposed = v.Term
	}
	allowed := false
	switch v.Role {
	case raft.Follower:
		allowed = true
	case raft.PreCandidate:
		allowed = old.Role != raft.Leader
	case raft.Leader:
		allowed = old.Role == raft.Candidate && old.deposed != v.Term
	}
	if !allowed {
		c.Violate("roles within a term", "node %s went from %s to %s in term %d", m.id, old.Role, v.Role, v.Term)
	}
}

// leaderAppendOnly: a leader keeps its log and adds to it (Figure 3). By log matching the last entry stands for all.
func (c *Cluster[C, R]) leaderAppendOnly(m *member[C, R], v raft.View[C]) {
	old := m.seen
	if old.Role != raft.Leader || v.Role != raft.Leader || old.Term != v.Term {
		return
	}
	last := logEnd(old.View)
	if e, ok := entryAt(v.Log, last.index); last.index > v.Base && (!ok || e.Term != last.term) {
		c.Violate("leader append-only", "node %s lost its entry %d", m.id, last.index)
	}
}

// checkPromises: whoever speaks has on disk what Figure 2 calls persistent, all of it; what a message says of it is no more than that; and a
// node that has failed is silent.
func (c *Cluster[C, R]) checkPromises(m *member[C, R], messages []raft.Message) {
	if len(messages) == 0 {
		return
	}
	v := m.node.View()
	saved, _ := m.disk.Load()
	if saved.HardState != v.HardState || lastOnDisk(saved) != logEnd(v) {
		c.Violate("durable before it speaks", "node %s is at %+v and %+v, its disk at %+v and %+v",
			m.id, v.HardState, logEnd(v), saved.HardState, lastOnDisk(saved))
	}
	if m.node.Status().Failed {
		c.Violate("a failed node is silent", "node %s sends %d messages", m.id, len(messages))
	}
	for _, message := range messages {
		c.checkPromise(m, saved, message)
	}
}

// lastOnDisk returns index and term of the last entry that is on a disk, or that the snapshot there stands for.
func lastOnDisk[C any](saved raft.Saved[C]) position {
	return lastOf(saved.Entries, position{saved.Snapshot.Index, saved.Snapshot.Term})
}

func (c *Cluster[C, R]) checkPromise(m *member[C, R], saved raft.Saved[C], message raft.Message) {
	switch b := message.Body.(type) {
	case raft.VoteReply:
		if voted, ok := c.known.votes[vote{m.id, b.Term}]; b.Granted && (!ok || voted != message.To) {
			c.Violate("one vote per term", "node %s grants %s a vote in term %d, and voted for %q", m.id, message.To, b.Term, voted)
		}
	case raft.AppendReply, raft.ConfirmReply, raft.SnapshotReply:
		if i := confirmed(b); i > lastOnDisk(saved).index {
			c.Violate("durable before it speaks", "node %s confirms entry %d by %T", m.id, i, b)
		}
	case raft.AppendRequest[C]:
		if leader := c.known.leaders[b.Term]; leader != m.id {
			c.Violate("election safety", "node %s appends in term %d, which %q leads", m.id, b.Term, leader)
		}
		c.announced(m, b.Commit)
	case raft.CommitNotice:
		c.announced(m, b.Commit)
	}
}

// confirmed is up to where a message says that its sender has a log durably.
func confirmed(body raft.Body) raft.Index {
	switch b := body.(type) {
	case raft.AppendReply:
		if b.OK {
			return b.Match
		}
	case raft.ConfirmReply:
		return b.Last
	case raft.SnapshotReply:
		if b.Done {
			return b.Index
		}
	}
	return 0
}

// announced: what a leader names as committed has been committed.
func (c *Cluster[C, R]) announced(m *member[C, R], commit raft.Index) {
	if int(commit) > len(c.known.committed) {
		c.Violate("only what is committed is announced", "node %s says %d, committed are %d", m.id, commit, len(c.known.committed))
	}
}

// readFreshness: the state that answers a read has applied whatever any node had applied when the read began. That is more than
// linearizability asks, and true of this core: what a node has applied, the leader of its term knew or had appended, and every later leader
// commits before it serves.
func (c *Cluster[C, R]) readFreshness(id raft.NodeID, least raft.Index, o raft.Outcome[R]) {
	if n := c.Node(id); o.Err == nil && n != nil && n.Status().Applied < least {
		c.Violate("read freshness", "node %s answers from entry %d, and entry %d had been applied before the read", id, n.Status().Applied, least)
	}
}

// exclusiveLease: as long as a leader has a lease by its own clock, nobody else leads a later term. If it holds, no read by a lease is stale,
// whether or not anybody reads at that moment.
func (c *Cluster[C, R]) exclusiveLease(m *member[C, R], v raft.View[C]) {
	if v.Role != raft.Leader {
		return
	}
	for _, id := range c.IDs {
		o := c.nodes[id]
		if o == m || o.node == nil || !o.seen.observed || o.seen.Role != raft.Leader || o.node.Status().Failed {
			continue
		}
		old, young, now := o, v, o.clock.shows(c.now)
		leased := o.seen.Leased
		if o.seen.Term > v.Term {
			old, young, now, leased = m, o.seen.View, m.clock.shows(c.now), v.Leased
		}
		if now < leased {
			c.Violate("a lease excludes other leaders", "node %s has a lease for %v more, and another leads term %d", old.id, leased-now, young.Term)
		}
	}
}
