package raft

import "slices"

// Early commit: a follower finds out by itself that entries are committed, and answers its clients a message delay earlier than its
// leader could tell it (DIVERGENCE.md).
//
// An entry of the present term is committed when a majority has it on disk (§5.3, §5.4.2). That is a fact, whoever knows of it. The
// leader has on disk whatever it sends; the follower knows what it has itself; and of the others some acknowledge not only to
// the leader but also to the node where the proposal was made, which has named them. With three nodes nobody else is needed.
//
// The price: a follower may now have answered for an entry that the leader does not know to be committed yet. So the
// leader's commit index is no longer a read index; the end of its log is (reads.go). A follower counts for itself only if its leader
// says that it gives such read indices (AppendRequest.Early).

// seconders are the nodes that a follower asks to acknowledge its proposals to itself as well. Beside it and the leader a majority takes quorum-2
// nodes; those do it, and perhaps a spare one (thrift.go), that were the last to confirm a term to it: they are there, and so is the way from them.
func (c *core[C]) seconders(leader NodeID) (nodes []NodeID) {
	need := c.config().majority() - 2
	if need <= 0 || !c.countsForItself(c.id) {
		return nil
	}
	for _, id := range c.confirmers {
		if id != leader && len(nodes) < need+c.spares() {
			nodes = append(nodes, id)
		}
	}
	return nodes
}

// toSecond returns whose proposals are among the entries for a follower that it is to second.
func (c *core[C]) toSecond(l *leader[C], follower NodeID, entries []Entry[C]) (origins []NodeID) {
	if !c.cfg.EarlyCommit || !c.config().plain() {
		return nil
	}
	for _, e := range entries {
		at := e.ID.Node
		if e.Term == c.hard.Term && at != follower && slices.Contains(l.seconders[at], follower) && !slices.Contains(origins, at) {
			origins = append(origins, at)
		}
	}
	return origins
}

// noteOrigins remembers to which other members this node is to acknowledge what it has just appended, besides its leader.
func (c *core[C]) noteOrigins(f *follower[C], origins []NodeID) {
	for _, id := range origins {
		if !slices.Contains(f.second, id) && id != c.id && c.config().Votes(id) {
			f.second = append(f.second, id)
		}
	}
}

// learnsOfCommit says whether a follower that reads will find out by itself when the read's index is committed: where nobody has to second anything, or
// if the entry there is its own proposal.
func (c *core[C]) learnsOfCommit(l *leader[C], r leaderRead) bool {
	if !c.countsForItself(r.from) {
		return false
	}
	if c.config().majority() <= 2 {
		return true
	}
	e := c.log.slice(r.index-1, r.index)[0]
	return e.ID.Node == r.from && c.seconded(l, r.from)
}

// countsForItself says whether a follower, if it is as far as its leader, may count what is committed: it has a vote, and what it knows of the others is
// the whole story, as it is not in the midst of a change, nor where a witness' vote counts at some times only.
func (c *core[C]) countsForItself(id NodeID) bool { return c.config().plain() && c.config().Votes(id) }

// seconded says whether a follower will learn of the commit of its own proposals from the nodes that acknowledge them to it, as far as their leader can
// tell: it has heard from enough of them lately.
func (c *core[C]) seconded(l *leader[C], origin NodeID) bool {
	if !c.countsForItself(origin) {
		return false
	}
	alive := 0
	for _, id := range l.seconders[origin] {
		if p := l.progress(id); p != nil && c.reachable(p) {
			alive++
		}
	}
	return alive >= c.config().majority()-2
}

// sendSeconds acknowledges to the nodes whose proposals have just been appended.
func (c *core[C]) sendSeconds(f *follower[C], reply AppendReply) {
	if reply.OK {
		for _, to := range f.second {
			c.send(to, reply)
		}
		f.second = nil
	}
}

// noteAck notes up to where another voter has acknowledged entries of the present term to this follower.
func (c *core[C]) noteAck(from NodeID, last Index) {
	if f, ok := c.role.(*follower[C]); ok && c.config().Votes(from) {
		f.acks[from] = max(f.acks[from], last)
	}
}

// commitEarly moves the commit index as far as this follower itself knows a majority to have the leader's entries on disk. Entries of
// earlier terms do not count, however many have them (Figure 8).
func (c *core[C]) commitEarly(f *follower[C]) {
	if !f.early || !c.inConfiguration(f.configuration) || !c.countsForItself(c.id) {
		return
	}
	n := min(f.verified, reached(c.config(), func(id NodeID) Index {
		switch id {
		case c.id:
			return c.log.saved
		case f.leader:
			return f.verified // it syncs before it sends
		}
		return f.acks[id]
	}))
	if t, ok := c.log.term(n); ok && t == c.hard.Term {
		c.commit = max(c.commit, n)
	}
}
