package raft

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Leadership transfer: thesis §3.10. A leader takes no further proposals, brings another node up to its own log, and tells it to stand for
// election at once. That takes one round trip and the way of the votes, and no time-out.
//
// Every node takes the wish for a transfer (Node.TransferLeadership), as it takes requests; one that does not lead asks the leader. Whether the
// wish has come true each node sees for itself: by who leads the next term.

// handover is a transfer under way, seen from the leader. While there is one the leader's log does not grow: its own proposals stay
// queued, and those of others are held. None is lost with the leadership, for whoever made them sends them to the next leader as after
// any change of leader (requests.go).
//
// Invariant: if the target has been told, it has the whole log.
type handover[C any] struct {
	to    NodeID
	until time.Duration // then it is given up
	told  time.Duration // when TimeoutNow was last sent; never if it was not

	asked []wish    // of other nodes
	held  []Message // their ForwardRequests
	count int       // proposals in held
}

// wish is a transfer that a node has asked for. The target is empty if any node will do.
type wish struct {
	from NodeID
	to   NodeID
}

// wanted is a transfer for which somebody waits on this node.
type wanted struct {
	ticket   Ticket
	to       NodeID // empty: any node but the leader of the time
	deadline time.Duration

	// leader is who was asked to hand over, and term the term that it led; zero as long as nobody was asked.
	leader NodeID
	term   Term
}

// ---- Every node.

// transfer takes a wish and leaves it to the next flush.
func (r *requests[C]) transfer(to NodeID, deadline time.Duration) Ticket {
	r.seq++
	r.transfers = append(r.transfers, wanted{ticket: Ticket(r.seq), to: to, deadline: deadline})
	r.admit(0, deadline)
	return Ticket(r.seq)
}

// expireTransfers ends the wishes whose time is over. One that a leader has been told of may yet come true.
func (r *requests[C]) expireTransfers(now time.Duration) {
	r.endTransfers(func(w *wanted) (bool, error) {
		if w.deadline > now {
			r.check = min(r.check, w.deadline)
			return false, nil
		}
		return true, w.fate()
	})
}

func (w *wanted) fate() error {
	if w.term == 0 {
		return ErrUnavailable
	}
	return ErrUnknown
}

// endTransfers ends those wishes of which a function says so, in the way it says.
func (r *requests[C]) endTransfers(over func(*wanted) (bool, error)) {
	var waiting []wanted
	for _, w := range r.transfers {
		if ends, err := over(&w); ends {
			r.count--
			r.done = append(r.done, ended{w.ticket, err})
		} else {
			waiting = append(waiting, w)
		}
	}
	r.transfers = waiting
}

// pursueTransfers ends the wishes that have come true, or cannot any more, and brings the new ones to the leader.
func (c *core[C]) pursueTransfers() {
	leader := c.leader()
	if leader == "" {
		return
	}
	c.requests.endTransfers(func(w *wanted) (bool, error) {
		switch {
		case w.to == leader:
			return true, nil
		case w.term == 0:
			why := c.askForTransfer(w)
			return why != "", refusals[why]
		case w.term == c.hard.Term:
			return false, nil
		case w.to == "" && w.leader != leader:
			return true, nil
		}
		return true, ErrNotTransferred // another leader than the one that was wanted
	})
}

// leader returns the leader of the present term, as far as this node knows.
func (c *core[C]) leader() NodeID {
	switch r := c.role.(type) {
	case *leader[C]:
		return c.id
	case *follower[C]:
		return r.leader
	}
	return ""
}

// askForTransfer puts a wish to the leader, which may be this node and refuse at once. Another one is not asked twice: a wish that gets lost ends
// at its deadline.
func (c *core[C]) askForTransfer(w *wanted) (why Refusal) {
	switch r := c.role.(type) {
	case *leader[C]:
		w.leader, w.term = c.id, c.hard.Term
		why = c.beginHandover(r, wish{c.id, w.to})
	case *follower[C]:
		if c.now-r.heardAt <= c.pace.contactLost() {
			w.leader, w.term = r.leader, c.hard.Term
			c.send(r.leader, TransferRequest{Term: c.hard.Term, To: w.to})
		}
	}
	return why
}

// handleTransferReply ends the wishes that the leader refuses.
func (c *core[C]) handleTransferReply(from NodeID, m TransferReply) {
	c.requests.endTransfers(func(w *wanted) (bool, error) {
		return w.leader == from && w.term == m.Term && w.to == m.To, refusals[m.Why]
	})
}

// ---- The leader.

// handleTransferRequest takes in a wish of another node. A leader that has been asked for itself has nothing to do: the other will see who leads.
func (c *core[C]) handleTransferRequest(from NodeID, m TransferRequest) {
	if l, ok := c.role.(*leader[C]); ok && m.To != c.id && l.progress(from) != nil {
		w := wish{from, m.To}
		if why := c.beginHandover(l, w); why != "" {
			c.refuse(w, why)
		}
	}
}

// beginHandover begins to fulfil a wish, or lets it join the handover that is under way to the same target, or says why not.
func (c *core[C]) beginHandover(l *leader[C], w wish) (why Refusal) {
	to, why := c.target(l, w.to)
	if why != "" {
		return why
	}
	if l.handover == nil {
		l.handover = &handover[C]{to: to, until: c.now + c.pace.electionMax(), told: never}
	}
	if h := l.handover; !slices.Contains(h.asked, w) {
		h.asked = append(h.asked, w) // no more than one from every node, or two: with a target and without
	}
	return ""
}

// target returns to whom a wish leads, or why to nobody.
func (c *core[C]) target(l *leader[C], to NodeID) (NodeID, Refusal) {
	switch h := l.handover; {
	case to != "" && !c.config().successor(to):
		return "", RefusedNoVoter
	case h != nil && to != "" && to != h.to:
		return "", RefusedBusy
	case h != nil:
		return h.to, ""
	case to == "":
		to = c.mostCaughtUp(l)
	}
	if to == "" || !c.reachable(l.progress(to)) {
		return "", RefusedUnreachable
	}
	return to, ""
}

// mostCaughtUp returns the voter that is known to have most of the log, among those that have answered lately; the first of several alike.
func (c *core[C]) mostCaughtUp(l *leader[C]) (best NodeID) {
	var match Index
	for _, p := range l.peers {
		if c.reachable(p) && c.config().successor(p.id) && (best == "" || p.match > match) {
			best, match = p.id, p.match
		}
	}
	return best
}

func (c *core[C]) refuse(w wish, why Refusal) {
	if w.from != c.id {
		c.send(w.from, TransferReply{Term: c.hard.Term, To: w.to, Why: why})
		return
	}
	c.requests.endTransfers(func(q *wanted) (bool, error) {
		return q.leader == c.id && q.term == c.hard.Term && q.to == w.to, refusals[why]
	})
}

// handOver tells the target to stand for election as soon as it has the whole log, and again while nothing comes of it, for messages
// get lost. A copy that comes late finds the target in a later term, and means nothing.
//
// From then on the leader counts as deposed where it would promise something for the time to come: the target may win at any moment, and those
// that vote for it have not forgotten this leader. Everything else it goes on doing until it sees the later term, as any leader
// does that does not know of its successor yet.
func (c *core[C]) handOver(l *leader[C]) {
	h := l.handover
	switch {
	case h == nil:
	case c.now >= h.until:
		c.giveUpHandover(l)
	case l.progress(h.to).match == c.log.last() && c.now-h.told >= c.pace.heartbeatEvery():
		l.abdicated, h.told = true, c.now
		c.send(h.to, TimeoutNow{Term: c.hard.Term})
	}
}

// giveUpHandover goes back to work, in the same term.
//
// That is safe although the target may still get the order and obey it: what follows is an election like any other. The target's log is
// then perhaps not the longest any more, and it wins only if a majority finds it up to date, in which case it has everything that is committed
// (§5.4.1). Nothing rests on its being up to date but the hope that it wins. The leader is deposed by it, or never hears of it. What it promises
// nobody any more, having abdicated, it does not promise in this term again.
func (c *core[C]) giveUpHandover(l *leader[C]) {
	h := l.handover
	l.handover = nil
	for _, w := range h.asked {
		c.refuse(w, RefusedGivenUp)
	}
	if !c.config().Votes(c.id) {
		c.becomeFollower(c.hard.Term, "") // it was to retire
		return
	}
	for _, m := range h.held {
		c.appendForwarded(l, m.From, m.Body.(ForwardRequest[C]))
	}
}

// hold keeps others' proposals until it is clear who leads. What does not fit is dropped, as where the log has no room for it.
func (h *handover[C]) hold(from NodeID, m ForwardRequest[C], room int) {
	if h.count+len(m.Proposals) <= room {
		h.held = append(h.held, Message{From: from, Body: m})
		h.count += len(m.Proposals)
	}
}

// next returns when the handover will have something to do without being asked.
func (h *handover[C]) next(every time.Duration) time.Duration {
	if h.told == never {
		return h.until
	}
	return min(h.until, h.told+every)
}

// ---- The target.

// handleTimeoutNow begins an election at once. check has seen to it that the leader of the present term says so; that one will not take it for an
// attack, so nobody is asked for a promise first, and the request for votes says why it may disturb (thesis §4.2.3).
func (c *core[C]) handleTimeoutNow() {
	switch c.role.kind() {
	case Follower, PreCandidate:
		if !c.config().electable(c.id) {
			return
		}
		c.releasePromise()
		c.campaign(true)
	}
}

// sanctioned says whether the leader that this node may be hearing has itself asked for the election: the candidate says so, and its term is the
// one behind the leader's. For a later one, some other leader has asked.
func (c *core[C]) sanctioned(m VoteRequest) bool { return m.Transfer && m.Term == c.hard.Term+1 }

// ---- What a peer may say of transfers.

// checkSanction refuses a candidate that says it has been told to stand, to the leader that should know, and does not.
func (c *core[C]) checkSanction(m VoteRequest) error {
	if l, ok := c.role.(*leader[C]); ok && c.sanctioned(m) && !l.abdicated {
		return fmt.Errorf("this leader of term %d has told nobody to stand for election", c.hard.Term)
	}
	return nil
}

// checkTransfer checks the messages of this file.
func (c *core[C]) checkTransfer(from NodeID, body Body) error {
	switch b := body.(type) {
	case TransferRequest: // a leader refuses what cannot be
	case TransferReply:
		return c.checkTransferReply(from, b)
	case TimeoutNow:
		return c.checkTimeoutNow(from, b)
	default:
		return errors.New("a type that this node does not know")
	}
	return nil
}

func (c *core[C]) checkTransferReply(from NodeID, m TransferReply) error {
	if refusals[m.Why] == nil {
		return fmt.Errorf("a refusal %q", m.Why)
	}
	if m.Term == c.hard.Term && !c.mayLead(from) {
		return fmt.Errorf("a second leader in term %d", m.Term)
	}
	return nil
}

// checkTimeoutNow: only the leader says so, and only to a node that has confirmed its log, which therefore is in that term or a later one.
func (c *core[C]) checkTimeoutNow(from NodeID, m TimeoutNow) error {
	switch {
	case m.Term > c.hard.Term:
		return fmt.Errorf("this node has confirmed nothing in term %d", m.Term)
	case m.Term == 0 || m.Term == c.hard.Term && !c.mayLead(from):
		return fmt.Errorf("a second leader in term %d", m.Term)
	}
	return nil
}
