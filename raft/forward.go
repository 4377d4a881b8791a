package raft

import "time"

// The way of requests to the leader, and into its log.

// takeRequests lets a leader take the requests that wait on its own node. A leader that has not heard from a majority lately keeps them
// waiting, as a follower does that has not heard its leader: an entry that it appended now might hang, and would have to end as
// unknown. Reads it takes as long as it has a lease. One that is about to hand over keeps proposals waiting for its successor.
func (c *core[C]) takeRequests(l *leader[C]) {
	heard := c.now-c.quorumHeardAt(l) <= c.pace.contactLost()
	if !heard && !c.leased(l) {
		return
	}
	notAgain := func(int) time.Duration { return forever }
	for _, b := range c.requests.takeReads(c.now, notAgain) {
		l.load.count(c.id, 1)
		c.takeRead(l, leaderRead{from: c.id, id: b.id, round: true})
	}
	if !heard || l.handover != nil {
		return
	}
	for _, p := range c.requests.takeQueue(c.hard.Term, notAgain) {
		l.load.count(c.id, 1)
		c.appendProposal(l, c.id, p.seq, p.command)
	}
}

// forwardRequests sends the requests that wait on this node to the leader, if it seems to be alive; or, together with this node's
// vote, to the candidate that may be the leader by the time they arrive, which saves a round trip after an election.
func (c *core[C]) forwardRequests(f *follower[C]) {
	to := f.leader
	if to == "" {
		to = f.elect
	}
	if to == "" || c.now-f.heardAt > c.pace.contactLost() {
		return
	}
	for _, b := range c.requests.takeReads(c.now, c.resendAt) {
		c.askToRead(b, to, f)
	}
	c.askTheOthers()
	m := ForwardRequest[C]{Term: c.hard.Term, Second: c.seconders(to)}
	bytes := 0
	for _, p := range c.requests.takeQueue(c.hard.Term, c.resendAt) {
		size := c.cfg.SizeOf(p.command)
		if bytes+size > c.cfg.MaxAppendBytes && len(m.Proposals) > 0 {
			c.send(to, m)
			m.Proposals, bytes = nil, 0
		}
		m.Proposals = append(m.Proposals, Proposal[C]{p.seq, p.command})
		bytes += size
	}
	if len(m.Proposals) > 0 {
		c.send(to, m)
	}
}

// resendAt is when to ask again for something asked for the nth time now: the pauses double.
func (c *core[C]) resendAt(tries int) time.Duration {
	return c.now + c.pace.resendAfter()<<min(tries, 4)
}

// handleRequest takes in what a follower's clients ask of the leader. The term is this node's own: step has seen to that. A
// candidate keeps it until it is the leader, and forgets it otherwise.
func (c *core[C]) handleRequest(m Message) {
	switch r := c.role.(type) {
	case *candidate:
		if len(r.early) < maxStash {
			r.early = append(r.early, m)
		}
	case *leader[C]:
		if r.progress(m.From) == nil {
			return // it is a member no more
		}
		switch b := m.Body.(type) {
		case ForwardRequest[C]:
			r.load.count(m.From, len(b.Proposals))
			r.seconders[m.From] = b.Second
			c.takeForwarded(r, m.From, b)
		case ReadRequest:
			r.load.count(m.From, 1)
			c.takeRead(r, leaderRead{from: m.From, id: b.ID, round: b.Round})
		}
	}
}

// takeForwarded appends what others propose, or holds it while it is not clear who leads.
func (c *core[C]) takeForwarded(l *leader[C], from NodeID, m ForwardRequest[C]) {
	if l.handover != nil {
		l.handover.hold(from, m, c.cfg.MaxRequests)
		return
	}
	c.appendForwarded(l, from, m)
}

// appendForwarded takes in what a follower's clients propose, as far as there is room. Of the rest nothing can be said for certain, for another copy of it
// may be under way: its own node sends it again, as long as there is time.
func (c *core[C]) appendForwarded(l *leader[C], from NodeID, m ForwardRequest[C]) {
	for _, p := range m.Proposals {
		if c.log.last()-c.commit < Index(c.cfg.MaxRequests) && l.uncommitted < c.cfg.MaxUncommittedBytes {
			c.appendProposal(l, from, p.Seq, p.Command)
		}
	}
}

func (c *core[C]) appendProposal(l *leader[C], from NodeID, seq uint64, command C) {
	c.appendOwn(l, Entry[C]{ID: ProposalID{from, seq}, Command: command})
}

// appendOwn gives an entry its place at the end of the leader's log.
func (c *core[C]) appendOwn(l *leader[C], e Entry[C]) {
	if c.commit == c.log.last() {
		l.movedAt = c.now
	}
	l.uncommitted += c.cfg.SizeOf(e.Command)
	e.Index, e.Term = c.log.last()+1, c.hard.Term
	c.log.append(e)
}

// serves says whether requests are welcome here, as far as this node knows. One that was cut off when it was removed knows it from those whom it has asked
// to vote for it: it would keep its clients waiting for a leader that it will never have.
func (c *core[C]) serves() bool { return c.config().Serves(c.id) && !c.outside }

// sendAway ends what waits on a node that does not serve and hears no leader, for here it will hear of none. What has been sent to a leader stays until
// its deadline: a node that has been removed still hears for a while what becomes of it.
func (c *core[C]) sendAway() {
	if c.serves() {
		return
	}
	switch r := c.role.(type) {
	case *leader[C]:
		return
	case *follower[C]:
		if r.leader != "" && c.now-r.heardAt <= c.pace.contactLost() {
			return
		}
	}
	c.requests.endUnsent(ErrNotServing)
}
