package raft

import "time"

// Log replication, the leader's side: §5.3 and §5.4.2 of the paper; pipelining, thesis §10.2.1.

// sendAppends brings every follower what it needs: entries, a heartbeat, a round of reads to confirm, or the news of a commit
// that one of its clients waits for.
func (c *core[C]) sendAppends(l *leader[C]) {
	for _, p := range l.peers {
		if p.overdue(c.now, c.pace.resendAfter()) {
			p.retry()
		}
		sent := false
		if p.next > c.log.base {
			p.transfer = nil
		} else if c.reachable(p) {
			c.sendSnapshot(p)
		}
		for c.reachable(p) && p.next > c.log.base && p.next <= c.log.last() && !p.full(c.cfg.MaxInflight, c.cfg.MaxInflightBytes) {
			c.sendEntries(l, p)
			sent = true
		}
		switch {
		case sent:
		case c.questionFor(l, p) || c.now-p.sentAt >= c.pace.heartbeatEvery():
			c.sendHeartbeat(l, p)
		case p.notice > p.commitSent:
			p.commitSent = c.commit // no heartbeat is saved by it: it wants no answer, and answers keep a follower reachable
			c.send(p.id, CommitNotice{Term: c.hard.Term, Commit: c.commit})
		}
	}
}

// questionFor says whether there is something that a follower is to answer: a round of reads, which only voters confirm, or what it was let off answering.
func (c *core[C]) questionFor(l *leader[C], p *progress) bool {
	return (p.roundSent < l.round && c.config().Votes(p.id) || p.hushed) && c.asked(l, p.id)
}

// reachable says whether a follower has answered lately. One that has not gets heartbeats only, however much it lacks.
func (c *core[C]) reachable(p *progress) bool { return c.now-p.ackAt <= c.pace.electionMax() }

func (c *core[C]) sendEntries(l *leader[C], p *progress) {
	prev := p.next - 1
	last, bytes := c.log.fit(prev, c.cfg.MaxAppendBytes, c.cfg.SizeOf)
	p.launch(last, bytes)
	c.sendAppend(l, p, prev, c.entriesFor(p, prev, last))
}

// sendHeartbeat sends an append without entries, at the place where the logs surely agree if there is one. If that was dropped, it is the first
// place that is still known: a follower that has it needs no snapshot.
func (c *core[C]) sendHeartbeat(l *leader[C], p *progress) {
	prev := p.match
	if !p.agreed {
		prev = p.next - 1
	}
	prev = max(prev, c.log.base)
	c.sendAppend(l, p, prev, nil)
}

func (c *core[C]) sendAppend(l *leader[C], p *progress, prev Index, entries []Entry[C]) {
	prevTerm, _ := c.log.term(prev)
	quiet := c.hushes(l, p)
	p.ask(c.now, quiet)
	p.roundSent, p.commitSent = l.round, c.commit
	c.send(p.id, AppendRequest[C]{
		Term: c.hard.Term, PrevIndex: prev, PrevTerm: prevTerm, Entries: entries,
		Commit: c.commit, Round: l.round, At: c.now, Quiet: quiet, Early: c.cfg.EarlyCommit, Configuration: c.config().Index,
		Second: c.toSecond(l, p.id, entries), Promise: c.askedPromise(l), RTT: c.pace.rtt,
	})
}

// handleAppendReply learns from a follower of this very term. It only notes what it learns; flush draws the conclusions, once for
// all replies of a batch.
func (c *core[C]) handleAppendReply(from NodeID, m AppendReply) {
	if m.OK {
		c.noteAck(from, m.Match)
	}
	l, ok := c.role.(*leader[C])
	if !ok {
		return
	}
	c.pace.sample(m.At, c.now)
	p := l.progress(from)
	if p == nil {
		return // it is a member no more
	}
	p.ackAt = c.now
	c.learnWhoAnswers(l, p, m)
	p.round = max(p.round, m.Round)
	c.takePromise(p, m)
	if m.OK {
		p.accept(m.Match)
		c.countRound(p, m.At)
		return
	}
	if c.rejected(p, m) {
		// The follower named the end of what may agree and its term there; our log may know better (end of §5.3).
		p.rewind(c.log.lastAtOrBelow(m.HintIndex, m.HintTerm))
	}
}

// rejected says whether a rejection tells something new. One that is older than what is known by now does not. Neither does one that an
// append caused by overtaking another: the other will arrive, unless it has been under way for too long.
func (c *core[C]) rejected(p *progress, m AppendReply) bool {
	switch {
	case m.PrevIndex <= p.match:
		return false
	case p.probing:
		return m.PrevIndex == p.next-1
	case p.agreed:
		return p.overdue(c.now, c.pace.replyTime())
	}
	return true
}

// advanceCommit commits what a majority has (§5.3), but only by counting entries of the present term (§5.4.2, Figure 8). The
// leader counts its own copy when it is durable, like any other.
func (c *core[C]) advanceCommit(l *leader[C]) {
	n := reached(c.config(), func(id NodeID) Index {
		if id == c.id {
			return c.log.saved
		}
		if c.config().Witness(id) && !c.witnessed(l) {
			return 0
		}
		return l.progress(id).match
	})
	if t, ok := c.log.term(n); n <= c.commit || !ok || t != c.hard.Term {
		return
	}
	c.notify(l, n)
	l.uncommitted -= c.sizeOf(c.log.slice(c.commit, n))
	c.commit, l.movedAt = n, c.now
}

// sizeOf returns how many bytes the commands of some entries have.
func (c *core[C]) sizeOf(entries []Entry[C]) (bytes int) {
	for _, e := range entries {
		bytes += c.cfg.SizeOf(e.Command)
	}
	return bytes
}

// notify notes which followers have clients that wait for one of the entries up to n, which are about to be committed. With early commit
// they know it by themselves: of their own proposals from those who second them, if these are alive.
func (c *core[C]) notify(l *leader[C], n Index) {
	for _, e := range c.log.slice(c.commit, n) {
		if p := l.progress(e.ID.Node); p != nil && !(c.cfg.EarlyCommit && c.seconded(l, p.id)) {
			p.notice = e.Index
		}
	}
}

// quorumHeardAt returns the latest time by which a majority had answered, the leader itself included.
func (c *core[C]) quorumHeardAt(l *leader[C]) time.Duration {
	return reached(c.config(), func(id NodeID) time.Duration {
		if id == c.id {
			return c.now
		}
		return l.progress(id).ackAt
	})
}

// leaderNext returns when the leader will have to act without being asked: a heartbeat, an append to repeat, or its own step-down.
func (c *core[C]) leaderNext(l *leader[C]) time.Duration {
	next := c.quorumHeardAt(l) + c.pace.electionMax() + 1
	if l.handover != nil {
		next = min(next, l.handover.next(c.pace.heartbeatEvery()))
	}
	if l.change != nil && l.change.until > c.now {
		next = min(next, l.change.until)
	}
	if !c.asksAll(l) {
		next = min(next, c.askAllAt(l))
	}
	for _, p := range l.peers {
		next = min(next, p.sentAt+c.pace.heartbeatEvery())
		if len(p.flights) > 0 && p.flights[0].askedAt != forever && c.reachable(p) {
			next = min(next, p.flights[0].askedAt+c.pace.resendAfter()+1)
		}
		if p.transfer != nil && c.reachable(p) {
			next = min(next, p.transfer.movedAt+c.pace.resendAfter()+1)
		}
	}
	return next
}
