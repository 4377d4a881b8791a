package sim

import (
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
	matched int // entries of Log that were checked for log matching
}

func newKnowledge[C any]() knowledge[C] {
	return knowledge[C]{
		leaders: map[raft.Term]raft.NodeID{},
		votes:   map[vote]raft.NodeID{},
		entries: map[position]identity{},
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
	c.stateMachineSafety(m, v)
	m.seen.View = v
}

func (c *Cluster[C, R]) monotonic(m *member[C, R], v raft.View[C]) {
	old := m.seen
	if v.Term < old.Term || v.Commit < old.Commit || v.Applied < old.Applied {
		c.fail("node %s: term %d, commit %d, applied %d fell to %d, %d, %d", m.id,
			old.Term, old.Commit, old.Applied, v.Term, v.Commit, v.Applied)
	}
	if old.Role == raft.Leader && v.Term == old.Term && v.Role == raft.Leader && len(v.Log) < len(old.Log) {
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
		if len(v.Log) < n || v.Log[n-1].Term != c.known.committed[n-1].Term {
			c.fail("leader completeness: %s leads term %d without the committed entry %d", m.id, v.Term, n)
		}
	}
}

// logMatching: entries of equal index and term are equal, and so is everything before them (Figure 3).
func (c *Cluster[C, R]) logMatching(m *member[C, R], v raft.View[C]) {
	start := min(m.seen.matched, len(v.Log))
	for start > 0 && v.Log[start-1].Term != m.seen.Log[start-1].Term {
		start--
	}
	for i := start; i < len(v.Log); i++ {
		e := v.Log[i]
		is := identity{id: e.ID}
		if i > 0 {
			is.prevTerm = v.Log[i-1].Term
		}
		key := position{e.Index, e.Term}
		if was, ok := c.known.entries[key]; ok && was != is {
			c.fail("log matching: node %s has %+v at index %d of term %d, another had %+v", m.id, is, e.Index, e.Term, was)
		}
		c.known.entries[key] = is
	}
	m.seen.matched = len(v.Log)
}

// stateMachineSafety: what one node has committed, no other commits differently; and what is committed is durable on a quorum.
func (c *Cluster[C, R]) stateMachineSafety(m *member[C, R], v raft.View[C]) {
	for i := m.seen.Commit; i < v.Commit; i++ {
		e := v.Log[i]
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
			if b.OK && int(b.Match) > len(saved.Entries) {
				c.fail("node %s confirms entry %d before it is durable", m.id, b.Match)
			}
		}
	}
}
