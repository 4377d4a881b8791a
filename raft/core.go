package raft

import (
	"math/rand/v2"
	"slices"
	"time"
)

// never is a time before all others.
const never = time.Duration(-1 << 62)

// core is the protocol itself: plain data and functions on it, entered by one caller at a time. Node puts the mutex around it.
//
// Invariants: log.base <= snapshot.Index <= applied <= handedOut <= commit <= log.last(), but that a leader's snapshot counts from when it is
// installed, not from when it is durable and applied; terms, commit and applied never fall; what was committed is never
// truncated. invariants.go checks these and more.
type core[C any] struct {
	id  NodeID
	cfg Config[C]
	rng *rand.Rand
	now time.Duration

	source *rand.PCG // behind rng; a Clone goes on with a copy

	// Persistent state on all servers (Figure 2).
	hard      HardState
	hardDirty bool // changed since the last batch
	log       log[C]
	lives     uint64 // this life's number; zero when the first batch has taken it along

	// Volatile state on all servers (Figure 2).
	commit      Index
	handedOut   Index // given out to be applied
	applied     Index
	appliedTerm Term

	snapshot     Snapshot  // the newest that is durable
	fresh        *Snapshot // newer and not handed out yet
	restore      *Snapshot // a leader's, which the state machine has not been given yet
	installed    Index     // of the last snapshot that came from a leader
	appliedBytes int       // since the state was last captured
	capture      *Capture  // not handed out yet
	writing      bool      // a state has been captured, and the snapshot of it not come back
	incoming     *incoming // nil if nothing has come yet

	role       role
	electionAt time.Duration // when to stand for election; not used by a leader
	promised   time.Duration // no vote is given away before (lease.go)
	failures   int           // failed attempts since there was a leader
	// outside: a member has said that this node is none, and no leader has been heard since. It may have been cut off when it was removed.
	outside bool
	pace    pace

	requests   requests[C]
	confirmers []NodeID      // the other nodes that vote, those first that last confirmed a term for a read of ours
	leanUntil  time.Duration // reads ask the leader until then, for it took the leader (reads.go); zero: it did not
	doubtAt    time.Duration // since when confirmers have been asked and have confirmed no read; forever if they have
	messages   []Message
	// failed is nil while the node takes part; else how every request ends from now on.
	failed error
}

func newCore[C any](cfg Config[C], saved Saved[C], now time.Duration) *core[C] {
	c := &core[C]{
		id:  cfg.ID,
		cfg: cfg,
		// The number of this life is durable before anything leaves the node, so proposals and reads of two lives never share a
		// number even if their seeds are the same. Terms and entries would not do: a follower that forwards saves neither.
		source: rand.NewPCG(cfg.Seed, saved.Lives),
		lives:  saved.Lives + 1,
		now:    now,
		hard:   saved.HardState,
		pace:   newPace(cfg.MinElectionTimeout, cfg.MaxElectionTimeout, cfg.Heartbeat),
	}
	c.rng = rand.New(c.source)
	config := saved.Snapshot.Configuration
	if saved.Snapshot.Index == 0 {
		config = Configuration{Voters: cfg.Members}
	}
	c.log.reset(saved.Snapshot.Index, saved.Snapshot.Term, &config)
	c.log.append(slices.Clone(saved.Entries)...)
	c.log.handed, c.log.saved = c.log.last(), c.log.last()
	// What was applied behind the snapshot is not remembered across a restart, and neither is what was committed: the next leader says how far to
	// go (Figure 2: commitIndex and lastApplied are volatile).
	c.snapshot = saved.Snapshot
	c.commit, c.handedOut, c.applied, c.appliedTerm = c.log.base, c.log.base, c.log.base, c.log.baseTerm
	c.requests = newRequests[C](c.rng.Uint64N(maxNumber))
	c.requests.changeID = c.lives * changesPerLife
	c.role, c.doubtAt = newFollower[C]("", 0, c.commit), forever
	c.configured()
	c.promiseForgotten()
	c.resetElectionTimer()
	if c.hard.Term == 0 && c.log.last() == 0 {
		c.electionAt = now + cfg.FirstElection
		if c.id != cfg.Members[0] {
			c.electionAt += secondChance + c.random(secondChance)
		}
	}
	return c
}

// observe moves the clock forward. Every input does this first: a leader that has slept knows it before it promises anything.
func (c *core[C]) observe(now time.Duration) {
	c.now = max(c.now, now)
	c.checkQuorum()
}

// tick begins an election if one is due.
func (c *core[C]) tick() {
	if c.role.kind() != Leader && c.now >= c.electionAt {
		c.electionDue()
	}
}

// next returns the earliest moment at which tick or flush will have something to do without further input.
func (c *core[C]) next() time.Duration {
	next := c.requests.check
	if l, ok := c.role.(*leader[C]); ok {
		return min(next, c.leaderNext(l))
	}
	return min(next, c.electionAt)
}

// flush turns what the inputs and the time have left behind into messages, once per batch: waiting requests go into the log or to the
// leader, and each follower gets at most one append where one is enough.
func (c *core[C]) flush() {
	c.requests.expire(c.now, c.cfg.Resend)
	c.pursueTransfers()
	c.pursueChanges()
	if l, ok := c.role.(*leader[C]); ok {
		c.followTheLoad(l)
		c.handOver(l)
		c.takeRequests(l)
		c.beginRound(l)
		c.advanceCommit(l)
		c.pursueMembership(l)
	}
	// Another role, if a leader that has been removed has just retired.
	switch r := c.role.(type) {
	case *leader[C]:
		c.sendAppends(r)
		c.confirmReads(r)
		c.answerHeld(r)
	case *follower[C]:
		c.commitEarly(r)
		c.forwardRequests(r)
	}
	c.changesKnown()
	c.sendAway()
}

// step takes in one message that check has let pass.
func (c *core[C]) step(m Message) {
	switch b := m.Body.(type) {
	case PreVoteRequest:
		c.handlePreVoteRequest(m.From, b)
	case PreVoteReply:
		c.handlePreVoteReply(m.From, b)
	case VoteRequest:
		c.handleVoteRequest(m.From, b)
	default:
		switch term := m.Body.term(); {
		case term < c.hard.Term:
			c.rejectStale(m)
			return
		case term > c.hard.Term:
			c.becomeFollower(term, "")
		}
		c.stepCurrent(m)
	}
}

// rejectStale answers a message of an earlier term: only a leader that does not know it has been deposed needs to be told (§5.1).
func (c *core[C]) rejectStale(m Message) {
	switch b := m.Body.(type) {
	case AppendRequest[C]:
		c.send(m.From, AppendReply{Term: c.hard.Term, At: b.At})
	case SnapshotRequest:
		c.send(m.From, SnapshotReply{Term: c.hard.Term, At: b.At})
	}
}

// stepCurrent takes in a message of the present term.
func (c *core[C]) stepCurrent(m Message) {
	switch b := m.Body.(type) {
	case VoteReply:
		c.handleVoteReply(m.From, b)
	case AppendRequest[C]:
		c.handleAppend(m.From, b)
	case AppendReply:
		c.handleAppendReply(m.From, b)
	case SnapshotRequest:
		c.handleSnapshot(m.From, b)
	case SnapshotReply:
		c.handleSnapshotReply(m.From, b)
	case CommitNotice:
		c.handleCommitNotice(m.From, b)
	case ForwardRequest[C], ReadRequest:
		c.handleRequest(m)
	case ReadReply:
		c.handleReadReply(m.From, b)
	case ConfirmRequest:
		c.send(m.From, ConfirmReply{Term: b.Term, ID: b.ID, Last: c.lastOfTerm()})
	case ConfirmReply:
		c.handleConfirmReply(m.From, b)
	default:
		c.stepOperation(m)
	}
}

// stepOperation takes in a message about who leads, or who belongs to the cluster, of the present term.
func (c *core[C]) stepOperation(m Message) {
	switch b := m.Body.(type) {
	case TransferRequest:
		c.handleTransferRequest(m.From, b)
	case TransferReply:
		c.handleTransferReply(m.From, b)
	case TimeoutNow:
		c.handleTimeoutNow()
	case ChangeRequest:
		c.handleChangeRequest(m.From, b)
	case ChangeReply:
		c.requests.endChange(b)
	}
}

func (c *core[C]) setHardState(h HardState) {
	if h != c.hard {
		c.hard, c.hardDirty = h, true
	}
}

func (c *core[C]) send(to NodeID, b Body) {
	c.messages = append(c.messages, Message{From: c.id, To: to, Body: b})
}

// broadcast sends a message to all others that have a vote.
func (c *core[C]) broadcast(b Body) {
	for _, id := range c.config().members() {
		if id != c.id && c.config().Votes(id) {
			c.send(id, b)
		}
	}
}

// random returns a duration below n.
func (c *core[C]) random(n time.Duration) time.Duration {
	return time.Duration(c.rng.Int64N(int64(max(n, 1))))
}
