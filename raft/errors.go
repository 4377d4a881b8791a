package raft

import "errors"

// The ways in which a request can end without a result. Nothing else ever stands in Outcome.Err, but for transfers.
var (
	// ErrUnavailable: the request was not executed and never will be. There was no leader to take it, or the log has proved
	// that it was lost.
	ErrUnavailable = errors.New("raft: not executed: no leader took the request in time")
	// ErrOverloaded: the request was not executed and never will be. Too many requests were waiting.
	ErrOverloaded = errors.New("raft: not executed: too many requests are waiting")
	// ErrUnknown: the request may have been executed, may be executed later, or never.
	ErrUnknown = errors.New("raft: outcome unknown")
)

// The further ways in which a transfer of leadership can end without one. With each of them the leader that was asked has stayed
// in office, but that a target which had been told to stand for election may still do so.
var (
	// ErrNoVoter: the target is not a node of this cluster that votes.
	ErrNoVoter = errors.New("raft: not transferred: the target is no voter of this cluster")
	// ErrUnreachable: the leader has not heard from the target lately, or from anybody if the target was left to it.
	ErrUnreachable = errors.New("raft: not transferred: the target does not answer")
	// ErrTransferring: a transfer to another target is under way.
	ErrTransferring = errors.New("raft: not transferred: a transfer to another node is under way")
	// ErrNotTransferred: the target was not elected within an election time-out, or another node was.
	ErrNotTransferred = errors.New("raft: not transferred: the target was not elected in time")
)

// Refusal is how a leader says to another node why it does not hand over.
type Refusal string

// All of them.
const (
	RefusedNoVoter     Refusal = "no voter"
	RefusedUnreachable Refusal = "unreachable"
	RefusedBusy        Refusal = "busy"
	RefusedGivenUp     Refusal = "given up"
)

var refusals = map[Refusal]error{
	RefusedNoVoter: ErrNoVoter, RefusedUnreachable: ErrUnreachable, RefusedBusy: ErrTransferring, RefusedGivenUp: ErrNotTransferred,
}
