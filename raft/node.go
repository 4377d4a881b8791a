package raft

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Node is one member of a cluster: the protocol of package doc, for commands C and results R. It has no goroutine, clock or I/O of its
// own. Whoever drives it (package driver does) hands it inputs, each with the time, and carries out what it leaves behind:
//
//	for every input:   Step, Propose, Try, Read, TransferLeadership, ChangeMembership or Tick
//	then, until the batch is empty:
//	    b := Take(now)
//	    write and sync b.Changes; then Saved(b)
//	    send b.Messages
//	    answer Apply(b)
//	    see to it that Captured(b.Capture.Write()) is called some time, if there is a b.Capture
//
// All methods may be called from any goroutine; each holds the one mutex while it changes memory, and never longer. Only Take,
// Saved and Apply have to follow each other as above.
//
// now is the time since a fixed moment of this process, on a clock that does not go back, read after the input was taken.
type Node[C, R any] struct {
	mu   sync.Mutex
	core *core[C]
	sm   StateMachine[C, R]
}

// Batch is what a node wants done, in this order: Changes made durable, Messages sent, the rest handed to Apply.
type Batch[C any] struct {
	Changes[C]
	// Messages may promise what Changes makes durable, so they leave after it.
	Messages []Message
	// Capture is nil unless a snapshot is to be written. That may take long, and nothing waits for it.
	Capture *Capture

	restore   *Snapshot // before committed
	committed []Entry[C]
	tries     []read[C]
	reads     []read[C]
	ended     []ended
}

// Empty says that nothing is left to do.
func (b Batch[C]) Empty() bool {
	return b.Changes.Empty() && len(b.Messages) == 0 && b.Capture == nil && len(b.committed) == 0 && len(b.tries) == 0 && len(b.reads) == 0 &&
		len(b.ended) == 0
}

// New returns a node that continues from what a Storage had saved. The state machine must be new: it is given the snapshot, and every
// command behind it will be applied to it once it is known again to be committed.
func New[C, R any](cfg Config[C], sm StateMachine[C, R], saved Saved[C], now time.Duration) (*Node[C, R], error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := checkSaved(saved); err != nil {
		return nil, err
	}
	if saved.Snapshot.Index > 0 && !saved.Snapshot.Configuration.Witness(cfg.ID) {
		if err := sm.Restore(saved.Snapshot.State); err != nil {
			return nil, fmt.Errorf("raft: saved snapshot: %w", err)
		}
	}
	return &Node[C, R]{core: newCore(cfg.withDefaults(), saved, now), sm: sm}, nil
}

func checkSaved[C any](saved Saved[C]) error {
	s := saved.Snapshot
	if checkPosition(s.Index, s.Term, saved.Term) != nil || s.Index > 0 && s.Configuration.validate() != nil {
		return errors.New("raft: saved snapshot is damaged: an impossible position or configuration")
	}
	term := s.Term
	for i, e := range saved.Entries {
		if e.Index != s.Index+1+Index(i) || e.Term == 0 || e.Term < term || e.Term > saved.Term {
			return errors.New("raft: saved log is damaged: entries do not follow each other")
		}
		if err := e.checkConfig(); err != nil {
			return fmt.Errorf("raft: saved log is damaged: %w", err)
		}
		term = e.Term
	}
	return nil
}

// Step takes in a message from a peer. A message that no correct peer can have sent is refused with an error and changes nothing.
func (n *Node[C, R]) Step(now time.Duration, m Message) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.core.observe(now)
	if n.core.failed != nil {
		return nil
	}
	if err := n.core.checkMessage(m); err != nil {
		return err
	}
	n.core.step(m)
	return nil
}

// Propose asks for a command to be executed by the cluster. It may be called on any node; the command finds its way to the leader,
// and waits if there is none. The outcome comes from Apply, at the deadline at the latest (see Tick).
func (n *Node[C, R]) Propose(now time.Duration, command C, deadline time.Duration) Ticket {
	return n.ask(now, func(c *core[C]) Ticket { return c.requests.propose(command, c.cfg.SizeOf(command), deadline) })
}

// Try is Propose for a command that may turn out to change nothing, if the state machine is Conditional: it is answered like a read then, without
// an entry in the log. The command must be made only once. Copies of it that are proposed or tried elsewhere could be executed after this one was
// told that it changes nothing; package session makes no difference to that.
func (n *Node[C, R]) Try(now time.Duration, command C, deadline time.Duration) Ticket {
	return n.ask(now, func(c *core[C]) Ticket { return c.requests.try(command, c.cfg.SizeOf(command), deadline) })
}

// Read asks for a query to be answered from a state that holds everything that was answered anywhere before the call. Like Propose, it may
// be called on any node. A read never ends as ErrUnknown, but for Fail.
func (n *Node[C, R]) Read(now time.Duration, query C, deadline time.Duration) Ticket {
	return n.ask(now, func(c *core[C]) Ticket {
		size := c.cfg.SizeOf(query)
		if c.cfg.Reads == LogReads {
			return c.requests.readByLog(query, size, deadline)
		}
		return c.requests.read(query, size, deadline)
	})
}

// TransferLeadership asks for another node to lead: the given one, or if that is empty, whichever has most of the leader's log. It may be called
// on any node. The outcome comes from Apply like that of a request, without a result: no error when this node knows that the target leads, else one of
// those in errors.go. That the target leads already is no error.
func (n *Node[C, R]) TransferLeadership(now time.Duration, to NodeID, deadline time.Duration) Ticket {
	return n.ask(now, func(c *core[C]) Ticket {
		if to != "" && !c.config().electable(to) {
			return c.requests.refuse(ErrNoVoter)
		}
		return c.requests.transfer(to, deadline)
	})
}

// ChangeMembership asks for another membership. It may be called on any node that serves. The outcome comes from Apply like that of a request, without a
// result: no error when the configuration that was asked for is committed, else one of those in errors.go, or one that says
// why there can be no such change. That it is in force already is no error.
func (n *Node[C, R]) ChangeMembership(now time.Duration, what Change, deadline time.Duration) Ticket {
	return n.ask(now, func(c *core[C]) Ticket {
		if err := what.Validate(); err != nil {
			return c.requests.refuse(err)
		}
		what.Nodes = slices.Clone(what.Nodes)
		return c.requests.change(what, deadline)
	})
}

// ask takes a request in, or refuses it.
func (n *Node[C, R]) ask(now time.Duration, take func(*core[C]) Ticket) Ticket {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.core.observe(now)
	if err := n.core.admission(); err != nil {
		return n.core.requests.refuse(err)
	}
	return take(n.core)
}

// admission says why no further request can be taken, or nil.
func (c *core[C]) admission() error {
	switch {
	case c.failed != nil:
		return c.failed
	case !c.serves() && c.role.kind() != Leader:
		return ErrNotServing
	case c.requests.count >= c.cfg.MaxRequests || c.requests.bytes >= c.cfg.MaxUncommittedBytes:
		return ErrOverloaded
	}
	if l, ok := c.role.(*leader[C]); ok && l.uncommitted >= c.cfg.MaxUncommittedBytes {
		return ErrOverloaded
	}
	return nil
}

// Tick does what is due, and returns when the node next wants to be called if nothing else happens.
func (n *Node[C, R]) Tick(now time.Duration) (next time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.core.observe(now)
	if n.core.failed != nil {
		return forever
	}
	n.core.tick()
	return n.core.next()
}

// Take returns what all inputs since the last Take have left to do, as one batch.
func (n *Node[C, R]) Take(now time.Duration) Batch[C] {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.core
	c.observe(now)
	if c.failed != nil {
		return Batch[C]{ended: c.requests.takeEnded()}
	}
	c.flush()
	c.releaseReads()
	b := Batch[C]{Messages: c.messages, tries: c.requests.takeTries(), reads: c.requests.takeReady(), ended: c.requests.takeEnded()}
	c.messages = nil
	if c.hardDirty {
		h := c.hard
		b.HardState, c.hardDirty = &h, false
	}
	b.Lives, c.lives = c.lives, 0
	b.Snapshot, c.fresh = c.fresh, nil
	b.Capture, c.capture = c.capture, nil
	b.Entries = c.log.takeUnwritten()
	if b.restore, c.restore = c.restore, nil; b.restore != nil {
		c.handedOut = b.restore.Index
	}
	b.committed = c.log.slice(c.handedOut, c.commit)
	c.handedOut = c.commit
	return b
}

// Saved notes that the changes of a batch are durable. Until then the node does not count its own copy of an entry.
func (n *Node[C, R]) Saved(b Batch[C]) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if b.Snapshot != nil {
		n.core.snapshotSaved(*b.Snapshot)
	}
	if len(b.Entries) > 0 {
		e := b.Entries[len(b.Entries)-1]
		n.core.log.markSaved(e.Index, e.Term)
	}
}

// Apply executes what the batch has committed, and returns the outcomes of all requests that have one now. It calls the state machine
// without holding the mutex.
func (n *Node[C, R]) Apply(b Batch[C]) []Outcome[R] {
	var outcomes []Outcome[R]
	if b.restore != nil {
		n.restore(*b.restore)
	}
	if len(b.committed) > 0 {
		outcomes = n.applied(b.committed, n.execute(b.committed))
	}
	n.captureState()
	n.mu.Lock()
	n.core.releaseReads()
	reads := append(b.reads, n.core.requests.takeReady()...)
	ends := append(b.ended, n.core.requests.takeEnded()...)
	n.mu.Unlock()
	outcomes = append(outcomes, n.answer(reads)...)
	n.look(b.tries)
	return append(outcomes, endings[R](ends)...)
}

// restore gives the state machine a leader's snapshot. One that it refuses leaves a node that has no state to go on from.
func (n *Node[C, R]) restore(s Snapshot) {
	if !s.Configuration.Witness(n.core.id) {
		if err := n.sm.Restore(s.State); err != nil {
			panic(fmt.Sprintf("raft: the leader's snapshot at %d: %v", s.Index, err))
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.core.restored(s)
}

// captureState notes the state of the state machine if a snapshot is due.
func (n *Node[C, R]) captureState() {
	n.mu.Lock()
	due := n.core.snapshotDue()
	var s Snapshot
	if due {
		s = n.core.stateless()
	}
	n.mu.Unlock()
	if !due {
		return
	}
	capture := &Capture{at: s}
	if s.Configuration.Witness(n.core.id) {
		capture.write = func() []byte { return nil }
	} else if m, ok := n.sm.(Capturer); ok {
		capture.write = m.Capture()
	} else {
		state := n.sm.Snapshot()
		capture.write = func() []byte { return state }
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.core.captured(capture)
}

// Captured hands over the snapshot that a batch's Capture has led to.
func (n *Node[C, R]) Captured(now time.Duration, s Snapshot) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.core.observe(now)
	n.core.snapshotTaken(s)
}

// execute applies committed entries to the state machine, and returns a result for each.
func (n *Node[C, R]) execute(entries []Entry[C]) []R {
	results := make([]R, len(entries))
	for i, e := range entries {
		if e.hasCommand() {
			results[i] = n.sm.Apply(e.Index, e.Command)
		}
	}
	return results
}

// applied notes that entries have been applied, and returns the outcomes of those that were proposed on this node.
func (n *Node[C, R]) applied(entries []Entry[C], results []R) []Outcome[R] {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.core
	var outcomes []Outcome[R]
	for i, e := range entries {
		newTerm := e.Term > c.appliedTerm
		c.applied, c.appliedTerm = e.Index, e.Term
		c.appliedBytes += c.cfg.SizeOf(e.Command)
		if ticket, mine := c.requests.applied(e.ID, c.id, e.Term, newTerm); mine {
			outcomes = append(outcomes, Outcome[R]{Ticket: ticket, Result: results[i]})
		}
	}
	return outcomes
}

// Fail takes the node out of the cluster because a batch could not be carried out: what it would promise from now on it might not
// keep. It goes silent towards its peers, and every request, waiting or new, ends as ErrUnknown. The batch is given back, for
// the outcomes that are in it.
func (n *Node[C, R]) Fail(b Batch[C]) []Outcome[R] {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := &n.core.requests
	n.core.failed = ErrUnknown
	n.core.messages = nil
	r.ready, r.tries = append(r.ready, b.reads...), append(r.tries, b.tries...)
	r.endAll(func(*proposal[C]) error { return ErrUnknown }, ErrUnknown)
	return endings[R](append(b.ended, r.takeEnded()...))
}

// Close ends every request that still waits, as unavailable or unknown. The node is not to be used afterwards.
func (n *Node[C, R]) Close() []Outcome[R] {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.core.failed = ErrUnavailable
	n.core.requests.endAll((*proposal[C]).fate, ErrUnavailable)
	return endings[R](n.core.requests.takeEnded())
}

func endings[R any](ends []ended) []Outcome[R] {
	var outcomes []Outcome[R]
	for _, e := range ends {
		outcomes = append(outcomes, Outcome[R]{Ticket: e.ticket, Err: e.err})
	}
	return outcomes
}

// Status is a snapshot of what a node knows, for people and benches.
type Status struct {
	ID       NodeID
	Role     Role
	Term     Term
	Leader   NodeID // empty if none is known
	Last     Index
	Commit   Index
	Applied  Index
	Snapshot Index // the newest that is durable here
	RTT      RoundTrip
	Measured bool // RTT is measured, not assumed
	// RTTAt is when RTT was last renewed, by the node's clock: a node that hears no leader learns nothing more of it.
	RTTAt time.Duration
	// ElectionTimeout is the top of the range from which time-outs are drawn.
	ElectionTimeout time.Duration
	Heartbeat       time.Duration
	Requests        int // that wait on this node
	Failed          bool
	// Configuration is the one in force here, committed or not.
	Configuration Configuration
}

// Status returns a snapshot of the node.
func (n *Node[C, R]) Status() Status {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.core
	s := Status{
		ID: c.id, Role: c.role.kind(), Term: c.hard.Term, Leader: c.leader(), Last: c.log.last(), Commit: c.commit, Applied: c.applied,
		Snapshot: c.snapshot.Index, RTT: c.pace.rtt, Measured: c.pace.measured, RTTAt: c.pace.renewedAt, ElectionTimeout: c.pace.electionMax(), Heartbeat: c.pace.heartbeatEvery(),
		Requests: c.requests.count, Failed: c.failed != nil,
		Configuration: *c.config(),
	}
	return s
}
