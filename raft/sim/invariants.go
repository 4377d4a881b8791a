package sim

import (
	"crypto/sha256"
	"slices"

	"maelraft/raft"
	"maelraft/raft/internal/oracle"
)

// knowledge is what an observer of the whole cluster has seen, to hold new events against.
type knowledge[C any] struct {
	planned   int // events so far, to order those of one moment
	leaders   map[raft.Term]raft.NodeID
	votes     map[vote]raft.NodeID
	committed []raft.Entry[C]
	commitIn  []raft.Term           // the term of the node that was first to commit the entry
	commitBy  []*raft.Configuration // the last entry was committed in one of these
	entries   map[position]identity
	applied   raft.Index            // the most that any node has ever applied
	states    map[raft.Index]uint64 // Cluster.Digest of the first node that had applied so much
	snapshots map[raft.Index]state  // the first that any node had at an index
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
	matched  raft.Index // up to here checked for log matching
	deposed  raft.Term
	snapshot raft.Index // the last that was compared
	observed bool       // false at the beginning of a life
}

func newKnowledge[C any]() knowledge[C] {
	return knowledge[C]{
		leaders: map[raft.Term]raft.NodeID{},
		votes:   map[vote]raft.NodeID{},
		entries: map[position]identity{},
		states:  map[raft.Index]uint64{},

		snapshots: map[raft.Index]state{},
	}
}

// at returns the entry at an index of a node's log, which must not have dropped it.
func at[C any](v raft.View[C], i raft.Index) raft.Entry[C] { return v.Log[i-v.Base-1] }

// logEnd returns index and term of the last entry of a node's log, or of what it has dropped.
func logEnd[C any](v raft.View[C]) position {
	return lastOf(v.Log, position{v.Base, v.BaseTerm})
}

// entryAt returns the entry with an index from entries that follow each other.
func entryAt[C any](entries []raft.Entry[C], i raft.Index) (e raft.Entry[C], ok bool) {
	if len(entries) == 0 || i < entries[0].Index || i > entries[len(entries)-1].Index {
		return e, false
	}
	return entries[i-entries[0].Index], true
}

// lastOf returns where a log ends: at its last entry, or, if it has none, at the place before its first.
func lastOf[C any](entries []raft.Entry[C], base position) position {
	if n := len(entries); n > 0 {
		return position{entries[n-1].Index, entries[n-1].Term}
	}
	return base
}

// checkNode checks everything that a node can have broken with what it has just done. All of that is durable: what a node had in mind when
// its disk failed is nobody's business.
func (c *Cluster[C, R]) checkNode(m *member[C, R]) {
	if m.node.Status().Failed {
		return
	}
	v := m.node.View()
	if err := m.node.CheckInvariants(); err != nil {
		c.Violate("purged <= snapshot <= applied <= committed <= last", "node %s: %v", m.id, err)
	}
	c.tellChanges(m, v)
	c.monotonic(m, v)
	c.oneRolePerTerm(m, v)
	c.leaderAppendOnly(m, v)
	c.oneVotePerTerm(m, v)
	c.logMatching(m, v)
	c.committedOnAQuorum(m, v)
	c.stateMachineSafety(m, v)
	c.electionSafety(m, v)
	c.exclusiveLease(m, v)
	m.seen.View, m.seen.observed = v, true
}

func (c *Cluster[C, R]) monotonic(m *member[C, R], v raft.View[C]) {
	old := m.seen
	if v.Base < old.Base || v.Snapshot.Index < old.Snapshot.Index {
		c.Violate("base and snapshot never fall", "node %s: %d, %d fell to %d, %d", m.id, old.Base, old.Snapshot.Index, v.Base, v.Snapshot.Index)
	}
	if v.Term < old.Term || v.Commit < old.Commit || v.Applied < old.Applied {
		c.Violate("term, commit and applied never fall", "node %s: %d, %d, %d fell to %d, %d, %d", m.id,
			old.Term, old.Commit, old.Applied, v.Term, v.Commit, v.Applied)
	}
}

// oneVotePerTerm also holds across crashes (§5.2), and a vote is not taken back.
func (c *Cluster[C, R]) oneVotePerTerm(m *member[C, R], v raft.View[C]) {
	key := vote{m.id, v.Term}
	old, ok := c.known.votes[key]
	if ok && old != v.VotedFor {
		c.Violate("one vote per term", "node %s voted for %s in term %d, and now for %q", m.id, old, v.Term, v.VotedFor)
	}
	if v.VotedFor != "" {
		c.known.votes[key] = v.VotedFor
	}
}

// electionSafety: at most one leader per term, elected by a majority; and leader completeness: its log has everything that was committed
// in earlier terms (Figure 3). A leader that learns late of its victory may lack what was committed in later ones.
func (c *Cluster[C, R]) electionSafety(m *member[C, R], v raft.View[C]) {
	if v.Role != raft.Leader {
		return
	}
	known, ok := c.known.leaders[v.Term]
	if ok && known != m.id {
		c.Violate("election safety", "%s and %s both lead term %d", known, m.id, v.Term)
	}
	if ok {
		return
	}
	c.known.leaders[v.Term] = m.id
	first := logEnd(v).index + 1
	for first > v.Base+1 && at(v, first-1).Term == v.Term {
		first--
	}
	if g := v.ConfigurationAt(first - 1); !oracle.IsQuorum(g, func(id raft.NodeID) bool { return c.known.votes[vote{id, v.Term}] == m.id }) {
		c.Violate("elected by a majority", "%s leads term %d, and has not the votes of %v", m.id, v.Term, g)
	}
	n, _ := slices.BinarySearch(c.known.commitIn, v.Term)
	if n == 0 {
		return
	}
	last := c.known.committed[n-1]
	if e, ok := entryAt(v.Log, last.Index); ok && e.Term != last.Term || logEnd(v).index < last.Index {
		c.Violate("leader completeness", "%s leads term %d without the committed entry %d", m.id, v.Term, n)
	}
}

// logMatching: entries of equal index and term are equal, and so is everything before them (Figure 3). What is replaced was not committed.
func (c *Cluster[C, R]) logMatching(m *member[C, R], v raft.View[C]) {
	last := logEnd(v).index
	start := min(m.seen.matched, last)
	for start > max(v.Base, m.seen.Base) && at(v, start).Term != at(m.seen.View, start).Term {
		start--
	}
	if start < min(m.seen.matched, m.seen.Commit) {
		c.Violate("committed never changes", "node %s replaced entry %d, and had committed %d", m.id, start+1, m.seen.Commit)
	}
	prevTerm := v.BaseTerm
	if start = max(start, v.Base); start > v.Base {
		prevTerm = at(v, start).Term
	}
	for i := start + 1; i <= last; i++ {
		e := at(v, i)
		is := identity{id: e.ID, prevTerm: prevTerm}
		prevTerm = e.Term
		key := position{e.Index, e.Term}
		was, ok := c.known.entries[key]
		if ok && e.IsNoOp() && v.ConfigurationAt(i).Witness(m.id) {
			is.id = was.id // it stands for whatever the others have
		}
		if ok && was != is {
			c.Violate("log matching", "node %s has %+v at index %d of term %d, another had %+v", m.id, is, e.Index, e.Term, was)
		}
		c.known.entries[key] = is
	}
	m.seen.matched = last
}

// committedOnAQuorum: what one node has committed, no other commits differently; and what is committed is durable on a quorum.
func (c *Cluster[C, R]) committedOnAQuorum(m *member[C, R], v raft.View[C]) {
	if int(v.Base) > len(c.known.committed) || v.Base > 0 && c.known.committed[v.Base-1].Term != v.BaseTerm {
		c.Violate("only what is committed is dropped", "node %s has dropped everything up to %d of term %d", m.id, v.Base, v.BaseTerm)
		return
	}
	for i := m.seen.Commit + 1; i <= v.Commit; i++ {
		e, ok := entryAt(v.Log, i)
		switch {
		case !ok:
		case int(i) <= len(c.known.committed):
			if was := c.known.committed[i-1]; was.Term != e.Term || was.ID != e.ID && !v.ConfigurationAt(i).Witness(m.id) {
				c.Violate("state machine safety", "node %s committed term %d at index %d, another term %d", m.id, e.Term, i, was.Term)
			}
		default:
			c.known.committed = append(c.known.committed, e)
			c.known.commitIn = append(c.known.commitIn, v.Term)
			c.known.commitBy = during(m.seen.View, v)
		}
	}
	if m.seen.Commit < v.Commit {
		c.quorumKeeps()
	}
}

// quorumKeeps: whatever was ever committed is on the disks of a quorum, also after crashes. By log matching the last entry stands for all.
func (c *Cluster[C, R]) quorumKeeps() {
	if len(c.known.committed) == 0 {
		return
	}
	last := c.known.committed[len(c.known.committed)-1]
	var durable []raft.NodeID
	for _, id := range c.IDs {
		if saved, _ := c.nodes[id].disk.Load(); has(saved, last.Index, last.Term) {
			durable = append(durable, id)
		}
	}
	in := func(id raft.NodeID) bool { return slices.Contains(durable, id) }
	if !slices.ContainsFunc(c.known.commitBy, func(g *raft.Configuration) bool { return oracle.IsQuorum(g, in) }) {
		c.Violate("committed on a quorum", "entry %d of term %d is durable on %v, no quorum of %v", last.Index, last.Term, durable, c.known.commitBy)
	}
}

// stateMachineSafety: nodes that have applied as much are in equal states, down to the table of sessions.
func (c *Cluster[C, R]) stateMachineSafety(m *member[C, R], v raft.View[C]) {
	c.known.applied = max(c.known.applied, v.Applied)
	if c.Digest == nil || v.Applied == m.seen.Applied || v.ConfigurationAt(v.Applied).Witness(m.id) {
		return
	}
	digest := c.Digest(m.machine)
	if was, ok := c.known.states[v.Applied]; ok && was != digest {
		c.Violate("equal states at equal index", "node %s differs from another one that has applied %d entries", m.id, v.Applied)
	}
	c.known.states[v.Applied] = digest
}

// checkSnapshot: what was dropped, a durable snapshot stands for, and that was applied; and the state at an index is the same on every node. It
// holds when a batch has been carried out, not in the middle: a leader's snapshot becomes durable before it is applied.
func (c *Cluster[C, R]) checkSnapshot(m *member[C, R]) {
	v := m.node.View()
	if m.node.Status().Failed {
		return
	}
	saved, _ := m.disk.Load()
	if v.Base > saved.Snapshot.Index || v.Snapshot.Index != saved.Snapshot.Index || v.Snapshot.Index > v.Applied {
		c.Violate("purged <= snapshot <= applied <= committed <= last", "node %s: dropped up to %d, snapshot at %d, durable at %d, applied up to %d", m.id,
			v.Base, v.Snapshot.Index, saved.Snapshot.Index, v.Applied)
	}
	s := v.Snapshot
	if s.Index == m.seen.snapshot {
		return
	}
	m.seen.snapshot = s.Index
	if s.Configuration.Witness(m.id) {
		return
	}
	is := state{s.Term, sha256.Sum256(s.State)}
	if was, ok := c.known.snapshots[s.Index]; ok && was != is {
		c.Violate("equal states at equal index", "node %s has another state at %d than an earlier snapshot there", m.id, s.Index)
	}
	c.known.snapshots[s.Index] = is
}
