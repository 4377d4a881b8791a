package raft

import (
	"maps"
	"slices"
	"time"
)

// Leadership goes where the load is, with Config.FollowTheLoad: a leader's own clients wait for one round trip, those of other nodes for more. The
// leader counts where requests come from, and hands over (transfer.go) to a node from which clearly more come than from all others
// together, for a while. What this rests on is the leader's own count and its clock, so it is nobody's safety; and it is gone with the
// leadership, so the next leader begins to count anew.

const (
	// loadWindow is the time between two looks at the counts, in longest election time-outs. After each look the counts are halved.
	loadWindow = 5
	// loadWindows is in how many looks on end a node must be the one from which most requests come.
	loadWindows = 3
	// loadPause is how long after an election, or after an attempt to hand over, the leader looks for nobody, in longest election time-outs: a
	// transfer costs every client a round trip or two, and should pay.
	loadPause = 30
	// loadLeast is how many requests, counted with their decay, make a difference that is worth a transfer, and no accident.
	loadLeast = 50
	// loadShare and loadLead say what clearly more is: more than one in loadShare of all, and loadLead times what the leader's own clients ask.
	loadShare = 2
	loadLead  = 2
)

// load is what a leader counts: requests by the node where they arrived.
type load struct {
	counts map[NodeID]uint64 // nil: nobody wants to know
	lookAt time.Duration
	restTo time.Duration // no transfer before
	most   NodeID        // from where most came at the last look, if it was clearly most
	looks  int           // in how many looks on end it was that node
}

func newLoad[C any](c *core[C]) load {
	if !c.cfg.FollowTheLoad {
		return load{}
	}
	return load{counts: map[NodeID]uint64{}, lookAt: c.now + loadWindow*c.pace.electionMax(), restTo: c.now + loadPause*c.pace.electionMax()}
}

func (l load) clone() load {
	l.counts = maps.Clone(l.counts)
	return l
}

func (l *load) count(from NodeID, n int) {
	if l.counts != nil {
		l.counts[from] += uint64(n)
	}
}

// followTheLoad looks at the counts if it is time to, and begins a handover if they say so.
func (c *core[C]) followTheLoad(l *leader[C]) {
	if !c.cfg.FollowTheLoad || c.now < l.load.lookAt {
		return
	}
	l.load.look(c.id, slices.DeleteFunc(slices.Clone(c.config().Voters), c.config().Witness))
	l.load.lookAt = c.now + loadWindow*c.pace.electionMax()
	to := l.load.most
	if l.load.looks < loadWindows || c.now < l.load.restTo || l.handover != nil || !c.keepsUp(l, to) {
		return
	}
	l.load.restTo = c.now + loadPause*c.pace.electionMax()
	c.beginHandover(l, wish{c.id, to})
}

// keepsUp says whether a node has all that is committed, so that to bring it up to date takes no longer than a write does.
func (c *core[C]) keepsUp(l *leader[C], id NodeID) bool {
	p := l.progress(id)
	return c.reachable(p) && p.match >= c.commit
}

// look finds out from which node clearly most requests come, and lets what was counted fade.
func (l *load) look(self NodeID, voters []NodeID) {
	var total uint64
	var most NodeID
	for _, id := range voters {
		total += l.counts[id]
		if l.counts[id] > l.counts[most] {
			most = id
		}
	}
	n := l.counts[most]
	if most == self || total < loadLeast || n*loadShare <= total || n < loadLead*l.counts[self] {
		most = ""
	}
	if most == "" || most != l.most {
		l.looks = 0
	}
	if most != "" {
		l.looks++
	}
	l.most = most
	for id := range l.counts {
		l.counts[id] /= 2
	}
}
