package raft

import "time"

// Role is what a node is at the moment (§5.1).
type Role int

// The roles. A pre-candidate is a node that asks whether it could win an election, without having begun one (thesis §9.6).
const (
	Follower Role = iota
	PreCandidate
	Candidate
	Leader
)

// String returns the role in lower case.
func (r Role) String() string {
	return [...]string{"follower", "pre-candidate", "candidate", "leader"}[r]
}

// role is what a node knows only because of its role: a *follower, *preCandidate, *candidate or *leader. It is replaced, never
// reset, when the role changes; so nothing that a leader knew outlives its leadership.
type role interface{ kind() Role }

// follower listens to a leader, or waits for one.
type follower[C any] struct {
	leader  NodeID        // empty: not known yet in this term
	elect   NodeID        // the candidate that has this node's vote, and may be the leader soon
	heardAt time.Duration // when the leader last spoke, or the candidate asked

	// verified is the last index up to which this log is known to agree with the leader's. Only up to there may the leader's commit
	// index be believed. leaderCommit is the highest commit index that the leader has named.
	verified     Index
	leaderCommit Index
	// configuration is the index of the configuration that was in force at the leader.
	configuration Index

	// early: the leader lets its followers count for themselves (early.go). acks is what others have acknowledged of its entries, second
	// the nodes to which this one is to acknowledge what it has just appended.
	early  bool
	leases bool // the leader asks for promises: it answers reads without help
	acks   map[NodeID]Index
	second []NodeID

	// stash keeps appends that overtook an earlier one (replication_follower.go).
	stash []AppendRequest[C]
}

// preCandidate gathers promises for the term after the present one.
type preCandidate struct{ votes voters }

// candidate gathers votes for the present term.
type candidate struct {
	votes voters
	// early is what voters forwarded together with their votes (forward.go).
	early []Message
}

// voters is a set of nodes: each counts once however often it answers.
type voters map[NodeID]bool

func (v voters) has(id NodeID) bool { return v[id] }

func (*follower[C]) kind() Role  { return Follower }
func (*preCandidate) kind() Role { return PreCandidate }
func (*candidate) kind() Role    { return Candidate }
func (*leader[C]) kind() Role    { return Leader }

// leader is what Figure 2 calls volatile state on leaders, and the reads that wait for a round.
type leader[C any] struct {
	peers []*progress // of all members but this one, and of those that are departing
	// first is the index of the no-op that opened the term: as long as it is not committed, the leader does not know what is (§8).
	first Index
	since time.Duration // start of the leadership
	// movedAt is when the commit index last rose, or when there last was anything to commit again.
	movedAt time.Duration

	seconders map[NodeID][]NodeID // who is to second a node's proposals, as that node wants it (early.go)

	uncommitted int // bytes of commands in the log that are not committed

	round   uint64       // newest round of reads begun
	waiting []leaderRead // not in a round yet
	reads   []leaderRead // in a round, in the order of the rounds
	held    []leaderRead // of followers, to be answered when their index is committed

	handover *handover[C] // nil: no transfer is under way
	// abdicated: a node has been told to stand for election in the next term, and may be elected by those that have just heard this leader. So
	// until the end of the term this one promises nothing that rests on their not voting.
	abdicated bool
	load      load

	change  *change // nil: nobody has asked for one (membership.go)
	settled map[NodeID]settled
}

// progress returns what is known of a peer, nil if there is none.
func (l *leader[C]) progress(id NodeID) *progress {
	for _, p := range l.peers {
		if p.id == id {
			return p
		}
	}
	return nil
}

// becomeFollower enters a term, or stays in it, without a role of its own. The leader may be unknown. The election timer
// goes on: only a leader's message or a vote given away puts an election off (§5.2).
func (c *core[C]) becomeFollower(term Term, leader NodeID) {
	wasLeader := c.role.kind() == Leader
	if term > c.hard.Term {
		c.setHardState(HardState{Term: term})
	}
	c.role = newFollower[C](leader, c.now, c.commit)
	if wasLeader {
		c.resetElectionTimer()
	}
	c.requests.leaderChanged(c.now)
}

func newFollower[C any](leader NodeID, now time.Duration, commit Index) *follower[C] {
	return &follower[C]{leader: leader, heardAt: now, verified: commit, acks: map[NodeID]Index{}}
}

// becomePreCandidate begins to ask whether an election could be won.
func (c *core[C]) becomePreCandidate() {
	c.role = &preCandidate{votes: voters{c.id: true}}
	c.resetElectionTimer()
}

// becomeCandidate begins an election: it enters the next term and votes for itself (§5.2). The vote is durable before any other
// node hears of it, because messages leave a batch after its hard state is synced.
func (c *core[C]) becomeCandidate() {
	c.setHardState(HardState{Term: c.hard.Term + 1, VotedFor: c.id})
	c.role = &candidate{votes: voters{c.id: true}}
	c.resetElectionTimer()
	c.requests.leaderChanged(c.now)
}

// becomeLeader takes over the term in which this node has just won a majority.
func (c *core[C]) becomeLeader() {
	l := &leader[C]{
		first: c.log.last() + 1, since: c.now, movedAt: c.now, load: newLoad(c), seconders: map[NodeID][]NodeID{}, settled: map[NodeID]settled{},
	}
	early := c.role.(*candidate).early
	c.role = l
	c.failures, c.outside = 0, false
	c.requests.leaderChanged(c.now)
	// The no-op commits whatever earlier leaders left behind (§8, §5.4.2).
	c.log.append(Entry[C]{Index: l.first, Term: c.hard.Term})
	c.replicateToMembers(l)
	l.uncommitted = c.sizeOf(c.log.slice(c.commit, c.log.last()))
	for _, m := range early {
		c.stepCurrent(m)
	}
}
