package raft

import "slices"

// Log replication, the follower's side: §5.3, "Receiver implementation" of AppendEntries in Figure 2.

// handleAppend takes in entries or a heartbeat from the leader of the present term. check has made sure that there is no other.
func (c *core[C]) handleAppend(from NodeID, m AppendRequest[C]) {
	f := c.followerOf(from)
	c.pace.adopt(m.RTT, c.now)
	promise := c.promise(m.Promise)
	c.hearLeader(f)
	f.leaderCommit = max(f.leaderCommit, m.Commit)
	f.early = m.Early
	f.configuration = max(f.configuration, m.Configuration)
	f.leases = m.Promise > 0

	if m.PrevIndex > c.log.last() && len(m.Entries) > 0 {
		f.keep(m)
	}
	reply := c.appendEntries(f, m)
	if reply.OK {
		reply.Match = max(reply.Match, c.appendStashed(f))
	}
	c.learnCommit(f, m.Commit)
	if !m.Quiet || !reply.OK {
		first := reply
		first.Promise = promise
		c.send(from, first)
	}
	c.sendSeconds(f, reply)
}

// followerOf returns the role value of a follower of the given leader, and makes this node one if it was not. A node whose vote the leader
// has does not start over: what it sent along with the vote is on its way.
func (c *core[C]) followerOf(leader NodeID) *follower[C] {
	f, ok := c.role.(*follower[C])
	switch {
	case ok && f.leader == leader:
	case ok && f.elect == leader:
		f.leader = leader
	default:
		c.becomeFollower(c.hard.Term, leader)
		f = c.role.(*follower[C])
	}
	return f
}

// hearLeader notes that the leader is alive.
func (c *core[C]) hearLeader(f *follower[C]) {
	f.heardAt = c.now
	c.failures, c.outside = 0, false
	c.resetElectionTimer()
}

// appendEntries makes the log agree with the leader's up to the last entry of the request, if it agrees before the first.
func (c *core[C]) appendEntries(f *follower[C], m AppendRequest[C]) AppendReply {
	reply := AppendReply{Term: c.hard.Term, Round: m.Round, At: m.At, PrevIndex: m.PrevIndex}
	if m.PrevIndex >= c.log.base && !c.log.has(m.PrevIndex, m.PrevTerm) {
		reply.HintIndex = c.log.lastAtOrBelow(min(c.log.last(), m.PrevIndex-1), m.PrevTerm)
		reply.HintTerm, _ = c.log.term(reply.HintIndex)
		return reply
	}
	// What was dropped here was committed, so it agrees. What is there already stays, also behind the request's end: the request may be old,
	// and entries that follow it may have been acknowledged since. Only a real conflict proves the rest to be wrong.
	fresh := m.Entries
	for len(fresh) > 0 && (fresh[0].Index <= c.log.base || c.log.has(fresh[0].Index, fresh[0].Term)) {
		fresh = fresh[1:]
	}
	if len(fresh) > 0 {
		was := c.config()
		c.log.truncate(fresh[0].Index - 1)
		c.log.append(fresh...)
		if c.config() != was {
			c.configured()
		}
		c.noteOrigins(f, m.Second)
	}
	reply.OK = true
	reply.Match = m.PrevIndex + Index(len(m.Entries))
	f.verified = max(f.verified, reply.Match)
	return reply
}

// learnCommit moves the commit index to what the leader says, as far as this log is known to agree with the leader's (Figure 2:
// the index of the last new entry, which is not the end of the log).
func (c *core[C]) learnCommit(f *follower[C], leaderCommit Index) {
	f.leaderCommit = max(f.leaderCommit, leaderCommit)
	c.commit = max(c.commit, min(f.leaderCommit, f.verified))
}

func (c *core[C]) handleCommitNotice(from NodeID, m CommitNotice) {
	if f, ok := c.role.(*follower[C]); ok && f.leader == from {
		c.hearLeader(f)
		c.learnCommit(f, m.Commit)
	}
}

// keep puts an append aside that has overtaken the one before it: networks reorder, and the leader does not wait
// (DIVERGENCE.md). What does not fit is dropped, as a network may.
func (f *follower[C]) keep(m AppendRequest[C]) {
	at, found := slices.BinarySearchFunc(f.stash, m, func(a, b AppendRequest[C]) int {
		return int(a.PrevIndex) - int(b.PrevIndex)
	})
	switch {
	case found && len(f.stash[at].Entries) < len(m.Entries):
		f.stash[at] = m
	case !found && len(f.stash) < maxStash:
		f.stash = slices.Insert(f.stash, at, m)
	}
}

// appendStashed appends what had been put aside and now follows, and returns how far the log agrees with the leader's.
func (c *core[C]) appendStashed(f *follower[C]) Index {
	for len(f.stash) > 0 && f.stash[0].PrevIndex <= f.verified {
		if c.checkAgreement(f.stash[0]) == nil {
			c.appendEntries(f, f.stash[0])
		}
		f.stash = f.stash[1:]
	}
	return f.verified
}
