package raft

import (
	"fmt"
	"slices"
	"time"
)

// The wish for another membership, and its way to the leader. Every node takes it (Node.ChangeMembership), as it takes requests.

// ChangeKind is a kind of change.
type ChangeKind string

// The kinds. A change of something that is so already is done at once.
const (
	// AddLearner lets a node get the log and the state, without a vote.
	AddLearner ChangeKind = "add_learner"
	// AddVoter gives a node a vote, when it has caught up as a learner.
	AddVoter ChangeKind = "add_voter"
	// AddWitness gives a vote to a node that has been no member, or was a witness before. It keeps neither commands nor state, and cannot lead.
	AddWitness ChangeKind = "add_witness"
	// Promote gives a learner a vote, if it has caught up.
	Promote ChangeKind = "promote"
	// Remove takes out a voter, learner or witness, perhaps the leader.
	Remove ChangeKind = "remove"
	// Replace makes the given nodes the voters, instead of all others, in one step, when those that are new have caught up.
	Replace ChangeKind = "replace"
)

// Change is a change of the membership.
type Change struct {
	Kind ChangeKind
	// Nodes is the one node that it is about; for Replace all that are to vote.
	Nodes []NodeID
}

// Validate says what is wrong with a change, whatever the configuration is, or nil.
func (ch Change) Validate() error {
	one := len(ch.Nodes) == 1
	switch ch.Kind {
	case Replace:
		one = len(ch.Nodes) > 0
	case AddLearner, AddVoter, AddWitness, Promote, Remove:
	default:
		return fmt.Errorf("raft: %q is no kind of change", ch.Kind)
	}
	sorted := slices.Sorted(slices.Values(ch.Nodes))
	if !one || len(ch.Nodes) > maxMembers || sorted[0] == "" || len(slices.Compact(sorted)) != len(ch.Nodes) {
		return fmt.Errorf("raft: %s of %d nodes, or not of distinct ones", ch.Kind, len(ch.Nodes))
	}
	return nil
}

// after returns the configuration to which a change leads from one that is not joint, or why there is none.
func (g *Configuration) after(ch Change) (Configuration, Refusal) {
	h := Configuration{Voters: slices.Clone(g.Voters), Learners: slices.Clone(g.Learners), Witnesses: slices.Clone(g.Witnesses)}
	id := ch.Nodes[0]
	switch ch.Kind {
	case AddLearner:
		h.Learners = joining(h.Learners, id)
	case AddVoter, Promote:
		h.Voters = joining(h.Voters, id)
	case AddWitness:
		h.Voters, h.Witnesses = joining(h.Voters, id), joining(h.Witnesses, id)
	case Remove:
		h.Voters, h.Learners = except(h.Voters, ch.Nodes), except(h.Learners, ch.Nodes)
	case Replace:
		h.Voters = slices.Clone(ch.Nodes)
	}
	h.Learners = except(h.Learners, h.Voters)
	return h, g.bars(ch, &h)
}

// bars says why a change cannot lead to another configuration.
func (g *Configuration) bars(ch Change, h *Configuration) Refusal {
	id := ch.Nodes[0]
	returns := func(id NodeID) bool { return h.Member(id) && g.Witness(id) && !g.Member(id) }
	switch {
	case ch.Kind == AddLearner && g.Votes(id), ch.Kind == AddWitness && g.Serves(id):
		return RefusedMember
	case ch.Kind == Promote && !g.Member(id):
		return RefusedNoMember
	case ch.Kind != AddWitness && slices.ContainsFunc(ch.Nodes, returns):
		return RefusedWitness
	case len(h.members()) > maxMembers || len(h.Witnesses) > maxMembers:
		return RefusedTooMany
	case h.validate() != nil:
		return RefusedTooFew
	}
	return ""
}

func joining(ids []NodeID, id NodeID) []NodeID {
	if slices.Contains(ids, id) {
		return ids
	}
	return append(ids, id)
}

// wantedChange is a change for which somebody waits on this node.
type wantedChange struct {
	ticket   Ticket
	id       uint64 // for leaders
	what     Change
	deadline time.Duration
	// term is the one whose leader was asked last, zero if none was. If another was asked before, nobody knows what that one has done.
	term     Term
	doubt    bool
	resendAt time.Duration
	// done: the leader has said so, and its configuration is the one at this index. The answer waits until this node knows that one.
	done  bool
	index Index
}

// change takes a wish and leaves it to the next flush.
func (r *requests[C]) change(what Change, deadline time.Duration) Ticket {
	r.seq++
	r.changeID++
	r.changes = append(r.changes, wantedChange{ticket: Ticket(r.seq), id: r.changeID, what: what, deadline: deadline})
	r.admit(0, deadline)
	return Ticket(r.seq)
}

// pursueChanges brings the oldest wish to the leader, and again while there is no answer. One at a time: so the leader can tell a copy from a new one.
func (c *core[C]) pursueChanges() {
	if len(c.requests.changes) == 0 || c.requests.changes[0].done {
		return
	}
	w := &c.requests.changes[0]
	ask := w.term != c.hard.Term || c.now >= w.resendAt
	switch r := c.role.(type) {
	case *leader[C]:
		if w.term != c.hard.Term {
			w.sent(c.hard.Term, forever)
			c.takeChange(r, c.id, w.id, w.what)
		}
	case *follower[C]:
		if ask && r.leader != "" && c.now-r.heardAt <= c.pace.contactLost() {
			w.sent(c.hard.Term, c.now+c.pace.resendAfter())
			c.send(r.leader, ChangeRequest{Term: c.hard.Term, ID: w.id, Change: w.what})
		}
	}
	if w.resendAt > c.now {
		c.requests.check = min(c.requests.check, w.resendAt)
	}
}

// sent notes that the leader of a term has been asked.
func (w *wantedChange) sent(term Term, resendAt time.Duration) {
	w.doubt = w.doubt || w.term != 0 && w.term != term
	w.term, w.resendAt = term, resendAt
}

// expireChanges ends the wishes whose time is over. One that a leader has been told of may yet come true.
func (r *requests[C]) expireChanges(now time.Duration) {
	r.endChanges(func(w *wantedChange) (bool, error) {
		if w.deadline > now {
			r.check = min(r.check, w.deadline)
			return false, nil
		}
		return true, w.fate()
	})
}

// changesPerLife is how many wishes a node may have in one life. The numbers of all lives follow each other: of one that has a smaller number than the last, a leader
// believes that it is an old copy.
const changesPerLife = 1 << 20

func (w *wantedChange) fate() error {
	switch {
	case w.done:
		return nil
	case w.term == 0:
		return ErrUnavailable
	}
	return ErrUnknown
}

// endChange takes in how a wish ends, as the leader of a term says. If an earlier leader had been asked as well, that it is refused now says nothing.
func (r *requests[C]) endChange(m ChangeReply) {
	r.endChanges(func(w *wantedChange) (bool, error) {
		switch {
		case w.id != m.ID || w.term != m.Term || w.done:
			return false, nil
		case m.Why == "":
			w.done, w.index = true, m.Configuration
			return false, nil
		case w.doubt:
			return true, ErrUnknown
		}
		return true, refusals[m.Why]
	})
}

// changesKnown ends the wishes that are done as far as this node can see.
func (c *core[C]) changesKnown() {
	c.requests.endChanges(func(w *wantedChange) (bool, error) { return w.done && w.index <= c.commit, nil })
}

// endChanges ends those wishes of which a function says so, in the way it says.
func (r *requests[C]) endChanges(over func(*wantedChange) (bool, error)) {
	var waiting []wantedChange
	for _, w := range r.changes {
		if ends, err := over(&w); ends {
			r.count--
			r.done = append(r.done, ended{w.ticket, err})
		} else {
			waiting = append(waiting, w)
		}
	}
	r.changes = waiting
}

// handleChangeRequest takes in a wish of another node.
func (c *core[C]) handleChangeRequest(from NodeID, m ChangeRequest) {
	if l, ok := c.role.(*leader[C]); ok {
		c.takeChange(l, from, m.ID, m.Change)
	}
}

func (c *core[C]) checkChangeReply(from NodeID, m ChangeReply) error {
	if m.Why != "" && refusals[m.Why] == nil {
		return fmt.Errorf("a refusal %q", m.Why)
	}
	if m.Term == c.hard.Term && !c.mayLead(from) {
		return fmt.Errorf("a second leader in term %d", m.Term)
	}
	return nil
}
