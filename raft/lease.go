package raft

import "time"

// Reads by a lease: a leader that knows that nobody can have been elected in its place answers reads without asking anybody
// (thesis §6.4.1, but with promises; DIVERGENCE.md).
//
// The two sides look at their own clocks only. Every append asks its follower for a promise of some length. A follower that answers promises
// to give no vote away, to itself neither, for that long from when the append arrived. The leader counts from when it sent
// that append, which was earlier, and by the drift bound less. So as long as a majority's promises hold by the leader's clock, they hold by those of the
// majority; any other leader would need the vote of one of them.

// maxPromise is the longest promise that is ever asked for or given: whoever has forgotten what it promised, because it was started anew, gives
// no vote away for so long. It is long enough for round trips of 600 ms, and no longer than an operator's restart is noticed.
const maxPromise = time.Second

// ---- A voter.

// promise gives a leader what it asks for, if this node takes part in leases, and returns it. A later promise does not shorten an earlier one.
func (c *core[C]) promise(asked time.Duration) (given time.Duration) {
	if c.cfg.Reads != LeaseReads {
		return 0
	}
	c.promised = max(c.promised, c.now+asked)
	return asked
}

// bound says whether this node has promised to vote for nobody now. It concerns the vote itself, so that the lease is safe, and the pre-vote, so that
// nobody enters a new term in vain and deposes the leader by that. An election for which that leader itself has asked is none of it (transfer.go).
func (c *core[C]) bound() bool { return c.now < c.promised }

// promiseForgotten notes what a node has promised when it starts: nobody knows, so it may be the most. A node that has never been in any term has
// promised nothing.
func (c *core[C]) promiseForgotten() {
	if c.cfg.Reads == LeaseReads && c.hard.Term > 0 {
		c.promised = c.now + maxPromise
	}
}

// releasePromise ends this node's promise: the leader of its term wants another one elected, and has no lease any more (transfer.go). Promises to leaders of
// earlier terms bind nobody either: this one could not have been elected before they were over.
func (c *core[C]) releasePromise() { c.promised = never }

// ---- The leader.

// askedPromise is how long a promise this leader asks for. The least election time-out costs nobody anything, as nobody stands for election in it
// anyhow; where round trips are long, it takes more for the lease not to run out before the next answer has come. It is whole microseconds, so that it means
// the same in every encoding. None is asked for where even the longest would be over before the answer is there, nor when the lease has been given up.
func (c *core[C]) askedPromise(l *leader[C]) time.Duration {
	if c.cfg.Reads != LeaseReads || l.abdicated {
		return 0
	}
	renewal := float64(c.pace.replyTime()+c.pace.heartbeatEvery()) * (1 + c.cfg.MaxDrift)
	asked := min(max(c.pace.electionMin(), time.Duration(renewal)), maxPromise).Truncate(time.Microsecond)
	if c.leaseOf(asked) <= c.pace.rtt.Mean {
		return 0
	}
	return asked
}

// leaseOf returns for how long a leader may count on a promise from when it asked for it: on the slowest clock that the drift bound allows,
// beside the fastest at the voter.
func (c *core[C]) leaseOf(promise time.Duration) time.Duration {
	return time.Duration(float64(promise) / (1 + c.cfg.MaxDrift))
}

// takePromise notes a follower's promise. It counts from the moment at which this leader sent the append that it answers. An answer without
// one says nothing: it may be to an append of another term, or of another life, and of another clock.
func (c *core[C]) takePromise(p *progress, m AppendReply) {
	if m.Promise > 0 {
		p.leaseUntil = max(p.leaseUntil, m.At+c.leaseOf(m.Promise))
	}
}

// leaseUntil is when the leader's lease runs out: until then a majority, the leader among it, is bound by promises. One that has told another node
// to stand for election (transfer.go) has released everybody from theirs, for the rest of the term (thesis §3.10, §6.4.1).
func (c *core[C]) leaseUntil(l *leader[C]) time.Duration {
	if l.abdicated {
		return never
	}
	return reached(c.config(), func(id NodeID) time.Duration {
		if id == c.id {
			return forever
		}
		return l.progress(id).leaseUntil
	})
}

// leased says whether nobody else can lead a later term now.
func (c *core[C]) leased(l *leader[C]) bool {
	return c.cfg.Reads == LeaseReads && c.now < c.leaseUntil(l)
}
