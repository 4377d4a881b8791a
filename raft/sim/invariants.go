package sim

import (
	"crypto/sha256"
	"slices"

	"maelraft/raft"
)

// knowledge is what an observer of the whole cluster has seen, to hold new events against.
type knowledge[C any] struct {
	planned   int // events so far, to order those of one moment
	leaders   map[raft.Term]raft.NodeID
	votes     map[vote]raft.NodeID
	committed []raft.Entry[C]
	commitIn  []raft.Term // the term of the node that was first to commit the entry
	entries   map[position]identity
	snapshots map[raft.Index]state // the first that any node had at an index
}

// state is what is equal in all snapshots at one index: two nodes that have applied the same log are in the same state.
type state struct {
	term raft.Term
	hash [sha256.Size]byte
}

type vote struct {
	node raft.NodeID
	term raft.Term
}

type position struct {
	index raft.Index
	term  raft.Term
}

// identity is what the log matching property says is equal wherever index and term are: the command (by its id), and what precedes it.
type identity struct {
	id       raft.ProposalID
	prevTerm raft.Term
}

// seen is what a node looked like after its last event.
type seen[C any] struct {
	raft.View[C]
	matched raft.Index // up to here checked for log matching
}

// at returns the entry at an index of a node's log, which must not be dropped.
func at[C any](v raft.View[C], i raft.Index) raft.Entry[C] { return v.Log[i-v.Base-1] }

// last is the end of a node's log.
func last[C any](v raft.View[C]) raft.Index { return v.Base + raft.Index(len(v.Log)) }

func newKnowledge[C any]() knowledge[C] {
	return knowledge[C]{
		leaders: map[raft.Term]raft.NodeID{},
		votes:   map[vote]raft.NodeID{},
		entries: map[position]identity{},

		snapshots: map[raft.Index]state{},
	}
}

// checkNode checks everything that an event on a node can have broken.
func (c *Cluster[C, R]) checkNode(m *member[C, R]) {
	if err := m.node.CheckInvariants(); err != nil {
		c.fail("node %s: %v", m.id, err)
	}
	v := m.node.View()
	c.monotonic(m, v)
	c.oneVotePerTerm(m, v)
	c.logMatching(m, v)
	c.electionSafety(m, v)
	c.snapshots(m, v)
	m.seen.View = v
}

func (c *Cluster[C, R]) monotonic(m *member[C, R], v raft.View[C]) {
	old := m.seen
	if v.Base < old.Base || v.Snapshot.Index < old.Snapshot.Index {
		c.fail("node %s: base %d, snapshot %d fell to %d, %d", m.id, old.Base, old.Snapshot.Index, v.Base, v.Snapshot.Index)
	}
	if v.Term < old.Term || v.Commit < old.Commit || v.Applied < old.Applied {
		c.fail("node %s: term %d, commit %d, applied %d fell to %d, %d, %d", m.id,
			old.Term, old.Commit, old.Applied, v.Term, v.Commit, v.Applied)
	}
	if old.Role == raft.Leader && v.Term == old.Term && v.Role == raft.Leader && last(v) < last(old.View) {
		c.fail("leader append-only: node %s dropped entries of its own log", m.id)
	}
}

// oneVotePerTerm also holds across crashes (§5.2).
func (c *Cluster[C, R]) oneVotePerTerm(m *member[C, R], v raft.View[C]) {
	if v.VotedFor == "" {
		return
	}
	key := vote{m.id, v.Term}
	if old, ok := c.known.votes[key]; ok && old != v.VotedFor {
		c.fail("node %s voted for %s and %s in term %d", m.id, old, v.VotedFor, v.Term)
	}
	c.known.votes[key] = v.VotedFor
}

// electionSafety: at most one leader per term; and leader completeness: its log has everything that was committed in earlier
// terms (Figure 3). A leader that learns late of its victory may lack what was committed in later ones.
func (c *Cluster[C, R]) electionSafety(m *member[C, R], v raft.View[C]) {
	if v.Role != raft.Leader {
		return
	}
	known, ok := c.known.leaders[v.Term]
	if ok && known != m.id {
		c.fail("election safety: %s and %s both lead term %d", known, m.id, v.Term)
	}
	if ok {
		return
	}
	c.known.leaders[v.Term] = m.id
	n, _ := slices.BinarySearch(c.known.commitIn, v.Term)
	if n > 0 {
		i := raft.Index(n)
		if last(v) < i || i > v.Base && at(v, i).Term != c.known.committed[n-1].Term {
			c.fail("leader completeness: %s leads term %d without the committed entry %d", m.id, v.Term, n)
		}
	}
}

// logMatching: entries of equal index and term are equal, and so is everything before them (Figure 3).
func (c *Cluster[C, R]) logMatching(m *member[C, R], v raft.View[C]) {
	start := min(m.seen.matched, last(v))
	for start > max(v.Base, m.seen.Base) && at(v, start).Term != at(m.seen.View, start).Term {
		start--
	}
	prevTerm := v.BaseTerm
	if start = max(start, v.Base); start > v.Base {
		prevTerm = at(v, start).Term
	}
	for i := start + 1; i <= last(v); i++ {
		e := at(v, i)
		is := identity{id: e.ID, prevTerm: prevTerm}
		prevTerm = e.Term
		key := position{e.Index, e.Term}
		if was, ok := c.known.entries[key]; ok && was != is {
			c.fail("log matching: node %s has %+v at index %d of term %d, another had %+v", m.id, is, e.Index, e.Term, was)
		}
		c.known.entries[key] = is
	}
	m.seen.matched = last(v)
}

// stateMachineSafety: what one node has committed, no other commits differently; and what is committed is durable on a quorum.
func (c *Cluster[C, R]) stateMachineSafety(m *member[C, R], v raft.View[C]) {
	if int(v.Base) > len(c.known.committed) || v.Base > 0 && c.known.committed[v.Base-1].Term != v.BaseTerm {
		c.fail("state machine safety: node %s has dropped everything up to %d of term %d, which was not committed", m.id, v.Base, v.BaseTerm)
		return
	}
	for i := max(m.seen.Commit, v.Base); i < v.Commit; i++ {
		e := at(v, i+1)
		if int(i) < len(c.known.committed) {
			if was := c.known.committed[i]; was.Term != e.Term || was.ID != e.ID {
				c.fail("state machine safety: node %s committed term %d at index %d, another term %d", m.id, e.Term, e.Index, was.Term)
			}
			continue
		}
		c.known.committed = append(c.known.committed, e)
		c.known.commitIn = append(c.known.commitIn, v.Term)
		durable := 0
		for _, id := range c.IDs {
			if c.nodes[id].disk.has(e.Index, e.Term) {
				durable++
			}
		}
		if durable <= len(c.IDs)/2 {
			c.fail("committed on a quorum: entry %d is durable on %d of %d nodes only", e.Index, durable, len(c.IDs))
		}
	}
	m.seen.Commit = v.Commit
}

// snapshots: what was dropped, a durable snapshot stands for, and that was applied; and the state at an index is the same on every node.
func (c *Cluster[C, R]) snapshots(m *member[C, R], v raft.View[C]) {
	saved, _ := m.disk.Load()
	if v.Base > saved.Snapshot.Index || v.Snapshot.Index != saved.Snapshot.Index || v.Snapshot.Index > v.Applied {
		c.fail("node %s: dropped up to %d, snapshot at %d, durable at %d, applied up to %d", m.id,
			v.Base, v.Snapshot.Index, saved.Snapshot.Index, v.Applied)
	}
	s := v.Snapshot
	if s.Index == 0 || s.Index == m.seen.Snapshot.Index {
		return
	}
	is := state{s.Term, sha256.Sum256(s.State)}
	if was, ok := c.known.snapshots[s.Index]; ok && was != is {
		c.fail("node %s has another state at %d than an earlier snapshot there", m.id, s.Index)
	}
	c.known.snapshots[s.Index] = is
}

// checkPromises: what a node tells others about its term, vote and log is durable before it leaves (Figure 2).
func (c *Cluster[C, R]) checkPromises(m *member[C, R], messages []raft.Message) {
	saved, _ := m.disk.Load()
	for _, message := range messages {
		switch b := message.Body.(type) {
		case raft.VoteRequest:
			if saved.Term < b.Term || saved.VotedFor != m.id {
				c.fail("node %s asks for votes in term %d before its own vote is durable", m.id, b.Term)
			}
		case raft.VoteReply:
			vote := raft.HardState{Term: b.Term, VotedFor: message.To}
			if b.Granted && saved.HardState != vote && saved.Term <= b.Term {
				c.fail("node %s grants a vote in term %d before it is durable", m.id, b.Term)
			}
		case raft.AppendReply:
			if b.OK && b.Match > saved.Snapshot.Index+raft.Index(len(saved.Entries)) {
				c.fail("node %s confirms entry %d before it is durable", m.id, b.Match)
			}
		case raft.SnapshotReply:
			if b.Done && b.Index > saved.Snapshot.Index+raft.Index(len(saved.Entries)) {
				c.fail("node %s confirms a snapshot at %d before it is durable", m.id, b.Index)
			}
		}
	}
}
