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

// spareSeconders is how many nodes more than necessary acknowledge to the node where a proposal was made, in case that one does not.
const spareSeconders = 1

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

// seconds says whether this node acknowledges to another one where a proposal was made. Beside that one and the leader a majority takes
// quorum-2 nodes; those do it, and a spare one, who stand next behind it in the list of members.
func (c *core[C]) seconds(origin, leader NodeID) bool {
	need := c.config.majority() - 2
	if need <= 0 || origin == c.id || origin == leader {
		return false
	}
	members := c.cfg.Members
	at := slices.Index(members, origin)
	if at < 0 {
		return false // the no-op
	}
	for i := 1; i < len(members) && need+spareSeconders > 0; i++ {
		switch members[(at+i)%len(members)] {
		case c.id:
			return true
		case leader:
		default:
			need--
		}
	}
	return false
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
	if !f.early {
		return
	}
	n := min(f.verified, reached(c.config, func(id NodeID) Index {
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
