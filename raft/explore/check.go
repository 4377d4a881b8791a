package explore

import (
	"fmt"
	"maps"
	"slices"

	"maelraft/raft"
	"maelraft/raft/internal/oracle"
)

// history is what an observer remembers of how a state came about. It is part of the state.
type history struct {
	leaders   map[raft.Term]raft.NodeID
	committed []entry
	commitIn  []raft.Term // the term of the node that was first to commit the entry
	// known are the writes that clients know to be done, by an answer or from a read.
	known set
}

func newHistory() history { return history{leaders: map[raft.Term]raft.NodeID{}} }

func (h history) clone() history {
	h.leaders = maps.Clone(h.leaders)
	h.committed, h.commitIn = slices.Clip(h.committed), slices.Clip(h.commitIn)
	return h
}

// answered takes note of what a client is told. A read must hold what was known when it began.
func (w *world) answered(m *member, o raft.Outcome[set]) error {
	must, isRead := m.reads[o.Ticket]
	written, isWrite := m.writes[o.Ticket]
	delete(m.reads, o.Ticket)
	delete(m.writes, o.Ticket)
	switch {
	case o.Err != nil:
	case isRead && o.Result&must != must:
		return fmt.Errorf("stale read: it holds writes %b, and %b were known to be done when it began", o.Result, must)
	case isRead:
		w.history.known |= o.Result
	case isWrite:
		w.history.known |= 1 << written
	}
	return nil
}

// check holds a member that has just moved against its past, the others and the history.
func (w *world) check(i int, before raft.View[int]) error {
	v := w.members[i].view
	id := name(i)
	if v.Term < before.Term || v.Term == before.Term && before.VotedFor != "" && v.VotedFor != before.VotedFor {
		return fmt.Errorf("%s went back from %+v to %+v", id, before.HardState, v.HardState)
	}
	if err := w.commits(id, v, min(before.Configuration.Index, v.Configuration.Index)); err != nil {
		return err
	}
	for _, check := range []func(raft.NodeID, raft.View[int]) error{w.electionSafety, w.exclusiveLease, w.logMatching} {
		if err := check(id, v); err != nil {
			return err
		}
	}
	for j, m := range w.members {
		if err := w.leaderCompleteness(name(j), m.view); err != nil {
			return err
		}
	}
	return nil
}

// commits: what one node has committed no other commits differently, and a quorum has it on disk (state machine safety, Figure 3): one of a
// configuration that has been in force since the node was last looked at, when it was in the one of an index.
func (w *world) commits(id raft.NodeID, v raft.View[int], config raft.Index) error {
	h := &w.history
	for n, e := range v.Log[:v.Commit] {
		if n < len(h.committed) {
			if h.committed[n] != e {
				return fmt.Errorf("state machine safety: %s has committed %+v, and %+v was committed before", id, e, h.committed[n])
			}
			continue
		}
		h.committed, h.commitIn = append(h.committed, e), append(h.commitIn, v.Term)
		durable := func(id raft.NodeID) bool {
			log := w.members[number(id)].view.Log
			return n < len(log) && log[n] == e
		}
		if !slices.ContainsFunc(v.Configurations, func(g *raft.Configuration) bool { return g.Index >= config && oracle.IsQuorum(g, durable) }) {
			return fmt.Errorf("committed on a quorum: %+v is not, by %s in %v", e, id, v.Configurations)
		}
	}
	return nil
}

// electionSafety: at most one leader per term (Figure 3).
func (w *world) electionSafety(id raft.NodeID, v raft.View[int]) error {
	if v.Role != raft.Leader {
		return nil
	}
	if other, ok := w.history.leaders[v.Term]; ok && other != id {
		return fmt.Errorf("election safety: %s and %s both lead term %d", other, id, v.Term)
	}
	w.history.leaders[v.Term] = id
	return nil
}

// exclusiveLease: as long as a leader has a lease by its own clock, nobody else leads a later term.
func (w *world) exclusiveLease(id raft.NodeID, v raft.View[int]) error {
	for i, m := range w.members {
		if v.Role == raft.Leader && m.view.Role == raft.Leader && m.view.Term < v.Term && w.clock(i) < m.view.Leased {
			return fmt.Errorf("a lease excludes other leaders: %s has one, and %s leads term %d", name(i), id, v.Term)
		}
	}
	return nil
}

// logMatching: where two logs have an entry of the same index and term, they are the same up to there (Figure 3).
func (w *world) logMatching(id raft.NodeID, v raft.View[int]) error {
	for j, m := range w.members {
		n := min(len(v.Log), len(m.view.Log))
		for n > 0 && v.Log[n-1].Term != m.view.Log[n-1].Term {
			n--
		}
		if !slices.Equal(v.Log[:n], m.view.Log[:n]) {
			return fmt.Errorf("log matching: %s has %v, %s has %v", id, v.Log[:n], name(j), m.view.Log[:n])
		}
	}
	return nil
}

// leaderCompleteness: a leader has everything that was committed in earlier terms (Figure 3).
func (w *world) leaderCompleteness(id raft.NodeID, v raft.View[int]) error {
	if v.Role != raft.Leader {
		return nil
	}
	for n, e := range w.history.committed {
		if w.history.commitIn[n] < v.Term && (n >= len(v.Log) || v.Log[n] != e) {
			return fmt.Errorf("leader completeness: %s leads term %d without the committed %+v", id, v.Term, e)
		}
	}
	return nil
}
