package raft

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// What package explore needs to walk through all that can happen to a node: to copy it, to see that two are alike, and to have its
// election timer run out without any time passing.

// Clone returns a copy of the node that goes its own way from here, its randomness included. sm must be a copy of its state machine.
func (n *Node[C, R]) Clone(sm StateMachine[C, R]) *Node[C, R] {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := *n.core
	source := *c.source
	c.source, c.rng = &source, rand.New(&source)
	c.log.entries, c.log.configurations = slices.Clone(c.log.entries), slices.Clone(c.log.configurations)
	c.confirmers, c.messages = slices.Clone(c.confirmers), slices.Clone(c.messages)
	c.requests = c.requests.clone()
	if c.incoming != nil {
		in := *c.incoming
		in.State, in.early = slices.Clone(in.State), maps.Clone(in.early)
		c.incoming = &in
	}
	switch r := c.role.(type) {
	case *follower[C]:
		c.role = r.clone()
	case *preCandidate:
		c.role = &preCandidate{votes: maps.Clone(r.votes)}
	case *candidate:
		c.role = &candidate{votes: maps.Clone(r.votes), early: slices.Clone(r.early)}
	case *leader[C]:
		c.role = r.clone()
	}
	return &Node[C, R]{core: &c, sm: sm}
}

func (f *follower[C]) clone() *follower[C] {
	d := *f
	d.acks, d.second, d.stash = maps.Clone(f.acks), slices.Clone(f.second), slices.Clone(f.stash)
	return &d
}

func (l *leader[C]) clone() *leader[C] {
	d := *l
	d.peers = make([]*progress, len(l.peers))
	for i, p := range l.peers {
		q := *p
		q.flights = slices.Clone(p.flights)
		if p.transfer != nil {
			t := *p.transfer
			q.transfer = &t
		}
		d.peers[i] = &q
	}
	d.seconders = maps.Clone(l.seconders)
	d.waiting, d.reads, d.held = slices.Clone(l.waiting), slices.Clone(l.reads), slices.Clone(l.held)
	d.load = l.load.clone()
	if l.handover != nil {
		h := *l.handover
		h.asked, h.held = slices.Clone(h.asked), slices.Clone(h.held)
		d.handover = &h
	}
	d.settled = maps.Clone(l.settled)
	if l.change != nil {
		ch := *l.change
		ch.added = slices.Clone(ch.added)
		d.change = &ch
	}
	return &d
}

func (r *requests[C]) clone() requests[C] {
	d := *r
	d.live = map[uint64]*proposal[C]{}
	copies := map[*proposal[C]]*proposal[C]{}
	copied := func(p *proposal[C]) *proposal[C] {
		if copies[p] == nil {
			q := *p
			copies[p] = &q
		}
		return copies[p]
	}
	for seq, p := range r.live {
		d.live[seq] = copied(p)
	}
	d.queue = nil
	for _, p := range r.queue {
		d.queue = append(d.queue, copied(p)) // one that has ended may still be in the queue
	}
	d.asked = nil
	for _, b := range r.asked {
		a := *b
		a.reads, a.voters = slices.Clone(b.reads), maps.Clone(b.voters)
		d.asked = append(d.asked, &a)
	}
	d.tries, d.waiting, d.ready, d.done = slices.Clone(r.tries), slices.Clone(r.waiting), slices.Clone(r.ready), slices.Clone(r.done)
	d.transfers, d.changes = slices.Clone(r.transfers), slices.Clone(r.changes)
	return d
}

// TimeOut is what a Tick does long after the node has heard from anyone, without the time: a leader steps down, and everybody else
// begins an election, as if enough nodes had promised their votes. A node that has promised not to vote waits for that time all the same.
func (n *Node[C, R]) TimeOut(now time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.core
	c.observe(now)
	if c.bound() {
		return
	}
	if c.role.kind() == Leader {
		c.becomeFollower(c.hard.Term, "")
	}
	c.campaign(false)
}

// GiveUpHandover is what the passing of time does to a leader that hands over: it goes back to work.
func (n *Node[C, R]) GiveUpHandover() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if l, ok := n.core.role.(*leader[C]); ok && l.handover != nil {
		n.core.giveUpHandover(l)
	}
}

// ForgetLeader is what the least election time-out does to a follower that hears nothing in it: it gives votes away again.
func (n *Node[C, R]) ForgetLeader() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if f, ok := n.core.role.(*follower[C]); ok {
		f.heardAt = never
	}
}

// Fingerprint appends to a buffer a text that is the same for two nodes exactly if they will do the same from now on, as long as no time
// passes: of moments it says only whether they have come. With LeaseReads time may pass: when promises and leases run out stands there, too.
func (n *Node[C, R]) Fingerprint(to []byte) []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.core
	l := &c.log
	to = fmt.Appendf(to, "%s %d %q %t %d|%d %d %d %d|%d %d %d %d|", c.id, c.hard.Term, c.hard.VotedFor, c.hardDirty, c.lives,
		l.base, l.baseTerm, l.handed, l.saved, c.commit, c.handedOut, c.applied, c.appliedTerm)
	to = fmt.Appendf(to, "%v|%v|%v %t %t %t|%v|%t|", l.configurations[0], l.entries, c.confirmers, c.doubtAt <= c.now, c.leanUntil > 0, c.leanUntil > c.now,
		c.messages, c.failed != nil)
	to = fmt.Appendf(to, "%v %v %v %d %d %v|", c.snapshot, c.fresh, c.restore, c.installed, c.appliedBytes, c.incoming)
	to = fmt.Appendf(to, "%t|", c.writing)
	if c.capture != nil {
		to = fmt.Appendf(to, "%v|", c.capture.at)
	}
	switch r := c.role.(type) {
	case *follower[C]:
		forgotten := r.leader != "" && !c.hasLeader()
		to = fmt.Appendf(to, "F %q %q %t %d %d %d %t %t %v %v %v", r.leader, r.elect, forgotten, r.verified, r.leaderCommit, r.configuration, r.early, r.leases, r.acks, r.second, r.stash)
	case *preCandidate:
		to = fmt.Appendf(to, "P %v", r.votes)
	case *candidate:
		to = fmt.Appendf(to, "C %v %v", r.votes, r.early)
	case *leader[C]:
		to = r.fingerprint(to, c.now)
	}
	if c.outside {
		to = append(to, "|outside"...)
	}
	if c.cfg.Reads == LeaseReads {
		to = c.fingerprintClock(to)
	}
	return c.requests.fingerprint(to, c)
}

// fingerprintClock tells all moments on which promises and leases depend.
func (c *core[C]) fingerprintClock(to []byte) []byte {
	to = fmt.Appendf(to, "|%v %v %v", c.now, c.promised, c.pace)
	switch r := c.role.(type) {
	case *follower[C]:
		to = fmt.Appendf(to, " %v", r.heardAt)
	case *leader[C]:
		for _, p := range r.peers {
			to = fmt.Appendf(to, " %v %v %v", p.sentAt, p.ackAt, p.leaseUntil)
		}
	}
	return to
}

func (l *leader[C]) fingerprint(to []byte, now time.Duration) []byte {
	to = fmt.Appendf(to, "L %d %d %v %v %v %t %v", l.first, l.round, l.waiting, l.reads, l.held, l.abdicated, l.load.counts)
	to = fmt.Appendf(to, " %v", l.seconders)
	to = fmt.Appendf(to, " %s %d %t %t", l.load.most, l.load.looks, l.load.lookAt <= now, l.load.restTo <= now)
	if h := l.handover; h != nil {
		to = fmt.Appendf(to, " h %s %t %t %v %v", h.to, h.until <= now, h.told == never, h.asked, h.held)
	}
	if ch := l.change; ch != nil {
		to = fmt.Appendf(to, " c %v %s %d %t %v %s", ch.Change, ch.from, ch.id, ch.until <= now, ch.added, ch.why)
	}
	to = fmt.Appendf(to, " %v", l.settled)
	for _, p := range l.peers {
		to = fmt.Appendf(to, "[%s %t %t %d %d", p.id, p.departs <= now, p.departs == forever, p.rounds.end, p.rounds.good)
		to = fmt.Appendf(to, " %d %d %t %t %d %t %t %d %d %d %d", p.match, p.next, p.probing, p.agreed, p.flightBytes, p.sentAt == never, p.hushed,
			p.notice, p.commitSent, p.roundSent, p.round)
		for _, f := range p.flights {
			to = fmt.Appendf(to, " %d-%d %t", f.prev, f.last, f.askedAt == forever)
		}
		if t := p.transfer; t != nil {
			to = fmt.Appendf(to, " s%d %d %d %t %t", t.Index, t.offset, t.next, t.probing, t.flying)
		}
	}
	return to
}

func (r *requests[C]) fingerprint(to []byte, c *core[C]) []byte {
	to = fmt.Appendf(to, "|%d %d %t", r.seq, r.count, r.check <= c.now)
	for _, seq := range slices.Sorted(maps.Keys(r.live)) {
		p := r.live[seq]
		to = fmt.Appendf(to, " p%d %v %d %t %t %d %t %t %t", seq, p.command, p.sentTerm, p.deadline <= c.now, p.resendAt <= c.now, p.tries, p.queued, p.hidden, p.query)
	}
	for _, p := range r.queue {
		to = fmt.Appendf(to, " q%d", p.seq)
	}
	for _, b := range r.asked {
		to = fmt.Appendf(to, " b%d %t %t %d %d %s %t %t %v %t %d %d", b.id, b.resendAt <= c.now, b.spareAt <= c.now, b.tries, b.term, b.leader, b.aside, b.indexed,
			b.voters, b.confirmed, b.index, b.configuration)
		to = fingerprintReads(to, b.reads)
	}
	to = append(to, " t"...)
	to = fingerprintReads(to, r.tries)
	to = append(to, " w"...)
	to = fingerprintReads(to, r.waiting)
	to = append(to, " r"...)
	to = fingerprintReads(to, r.ready)
	for _, w := range r.transfers {
		to = fmt.Appendf(to, " t%d %s %t %s %d", w.ticket, w.to, w.deadline <= c.now, w.leader, w.term)
	}
	for _, w := range r.changes {
		to = fmt.Appendf(to, " c%d %d %v %t %d %t %t %t %d", w.ticket, w.id, w.what, w.deadline <= c.now, w.term, w.doubt, w.resendAt <= c.now, w.done, w.index)
	}
	return fmt.Appendf(to, " %v", r.done)
}

func fingerprintReads[C any](to []byte, reads []read[C]) []byte {
	for _, q := range reads {
		to = fmt.Appendf(to, " %d %v %t", q.ticket, q.query, q.try)
	}
	return to
}
