package raft

import (
	"fmt"
	"slices"
	"time"
)

// View is a look into a node for tests: what Figure 2 lists, as it stands. The log is shared with the node and must not be changed.
type View[C any] struct {
	HardState
	Role   Role
	Leader NodeID
	// Successor is to whom this node hands over at the moment, empty if to nobody.
	Successor NodeID
	Base      Index // everything up to here has been dropped
	BaseTerm  Term
	Log       []Entry[C] // from Base+1
	// Snapshot is the newest that is durable.
	Snapshot Snapshot
	Saved    Index // up to here durable
	Commit   Index
	Applied  Index
	// Configuration is the one in force, the last of Configurations, which are those of Log, and before them the one in force at Base.
	Configuration  Configuration
	Configurations []*Configuration
	// Leased is until when, by its own clock, this leader is sure that nobody else leads a later term (lease.go); in the past if it is not.
	Leased time.Duration
}

// ConfigurationAt returns the configuration in force at an index of the log, which is not dropped.
func (v View[C]) ConfigurationAt(i Index) *Configuration { return inForce(v.Configurations, i) }

// View returns the state of the node.
func (n *Node[C, R]) View() View[C] {
	status := n.Status()
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.core
	leased, successor := never, NodeID("")
	if l, ok := c.role.(*leader[C]); ok {
		if c.cfg.Reads == LeaseReads {
			leased = c.leaseUntil(l)
		}
		if l.handover != nil {
			successor = l.handover.to
		}
	}
	return View[C]{
		HardState: c.hard, Role: c.role.kind(), Leader: status.Leader, Successor: successor,
		Base: c.log.base, BaseTerm: c.log.baseTerm, Log: c.log.slice(c.log.base, c.log.last()),
		Snapshot: c.snapshot, Saved: c.log.saved, Commit: c.commit, Applied: c.applied, Configuration: *c.config(), Configurations: slices.Clone(c.log.configurations), Leased: leased,
	}
}

// CheckInvariants returns which of its own invariants the node breaks, or nil. It takes constant time per peer, so that a test can call it
// after every step.
func (n *Node[C, R]) CheckInvariants() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.core
	if err := c.checkOrder(); err != nil {
		return err
	}
	if l, ok := c.role.(*leader[C]); ok {
		return c.checkLeader(l)
	}
	if c.electionAt < c.promised {
		return fmt.Errorf("raft: election timer %v runs out before the promise not to vote, %v", c.electionAt, c.promised)
	}
	return nil
}

// checkOrder checks that the places in the log stand in their order.
func (c *core[C]) checkOrder() error {
	l := &c.log
	chain := []struct {
		name string
		at   Index
	}{
		{"base", l.base},
		{"snapshot", max(c.snapshot.Index, c.installed)},
		{"applied", max(c.applied, c.installed)},
		{"handed out", max(c.handedOut, c.installed)},
		{"commit", c.commit},
		{"last", l.last()},
	}
	for i := 1; i < len(chain); i++ {
		if chain[i-1].at > chain[i].at {
			return fmt.Errorf("raft: %s %d is behind %s %d", chain[i-1].name, chain[i-1].at, chain[i].name, chain[i].at)
		}
	}
	if l.saved > l.handed || l.handed > l.last() {
		return fmt.Errorf("raft: saved %d, handed out %d, last %d are out of order", l.saved, l.handed, l.last())
	}
	if l.lastTerm() > c.hard.Term {
		return fmt.Errorf("raft: last entry is of term %d, later than the node's %d", l.lastTerm(), c.hard.Term)
	}
	return nil
}

// checkLeader checks what a leader knows of its followers, and that it voted for itself.
func (c *core[C]) checkLeader(l *leader[C]) error {
	if c.hard.VotedFor != c.id {
		return fmt.Errorf("raft: leader of term %d voted for %q", c.hard.Term, c.hard.VotedFor)
	}
	if t, ok := c.log.term(l.first); l.first >= c.log.base && (!ok || t != c.hard.Term) {
		return fmt.Errorf("raft: the no-op of the leader of term %d is gone", c.hard.Term)
	}
	if h := l.handover; h != nil && h.told != never && (!l.abdicated || l.progress(h.to).match != c.log.last()) {
		return fmt.Errorf("raft: %s is to lead, and has not the log up to %d", h.to, c.log.last())
	}
	for _, p := range l.peers {
		if p.match >= p.next || p.next > c.log.last()+1 {
			return fmt.Errorf("raft: progress of %s: match %d, next %d, last %d", p.id, p.match, p.next, c.log.last())
		}
		if len(p.flights) > c.cfg.MaxInflight || p.probing && len(p.flights) > 1 {
			return fmt.Errorf("raft: %d appends in flight to %s", len(p.flights), p.id)
		}
	}
	return nil
}
