package raft

import "slices"

// Elections: §5.2 and §5.4.1 of the paper; pre-vote and sticky votes, thesis §4.2.3 and §9.6.

// electionDue begins the next attempt to get a leader, when the election timer has run out. Who has no vote, or no state, waits for others to do so.
func (c *core[C]) electionDue() {
	if !c.mayStand() {
		c.resetElectionTimer()
		return
	}
	if c.role.kind() != Follower {
		c.failures = min(c.failures+1, maxBackoff)
	}
	if c.firstElection() {
		c.campaign(false)
		return
	}
	c.becomePreCandidate()
	c.countPreVotes()
	c.broadcast(PreVoteRequest{
		Term: c.hard.Term + 1, LastIndex: c.log.last(), LastTerm: c.log.lastTerm(), At: c.now,
	})
}

// mayStand says whether this node may stand for election. One that is being removed may, as long as it does not know that this is committed: perhaps only
// it has what the others need (thesis §4.2.2). Its own vote does not count then.
func (c *core[C]) mayStand() bool {
	g := c.config()
	return g.electable(c.id) || c.commit < g.Index && c.log.configAt(g.Index-1).electable(c.id)
}

// firstElection says whether this is the very first election of a new cluster, seen from the node that is to begin it. Nobody can
// have a leader yet, so there is nobody to disturb and no need to ask first.
func (c *core[C]) firstElection() bool {
	return c.hard.Term == 0 && c.log.last() == 0 && c.id == c.config().Voters[0]
}

// campaign begins a real election, at the leader's own wish (transfer.go) or without.
func (c *core[C]) campaign(transfer bool) {
	c.becomeCandidate()
	c.countVotes()
	if c.role.kind() == Candidate {
		c.broadcast(VoteRequest{
			Term: c.hard.Term, LastIndex: c.log.last(), LastTerm: c.log.lastTerm(), At: c.now, Transfer: transfer,
		})
	}
}

func (c *core[C]) handlePreVoteRequest(from NodeID, m PreVoteRequest) {
	granted := m.Term > c.hard.Term && !c.hasLeader() && c.log.upToDate(m.LastIndex, m.LastTerm)
	reply := PreVoteReply{Term: c.hard.Term, Granted: granted, At: m.At, Stranger: c.commit >= c.config().Index && !c.config().Member(from)}
	if granted {
		reply.Term = m.Term
		c.giveWay(from)
	}
	c.send(from, reply)
}

// giveWay ends a pre-candidacy in favour of another one that could win as well and stands earlier in the list of members. Two that
// suspect the leader within one network delay would split the votes otherwise (DIVERGENCE.md). Only liveness is at stake: a
// node that has begun a real election goes through with it.
func (c *core[C]) giveWay(to NodeID) {
	members := c.config().members()
	if c.role.kind() == PreCandidate && c.config().Votes(to) && slices.Index(members, to) < slices.Index(members, c.id) {
		c.becomeFollower(c.hard.Term, "")
		c.resetElectionTimer()
	}
}

func (c *core[C]) handlePreVoteReply(from NodeID, m PreVoteReply) {
	c.pace.sample(m.At, c.now)
	c.outside = c.outside || m.Stranger && !c.hasLeader()
	if !m.Granted {
		if m.Term > c.hard.Term {
			c.becomeFollower(m.Term, "")
		}
		return
	}
	if p, ok := c.role.(*preCandidate); ok && m.Term == c.hard.Term+1 && c.config().Votes(from) {
		p.votes[from] = true
		c.countPreVotes()
	}
}

func (c *core[C]) countPreVotes() {
	if p, ok := c.role.(*preCandidate); ok && c.config().quorum(p.votes.has) {
		c.campaign(false)
	}
}

// handleVoteRequest is the receiver's side of RequestVote in Figure 2. A node that hears a leader ignores the request
// altogether, so that a server which cannot hear it does not depose it; unless that leader itself has asked for the election (thesis §4.2.3).
func (c *core[C]) handleVoteRequest(from NodeID, m VoteRequest) {
	sanctioned := c.sanctioned(m)
	if sanctioned {
		c.releasePromise()
	}
	if m.Term > c.hard.Term {
		if c.hasLeader() && !sanctioned {
			return
		}
		c.becomeFollower(m.Term, "")
	}
	free := !c.bound() && (c.hard.VotedFor == "" || c.hard.VotedFor == from)
	granted := m.Term == c.hard.Term && free && c.log.upToDate(m.LastIndex, m.LastTerm)
	if granted {
		c.setHardState(HardState{Term: c.hard.Term, VotedFor: from})
		c.resetElectionTimer()
		if f, ok := c.role.(*follower[C]); ok && f.leader == "" {
			f.elect, f.heardAt = from, c.now
		}
	}
	c.send(from, VoteReply{Term: c.hard.Term, Granted: granted, At: m.At})
}

// handleVoteReply counts a vote. Its term is the present one: a vote for an earlier candidacy is not a vote for this one.
func (c *core[C]) handleVoteReply(from NodeID, m VoteReply) {
	c.pace.sample(m.At, c.now)
	if v, ok := c.role.(*candidate); ok && m.Granted && c.config().Votes(from) {
		v.votes[from] = true
		c.countVotes()
	}
}

func (c *core[C]) countVotes() {
	if v, ok := c.role.(*candidate); ok && c.config().quorum(v.votes.has) {
		c.becomeLeader()
	}
}

// hasLeader says whether this node is a leader, or has heard from one within the least election time-out, or is bound by a promise to one.
func (c *core[C]) hasLeader() bool {
	if c.bound() {
		return true
	}
	switch r := c.role.(type) {
	case *leader[C]:
		return true
	case *follower[C]:
		return r.leader != "" && c.now-r.heardAt < c.pace.electionMin()
	}
	return false
}

// resetElectionTimer draws a new time-out. Failed attempts widen the range, not its lower end: the next attempts collide less often,
// and a healed network does not wait longer than it must. While it is bound by a promise a node may not vote for itself either.
func (c *core[C]) resetElectionTimer() {
	least := c.pace.electionMin()
	if c.role != nil && c.role.kind() == Candidate && !c.pace.measured {
		least *= patience
	}
	spread := c.pace.electionMin()
	for range c.failures {
		spread *= 2
	}
	c.electionAt = max(c.now+least, c.promised) + c.random(spread)
}

// checkQuorum makes a leader step down when a majority has been silent for the longest election time-out: the others may have elected
// another one by then, and whoever asks this one had better go elsewhere (thesis §6.2).
func (c *core[C]) checkQuorum() {
	if l, ok := c.role.(*leader[C]); ok && c.now-c.quorumHeardAt(l) > c.pace.electionMax() {
		c.becomeFollower(c.hard.Term, "")
	}
}
