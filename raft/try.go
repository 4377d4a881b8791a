package raft

import "time"

// Commands that may turn out to change nothing, such as a compare-and-set that does not match: Try answers them like reads, without an
// entry in the log (DIVERGENCE.md).
//
// A command is looked at twice. The first look, at the state of this node as it is, decides only which way is the shorter one, so it may be
// wrong: what seems to change something goes into the log at once, like a proposal; everything else waits like a read, until the state is as new as
// a read needs. The second look, at that state, is an answer. What it would change after all is proposed then. From there it goes the
// way of any proposal, and never back: the log alone says what becomes of a command that has been sent to a leader.

// Conditional is a StateMachine that knows which commands would change nothing.
type Conditional[C, R any] interface {
	// Settle answers a command as Apply would, if it would change nothing if it were applied now, and says whether that is so. It changes nothing
	// itself, and is called like Query.
	Settle(command C) (result R, settled bool)
}

// try takes a command that is to be looked at.
func (r *requests[C]) try(command C, size int, deadline time.Duration) Ticket {
	r.seq++
	r.tries = append(r.tries, read[C]{ticket: Ticket(r.seq), query: command, size: size, deadline: deadline, try: true})
	r.admit(size, deadline)
	return Ticket(r.seq)
}

func (r *requests[C]) takeTries() []read[C] {
	tries := r.tries
	r.tries = nil
	return tries
}

// look is the first look at commands: those that seem to change nothing wait like reads, the others are proposed.
func (n *Node[C, R]) look(tries []read[C]) {
	if len(tries) == 0 {
		return
	}
	var wait, rest []read[C]
	for _, q := range tries {
		if _, settled := n.settle(q.query); settled {
			wait = append(wait, q)
		} else {
			rest = append(rest, q)
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	r := &n.core.requests
	r.waiting = append(r.waiting, wait...)
	for _, q := range wait {
		r.check = min(r.check, q.deadline)
	}
	for _, q := range rest {
		r.proposeTried(q)
	}
}

// answer answers reads from the state as it is. Tries that would change something have no answer yet, and are proposed.
func (n *Node[C, R]) answer(reads []read[C]) (outcomes []Outcome[R]) {
	var rest []read[C]
	for _, q := range reads {
		result, settled := n.query(q)
		if !settled {
			rest = append(rest, q)
			continue
		}
		outcomes = append(outcomes, Outcome[R]{Ticket: q.ticket, Result: result})
	}
	if len(rest) > 0 {
		n.mu.Lock()
		defer n.mu.Unlock()
		for _, q := range rest {
			n.core.requests.admit(q.size, q.deadline) // release has taken it off with the reads
			n.core.requests.proposeTried(q)
		}
	}
	return outcomes
}

func (n *Node[C, R]) query(q read[C]) (result R, settled bool) {
	if q.try {
		return n.settle(q.query)
	}
	return n.sm.Query(q.query), true
}

func (n *Node[C, R]) settle(command C) (result R, settled bool) {
	if sm, ok := n.sm.(Conditional[C, R]); ok {
		return sm.Settle(command)
	}
	return result, false
}

// proposeTried goes on with a command that needs the log after all, under its old number: it has never left this node.
func (r *requests[C]) proposeTried(q read[C]) {
	p := &proposal[C]{seq: uint64(q.ticket), command: q.query, size: q.size, deadline: q.deadline, resendAt: forever}
	r.live[p.seq] = p
	r.enqueue(p)
	r.check = min(r.check, q.deadline)
}
