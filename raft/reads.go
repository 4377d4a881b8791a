package raft

import (
	"slices"
	"time"
)

// Reads is a way to make sure that reads are linearizable.
type Reads int

// The ways. ReadIndex asks a majority each time, LeaseReads only where no promises hold (lease.go), and LogReads makes an entry of the log of
// every read: for teaching and comparison. Such a read is handed to StateMachine.Apply, which must not change the state for a query.
const (
	ReadIndex Reads = iota
	LeaseReads
	LogReads
)

// String returns the way as the command line calls it.
func (r Reads) String() string { return [...]string{"readindex", "lease", "log"}[r] }

// Linearizable reads without the log: ReadIndex, thesis §6.4.
//
// A read needs two things: an index that reaches whatever was answered before the read began, which is the leader's commit index, taken
// after that (or the end of its log, see readIndex); and the certainty that this leader was the latest one
// when the read began. That is certain if a majority was in the leader's term at some moment after the read had begun: then no later
// leader had been elected when it began, so none had committed anything. A leader asks its followers in a round of
// heartbeats. A follower that asks for an index asks for the certainty at the same time: itself, the leader and whoever
// confirms the term are the majority, and the read takes one round trip instead of two (DIVERGENCE.md). With early commit it asks no leader
// as long as others answer: the last entry that any of a majority has is a read index, too.

// ---- The leader.

// leaderRead is a batch of reads that some node, perhaps the leader itself, has gathered and asked the leader about.
type leaderRead struct {
	from  NodeID
	id    uint64
	round bool // answer when a round has confirmed it; else at once
	no    uint64
	index Index
	since time.Duration // of its round
}

// takeRead lets a batch of reads wait for the next round. Too many are dropped, if others asked: they will ask again.
func (c *core[C]) takeRead(l *leader[C], r leaderRead) {
	if r.from == c.id || len(l.waiting)+len(l.reads)+len(l.held) < c.cfg.MaxRequests {
		l.waiting = append(l.waiting, r)
	}
}

// beginRound gives all waiting reads the read index, and those that need it a round of heartbeats to confirm it; under a lease none does. The index is good
// only if the leader knows what has been committed, which it does from the commit of its first entry on.
func (c *core[C]) beginRound(l *leader[C]) {
	if len(l.waiting) == 0 || c.commit < l.first {
		return
	}
	next := l.round + 1
	for _, r := range l.waiting {
		r.no, r.index, r.since = next, c.readIndex(), c.now
		r.round = r.round || c.leased(l)
		if !r.round {
			c.answerRead(l, r)
			continue
		}
		if !c.sure(l, r) {
			l.round = next
		}
		l.reads = append(l.reads, r)
	}
	l.waiting = nil
}

// readIndex is the index up to which a read has to wait. With early commit, followers may have answered for all that this leader has
// appended (early.go).
func (c *core[C]) readIndex() Index {
	if c.cfg.EarlyCommit {
		return c.log.last()
	}
	return c.commit
}

// confirmReads answers the reads for which it is sure that this node was still leader after they had begun.
func (c *core[C]) confirmReads(l *leader[C]) {
	l.reads = slices.DeleteFunc(l.reads, func(r leaderRead) bool {
		if !c.sure(l, r) {
			return false
		}
		if r.from == c.id {
			if b := c.requests.batch(r.id); b != nil {
				b.confirmed, b.aside, b.index = true, false, r.index
			}
		} else {
			c.answerRead(l, r)
		}
		return true
	})
}

// answerRead names the read index to a follower: at once, or when it is committed if the follower would have to be told of that besides.
func (c *core[C]) answerRead(l *leader[C], r leaderRead) {
	if r.index > c.commit && !c.learnsOfCommit(l, r) {
		l.held = append(l.held, r)
		return
	}
	c.send(r.from, ReadReply{Term: c.hard.Term, ID: r.id, Index: r.index, Commit: c.commit, Confirmed: r.round, Configuration: c.config().Index})
}

// answerHeld answers the reads whose index has been committed.
func (c *core[C]) answerHeld(l *leader[C]) {
	held := l.held
	l.held = nil
	for _, r := range held {
		c.answerRead(l, r)
	}
}

// sure says whether this node was certainly the latest leader at some moment after the read had begun: it is now, by its lease, or enough
// others have said so.
func (c *core[C]) sure(l *leader[C], r leaderRead) bool { return c.leased(l) || c.confirmed(l, r) }

// confirmed counts the nodes that were in this leader's term after the read had begun: the leader, the node that asked, and whoever
// has confirmed the read's round or a later one. Each counts once.
func (c *core[C]) confirmed(l *leader[C], r leaderRead) bool {
	return c.config().quorum(func(id NodeID) bool {
		return id == c.id || id == r.from || l.progress(id).round >= r.no
	})
}

// ---- A follower.

// askToRead asks for what a batch of reads needs: an index from the leader, or from the others if it reads aside, and a majority that confirms the
// term. The first time, those are asked who were the last to confirm a term; if they do not in time, everybody is (askTheOthers); and if that has led
// to nothing, the leader for a round besides. A leader that has a lease needs no help. Everybody is also asked if an earlier batch has waited in vain:
// it may have expired before its second attempt, and so may this one.
func (c *core[C]) askToRead(b *readBatch[C], leader NodeID, f *follower[C]) {
	again := b.tries > 1
	c.attempt(b, leader, !again && c.readsAside(f))
	doubt := again || c.doubtful(b)
	if !c.config().quorum(b.voters.has) && (again || !f.leases) {
		want := c.stillWanted(b)
		if doubt {
			want = len(c.confirmers)
		}
		c.doubtAt = min(c.doubtAt, c.now)
		c.askToConfirm(b, want)
		if !doubt && (b.aside || c.cfg.Thrifty) {
			b.spareAt = c.now + c.pace.spareAfter()
			c.requests.check = min(c.requests.check, b.spareAt)
		}
	}
	if !b.aside || doubt {
		c.send(leader, ReadRequest{Term: c.hard.Term, ID: b.id, Round: again || f.leases})
	}
}

// attempt forgets what has been learned for a batch so far.
func (c *core[C]) attempt(b *readBatch[C], leader NodeID, aside bool) {
	b.term, b.leader, b.aside, b.spareAt = c.hard.Term, leader, aside, forever
	b.voters, b.indexed = voters{c.id: true, leader: true}, false
	if aside {
		b.voters, b.indexed, b.index, b.configuration = voters{c.id: true}, true, c.lastOfTerm(), c.config().Index
	}
}

// doubtful says whether it is in doubt that those who would be asked answer, or are enough.
func (c *core[C]) doubtful(b *readBatch[C]) bool {
	return !c.config().plain() || c.now-c.doubtAt > c.pace.replyTime() || b.aside && c.leanUntil > 0
}

// readsAside says whether a follower reads without its leader, by what a majority of the others has (DIVERGENCE.md). That takes entries of the
// leader's in this log, and a follower that sees by itself what is committed. Of three nodes the leader alone is asked: it is the one that is
// surely there. Where it took the leader all the same it is asked for a while, and then everybody.
func (c *core[C]) readsAside(f *follower[C]) bool {
	return f.early && !f.leases && c.countsForItself(c.id) && c.config().majority() > 2 && c.lastOfTerm() > 0 && c.now >= c.leanUntil
}

// lastOfTerm is the end of this log if it is an entry of the present term, else zero. All that this node has ever acknowledged of the term's
// entries is within, also before a restart.
func (c *core[C]) lastOfTerm() Index {
	if c.log.lastTerm() != c.hard.Term {
		return 0
	}
	return c.log.last()
}

// stillWanted is how many more nodes have to confirm the term, and one to spare.
func (c *core[C]) stillWanted(b *readBatch[C]) int {
	want := c.config().majority() + c.spares()
	for id := range b.voters {
		if c.config().Votes(id) {
			want--
		}
	}
	return want
}

// askToConfirm asks as many as are wanted of those that have not confirmed yet; the leader is asked by another question.
func (c *core[C]) askToConfirm(b *readBatch[C], want int) {
	if c.config().quorum(b.voters.has) {
		return
	}
	for _, id := range c.confirmers {
		if id != b.leader && !b.voters[id] && want > 0 {
			c.send(id, ConfirmRequest{Term: b.term, ID: b.id})
			want--
		}
	}
}

func (c *core[C]) handleReadReply(from NodeID, m ReadReply) {
	if f, ok := c.role.(*follower[C]); ok && f.leader == from {
		c.learnCommit(f, m.Commit)
	}
	b := c.requests.batch(m.ID)
	switch {
	case b == nil || b.confirmed:
	case m.Confirmed:
		b.confirmed, b.aside, b.index = true, false, m.Index
	case b.term == m.Term && b.aside:
		c.countConfirmation(b, from, m.Index)
	case b.term == m.Term && !b.indexed:
		b.indexed, b.index, b.configuration = true, m.Index, m.Configuration
		c.countConfirmation(b, from, m.Index)
	}
}

// handleConfirmReply counts a confirmation for the term in which the batch was sent, and for no other. What it says of the sender's log is an
// acknowledgement besides.
func (c *core[C]) handleConfirmReply(from NodeID, m ConfirmReply) {
	c.noteAck(from, m.Last)
	if b := c.requests.batch(m.ID); b != nil && b.term == m.Term && !b.confirmed {
		c.prefer(from)
		c.countConfirmation(b, from, m.Last)
	}
}

// countConfirmation counts a node that was in the batch's term after its reads had begun, and whose log went as far as last then. Where the others are a
// majority only with the leader's help, the next reads lean on it. It takes a quorum of the configuration that the leader has named, or in which
// the read was begun if it is aside. In no other does it mean anything: a follower that is behind may not know of the voters who have elected the
// next leader.
func (c *core[C]) countConfirmation(b *readBatch[C], from NodeID, last Index) {
	if c.config().Votes(from) {
		b.voters[from] = true
	}
	if b.aside {
		b.index = max(b.index, last)
	}
	if !c.config().quorum(b.voters.has) {
		return
	}
	c.doubtAt = forever
	if b.aside {
		c.leanUntil = 0
		if b.voters[b.leader] {
			c.leanUntil = c.now + c.pace.electionMax()
		}
	}
	b.confirmed = b.indexed && c.inConfiguration(b.configuration)
}

// releaseReads lets the reads go for which the applied state is new enough. Of one that was read aside it shows only now whether it took place in one
// configuration: the index that others have named may lie behind another one. Then it asks the leader.
func (c *core[C]) releaseReads() {
	for _, b := range c.requests.asked {
		if b.confirmed && b.aside && b.index <= c.applied && c.log.configAt(b.index).Index != b.configuration {
			b.confirmed, b.indexed, b.aside, b.resendAt = false, false, false, c.now
			c.requests.check = min(c.requests.check, c.now)
		}
	}
	c.requests.release(c.applied)
}
