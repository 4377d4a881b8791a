package raft

import (
	"slices"
	"time"
)

// Thrift: asking no more nodes than it takes (Config.Thrifty).
//
// A majority decides, so a question to everybody is answered by more than are needed. In a network whose round trips are all alike, the first few
// answers come hardly earlier than those of any few; then only as many nodes are asked as make a majority, and the others when those have had their time.
// Where round trips vary, the slowest of a few is much slower than the first few of all, and everybody is asked at once. Either way whoever
// answers counts as ever: which nodes are asked is a matter of time and messages only (DIVERGENCE.md).

const (
	// steadyShare and worthASpare: round trips hardly vary if they differ from their mean by no more than this share of it, or by no
	// more than this time, on average.
	steadyShare = 2
	worthASpare = 2 * time.Millisecond
	// quietHeartbeats is for how many heartbeats a follower may be left without a question, and quietShare the share of its window that may wait
	// for an answer meanwhile.
	quietHeartbeats = 2
	quietShare      = 2
)

// thrifty says whether no more nodes are to be asked than it takes.
func (c *core[C]) thrifty() bool {
	return c.cfg.Thrifty && c.countsForItself(c.id) && c.pace.rtt.Deviation <= max(c.pace.rtt.Mean/steadyShare, worthASpare)
}

// spares is how many nodes more than necessary are asked at once by a follower, in case that one does not answer.
func (c *core[C]) spares() int {
	if c.thrifty() {
		return 0
	}
	return 1
}

// spareAfter is how long those that were asked first have for their answers. It leaves room for what a busy process adds where the network
// itself never varies.
func (p *pace) spareAfter() time.Duration { return max(p.replyTime(), p.rtt.Mean*3/2, worthASpare) }

// asksAll says whether a leader asks all its followers: also if a read or a commit has waited longer than it should.
func (c *core[C]) asksAll(l *leader[C]) bool { return !c.thrifty() || c.now >= c.askAllAt(l) }

// askAllAt is when a leader that waits for a few followers will ask the others as well.
func (c *core[C]) askAllAt(l *leader[C]) time.Duration {
	at := forever
	if len(l.reads) > 0 {
		at = l.reads[0].since + c.pace.spareAfter()
	}
	if c.commit < c.log.last() {
		at = min(at, l.movedAt+c.pace.spareAfter())
	}
	return at
}

// asked says whether a follower is among those that a leader asks. Whoever has no vote is: by its answers one sees whether it catches up.
func (c *core[C]) asked(l *leader[C], id NodeID) bool {
	return c.asksAll(l) || !c.config().Votes(id) || slices.Index(c.confirmers, id) < c.config().majority()-1
}

// hushes says whether a follower need not answer the next append. The others are heard now and then all the same: answers keep a follower
// reachable, and make room for further appends.
func (c *core[C]) hushes(l *leader[C], p *progress) bool {
	return p.agreed && !p.probing && !c.asked(l, p.id) && c.now-p.askedAt < quietHeartbeats*c.pace.heartbeatEvery() &&
		!p.full(c.cfg.MaxInflight/quietShare, c.cfg.MaxInflightBytes/quietShare)
}

// learnWhoAnswers puts those first that are the first to answer where all are asked.
func (c *core[C]) learnWhoAnswers(l *leader[C], p *progress, m AppendReply) {
	if c.cfg.Thrifty && (m.Round > p.round || m.OK && m.Match > p.match) && c.asksAll(l) {
		c.prefer(p.id)
	}
}

// prefer puts a node first among those that are asked.
func (c *core[C]) prefer(id NodeID) {
	if i := slices.Index(c.confirmers, id); i > 0 {
		c.confirmers = slices.Insert(slices.Delete(c.confirmers, i, i+1), 0, id)
	}
}

// askTheOthers asks everybody for a follower's batches of reads whose confirmers have had their time, and the leader if it has been left aside.
func (c *core[C]) askTheOthers() {
	for _, b := range c.requests.asked {
		if c.now >= b.spareAt && !b.confirmed {
			b.spareAt = forever
			c.askToConfirm(b, len(c.confirmers))
			if b.aside {
				c.send(b.leader, ReadRequest{Term: b.term, ID: b.id})
			}
		}
	}
}
