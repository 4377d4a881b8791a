package raft

import (
	"slices"
	"time"
)

// Membership changes: §6 of the paper, thesis ch. 4. A configuration is an entry of the log, and in force from when it stands there. This file is the
// leader's side: which configurations lead from the present one to the one that was asked for, and when the next of them may be appended.
//
//	C ──(strangers who are to vote become learners)──> C+learners ──(they have caught up)──> C,C' joint ──(committed)──> C'
//
// Each arrow waits until the entry before it is committed, and the first one until the leader's no-op is: without that, two leaders could each be
// halfway through a change of their own, with majorities that do not overlap. What a change of learners only needs is one entry. A leader that
// is elected halfway finds everything in its log: it completes a joint configuration without being asked, and what comes before that nobody
// depends on. So a change that is asked for again, of another leader, goes on where it stopped.

// catchUpRounds is how many rounds on end a learner must have kept up before it gets a vote (thesis §4.2.1).
const catchUpRounds = 3

// change is a change of the membership under way, seen from the leader.
type change struct {
	Change
	from  NodeID // who asked
	id    uint64 // under this number
	until time.Duration
	added []NodeID // the learners that it has brought in, who are taken out again if it fails
	why   Refusal  // it has failed
}

// settled is what became of the last change that a node asked for.
type settled struct {
	id  uint64
	why Refusal
}

// round is the part of the log that a learner is catching up with: what there was when the round began (thesis §4.2.1).
type round struct {
	end   Index
	began time.Duration
	good  int // rounds on end that were no longer than an election time-out
}

// config returns the configuration in force.
func (c *core[C]) config() *Configuration { return c.log.config() }

// configured brings in line with a new configuration what depends on it. It is called whenever the log has got another one.
func (c *core[C]) configured() {
	g := c.config()
	votes := func(id NodeID) bool { return id != c.id && g.Votes(id) }
	c.confirmers = slices.DeleteFunc(c.confirmers, func(id NodeID) bool { return !votes(id) })
	for _, id := range g.members() {
		if votes(id) && !slices.Contains(c.confirmers, id) {
			c.confirmers = append(c.confirmers, id)
		}
	}
	if l, ok := c.role.(*leader[C]); ok {
		c.replicateToMembers(l)
	}
	if g.Witness(c.id) {
		// What else is committed this node will not see, so it cannot say any more what became of a proposal.
		c.requests.endAll((*proposal[C]).fate, ErrUnavailable)
	}
}

// inConfiguration says whether the configuration in force here is the one that stands at an index of the leader's log. What this log has there is that only if
// both are known to agree so far; it may be one of an earlier leader, never committed.
func (c *core[C]) inConfiguration(i Index) bool {
	f, ok := c.role.(*follower[C])
	return ok && c.config().Index == i && i <= f.verified
}

// replicateToMembers sees to it that a leader replicates to all members: to new ones from the end of its log on.
func (c *core[C]) replicateToMembers(l *leader[C]) {
	for _, id := range c.config().members() {
		if id != c.id && l.progress(id) == nil {
			l.peers = append(l.peers, &progress{id: id, next: c.log.last(), ackAt: c.now, sentAt: never, askedAt: never, departs: forever})
		}
	}
}

// forgetDeparted ends the replication to nodes that are members no more, when they have had the time to hear it.
func (c *core[C]) forgetDeparted(l *leader[C]) {
	for _, p := range l.peers {
		switch {
		case c.config().Member(p.id):
			p.departs = forever
		case p.departs == forever && c.commit >= c.config().Index:
			p.departs = c.now + c.pace.electionMax()
		}
	}
	l.peers = slices.DeleteFunc(l.peers, func(p *progress) bool { return c.now >= p.departs })
}

// pursueMembership takes the next step of a change, if what came before is committed. While leadership is being transferred the log does not grow.
func (c *core[C]) pursueMembership(l *leader[C]) {
	c.forgetDeparted(l)
	g := c.config()
	switch {
	case c.commit < max(l.first, g.Index) || l.handover != nil:
	case g.Joint():
		c.appendConfiguration(l, Configuration{Voters: g.Voters, Learners: g.Learners, Witnesses: g.Witnesses})
	case !g.Votes(c.id):
		c.retire(l, g)
	case l.change != nil:
		c.advanceChange(l, g)
	}
}

// appendConfiguration brings a configuration into force.
func (c *core[C]) appendConfiguration(l *leader[C], g Configuration) {
	g.Index = c.log.last() + 1
	c.appendOwn(l, Entry[C]{Config: &g})
	c.configured()
}

// retire ends the leadership of a node that has been removed, when the others have committed that (thesis §4.2.2). Whoever asked for it hears that it is done,
// which this node may be the last to tell itself, and somebody else is to lead at once.
func (c *core[C]) retire(l *leader[C], g *Configuration) {
	if l.change != nil {
		if target, why := g.after(l.change.Change); why == "" && target.sameMembers(g) {
			c.settleChange(l, "")
		}
	}
	if why := c.beginHandover(l, wish{c.id, ""}); why != "" {
		c.becomeFollower(c.hard.Term, "")
	}
}

// advanceChange brings the present configuration, which is committed and not joint, a step nearer to the one that was asked for.
func (c *core[C]) advanceChange(l *leader[C], g *Configuration) {
	ch := l.change
	target, why := g.after(ch.Change)
	if why == "" {
		why = ch.why
	}
	newVoters := slices.DeleteFunc(slices.Clone(target.Voters), g.Votes)
	switch strangers := slices.DeleteFunc(slices.Clone(newVoters), g.Member); {
	case why != "":
		c.abandonChange(l, g, why)
	case target.sameMembers(g):
		c.settleChange(l, "")
	case len(strangers) > 0:
		ch.added = append(ch.added, strangers...)
		c.appendConfiguration(l, Configuration{
			Voters: g.Voters, Learners: slices.Concat(g.Learners, strangers), Witnesses: target.Witnesses,
		})
	case slices.ContainsFunc(newVoters, func(id NodeID) bool { return !c.caughtUp(l.progress(id)) }):
		c.giveUpWhenLate(l, g, ch.late())
	case !c.hearsQuorumOf(l, &target):
		c.giveUpWhenLate(l, g, RefusedNoQuorum)
	default:
		if !sameSet(target.Voters, g.Voters) {
			target.Outgoing = g.Voters
		}
		c.appendConfiguration(l, target)
	}
}

// giveUpWhenLate fails a change that cannot go on yet, when its time is over.
func (c *core[C]) giveUpWhenLate(l *leader[C], g *Configuration, why Refusal) {
	if c.now >= l.change.until {
		c.abandonChange(l, g, why)
	}
}

// hearsQuorumOf says whether the voters to be could commit anything: a change to others would be the last thing that this cluster has decided.
func (c *core[C]) hearsQuorumOf(l *leader[C], target *Configuration) bool {
	return target.quorum(func(id NodeID) bool { return id == c.id || c.reachable(l.progress(id)) })
}

// late is why a change fails whose new voters have not caught up.
func (ch *change) late() Refusal {
	if ch.Kind == Promote {
		return RefusedBehind
	}
	return RefusedNotCaughtUp
}

// abandonChange takes back what a change has done so far.
func (c *core[C]) abandonChange(l *leader[C], g *Configuration, why Refusal) {
	l.change.why = why
	before := Configuration{Voters: g.Voters, Learners: except(g.Learners, l.change.added), Witnesses: g.Witnesses}
	if before.sameMembers(g) {
		c.settleChange(l, why)
		return
	}
	c.appendConfiguration(l, before)
}

func except(ids, others []NodeID) []NodeID {
	return slices.DeleteFunc(slices.Clone(ids), func(id NodeID) bool { return slices.Contains(others, id) })
}

// caughtUp says whether a learner has kept up for a few rounds.
func (c *core[C]) caughtUp(p *progress) bool { return p.rounds.good >= catchUpRounds && c.reachable(p) }

// countRound notes that a learner has answered an append, sent at some time. A round is over when it has all that there was at its beginning and knows
// of it: the answer is to something that was sent since.
func (c *core[C]) countRound(p *progress, sentAt time.Duration) {
	r := &p.rounds
	if p.match < r.end || sentAt < r.began || c.config().Votes(p.id) {
		return
	}
	if r.end > 0 && c.now-r.began <= c.pace.electionMin() {
		r.good++
	} else {
		r.good = 0
	}
	r.end, r.began = c.log.last(), c.now
}

// takeChange begins a change that a node asks for, or says why not. A copy of what it asked for last is answered as before, and an older one not at all.
func (c *core[C]) takeChange(l *leader[C], from NodeID, id uint64, what Change) {
	if from != c.id && l.progress(from) == nil {
		return // no member, which cannot know of this leader's term
	}
	last := l.settled[from]
	ch := l.change
	switch {
	case id < last.id || ch != nil && ch.from == from && id <= ch.id:
	case id == last.id:
		c.answerChange(from, id, last.why)
	case ch != nil:
		c.answerChange(from, id, RefusedChanging)
	default:
		patience := c.pace.electionMax()
		switch what.Kind {
		case AddVoter, AddWitness, Replace:
			patience = c.cfg.CatchUp
		}
		l.change = &change{Change: what, from: from, id: id, until: c.now + patience}
	}
}

// settleChange ends the change under way.
func (c *core[C]) settleChange(l *leader[C], why Refusal) {
	ch := l.change
	l.change = nil
	l.settled[ch.from] = settled{ch.id, why}
	c.answerChange(ch.from, ch.id, why)
}

func (c *core[C]) answerChange(to NodeID, id uint64, why Refusal) {
	if to == c.id {
		c.requests.endChange(ChangeReply{Term: c.hard.Term, ID: id, Why: why})
		return
	}
	c.send(to, ChangeReply{Term: c.hard.Term, ID: id, Why: why, Configuration: c.config().Index})
}
