package raft

import "time"

// NodeID names a node of the cluster. The core compares ids and never looks inside them.
type NodeID string

// Term is Raft's logical clock: a number that grows with every election (§5.1 of the paper).
// Zero is before the first election.
type Term uint64

// Index is a position in the log. The first entry has index 1; zero is before it.
type Index uint64

// ProposalID names one proposal for as long as the cluster lives: the node where it was made and a number that this node
// gives only once. It travels in the log, so that the node that made the proposal recognises it when it is applied, whichever
// leader appended it and however often.
type ProposalID struct {
	Node NodeID
	Seq  uint64
}

// Entry is one place of the log. Entries are values: once in a log they are never changed, only replaced or dropped.
type Entry[C any] struct {
	Index Index
	Term  Term
	// ID is zero exactly if there is no command: in the no-op with which a leader starts its term (§8), in a configuration, and in what stands for
	// commands at a witness.
	ID ProposalID
	// Command is opaque to the core.
	Command C
	// Config is nil but for an entry that changes the membership. It is in force from when the entry is in the log (§6). Its Index is the entry's.
	Config *Configuration
}

// IsNoOp says whether the entry carries nothing.
func (e Entry[C]) IsNoOp() bool { return !e.hasCommand() && e.Config == nil }

func (e Entry[C]) hasCommand() bool { return e.ID != ProposalID{} }

// HardState is what Figure 2 calls persistent state, apart from the log. Both fields are written as one record, so that
// no crash can leave the vote of one term beside the number of another.
type HardState struct {
	Term     Term
	VotedFor NodeID // empty: no vote in this term
}

// RoundTrip is an estimate of the time a message and its reply take, kept as RFC 6298 keeps it for TCP.
type RoundTrip struct {
	Mean      time.Duration
	Deviation time.Duration // mean deviation from Mean
}

// Ticket names one request handed to Propose, Read, TransferLeadership or ChangeMembership, within one node and one life of its process. It is never zero.
type Ticket uint64

// Outcome is the end of one request. Every ticket gets exactly one.
type Outcome[R any] struct {
	Ticket Ticket
	// Result is what the state machine answered, if Err is nil.
	Result R
	// Err is nil, ErrUnavailable, ErrOverloaded, ErrNotServing or ErrUnknown; of a transfer or a change of the membership also one of those that errors.go has for it.
	Err error
}

// StateMachine is what the cluster replicates: it turns commands C into results R. The core calls it from New and Node.Apply only, one
// call at a time and without holding its mutex, so an implementation needs no locking of its own.
//
// It must be deterministic: equal commands in equal order give equal results and equal states on every node. What cannot be
// executed is answered with a result that says so; a state machine does not fail.
type StateMachine[C, R any] interface {
	// Apply executes the committed command at a log index. Indices grow from call to call, with gaps where the log holds no-ops.
	Apply(index Index, command C) R
	// Query answers a command that does not change the state. It is called when the state is at least as new as the moment at which
	// the query was made, which is what makes the answer linearizable.
	Query(command C) R
	// Snapshot returns the whole state. It depends on nothing else: equal states give equal bytes. The bytes are the caller's.
	Snapshot() []byte
	// Restore replaces the whole state by one that Snapshot returned, here or on another node. What it cannot read it refuses, and the state then
	// stays as it was. It does not keep the bytes.
	Restore(state []byte) error
}

// Capturer is a StateMachine that can note its state in a short time, however large it is, and write it later. A machine that is not makes its node
// stand still for as long as Snapshot takes.
type Capturer interface {
	// Capture notes the state, and returns a function that returns what Snapshot would have returned at this moment. That is called at most once, by any
	// goroutine, at any time, while the machine goes on.
	Capture() func() []byte
}
