package raft

import "slices"

// Early commit: a follower finds out by itself that entries are committed, and answers its clients a message delay earlier than its
// leader could tell it (DIVERGENCE.md).
//
// An entry of the present term is committed when a majority has it on disk (§5.3, §5.4.2). That is a fact, whoever knows of it. The
// leader has on disk whatever it sends; the follower knows what it has itself; and of the others some acknowledge not only to
// the leader but also to the node where the proposal was made. With three nodes nobody else is needed.
//
// The price: a follower may now have answered for an entry that the leader does not know to be committed yet. So the
// leader's commit index is no longer a read index; the end of its log is (reads.go). A follower counts for itself only if its leader
// says that it gives such read indices (AppendRequest.Early).

// noteOrigins remembers whose proposals are among new entries, if this node is to acknowledge them there as well.
func (c *core[C]) noteOrigins(f *follower[C], fresh []Entry[C]) {
	if !f.early {
		return
	}
	for _, e := range fresh {
		if at := e.ID.Node; !slices.Contains(f.second, at) && c.seconds(at, f.leader) {
			f.second = append(f.second, at)
		}
	}
}

// seconds says whether this node acknowledges to another one where a proposal was made.
func (c *core[C]) seconds(origin, leader NodeID) bool {
	return slices.Contains(c.seconders(origin, leader), c.id)
}

// seconders are the nodes that acknowledge to the one where a proposal was made. Beside that one and the leader a majority takes
// quorum-2 nodes; those do it, and perhaps a spare one (thrift.go), who stand next behind it in the list of voters.
func (c *core[C]) seconders(origin, leader NodeID) (nodes []NodeID) {
	need := c.config().majority() - 2
	voters := c.config().Voters
	at := slices.Index(voters, origin)
	if need <= 0 || at < 0 || origin == leader || !c.config().plain() { // at < 0: no proposal, or a learner's
		return nil
	}
	for i := 1; i < len(voters) && len(nodes) < need+c.spares(); i++ {
		if id := voters[(at+i)%len(voters)]; id != leader {
			nodes = append(nodes, id)
		}
	}
	return nodes
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
	for _, id := range c.seconders(origin, c.id) {
		if c.reachable(l.progress(id)) {
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
