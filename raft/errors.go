package raft

import "errors"

// The ways in which a request can end without a result. Nothing else ever stands in Outcome.Err, but for transfers and changes of the membership.
var (
	// ErrUnavailable: the request was not executed and never will be. There was no leader to take it, or the log has proved
	// that it was lost.
	ErrUnavailable = errors.New("raft: not executed: no leader took the request in time")
	// ErrOverloaded: the request was not executed and never will be. Too many requests were waiting.
	ErrOverloaded = errors.New("raft: not executed: too many requests are waiting")
	// ErrNotServing: the request was not executed and never will be, at least not by this node: it is no member of the cluster, or a witness. Other nodes
	// know better.
	ErrNotServing = errors.New("raft: not executed: this node does not serve")
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

// The further ways in which a change of the membership can end without one. The configuration is then as it was before.
var (
	// ErrMember: the node has a vote, or the state, already.
	ErrMember = errors.New("raft: not changed: the node is a member already")
	// ErrNoMember: the node is no learner that could be promoted.
	ErrNoMember = errors.New("raft: not changed: the node is no member")
	// ErrWitness: the node has been a witness, and can come back only as one.
	ErrWitness = errors.New("raft: not changed: the node has been a witness, and has no state to go on from")
	// ErrBehind: the learner has not kept up with the log for long enough.
	ErrBehind = errors.New("raft: not changed: the learner is behind")
	// ErrNotCaughtUp: a node that was to vote has not caught up within Config.CatchUp.
	ErrNotCaughtUp = errors.New("raft: not changed: a new voter has not caught up in time")
	// ErrNoQuorum: the leader has not heard lately from enough of the nodes that were to vote.
	ErrNoQuorum = errors.New("raft: not changed: a majority of the new voters does not answer")
	// ErrChanging: another change is under way.
	ErrChanging = errors.New("raft: not changed: another change is under way")
	// ErrTooFewVoters: the voters that have the state would be no quorum by themselves, so that witnesses would have to count always.
	ErrTooFewVoters = errors.New("raft: not changed: too few voters would have the state")
	// ErrTooManyMembers: the cluster would have more members than it may, or would remember too many former witnesses.
	ErrTooManyMembers = errors.New("raft: not changed: too many members")
)

// Refusal is how a leader says to another node why it does not hand over, or does not change the membership.
type Refusal string

// All of them.
const (
	RefusedNoVoter     Refusal = "no voter"
	RefusedUnreachable Refusal = "unreachable"
	RefusedBusy        Refusal = "busy"
	RefusedGivenUp     Refusal = "given up"

	RefusedMember      Refusal = "member"
	RefusedNoMember    Refusal = "no member"
	RefusedWitness     Refusal = "witness"
	RefusedBehind      Refusal = "behind"
	RefusedNotCaughtUp Refusal = "not caught up"
	RefusedNoQuorum    Refusal = "no quorum"
	RefusedChanging    Refusal = "changing"
	RefusedTooFew      Refusal = "too few voters"
	RefusedTooMany     Refusal = "too many"
)

var refusals = map[Refusal]error{
	RefusedNoVoter: ErrNoVoter, RefusedUnreachable: ErrUnreachable, RefusedBusy: ErrTransferring, RefusedGivenUp: ErrNotTransferred,
	RefusedMember: ErrMember, RefusedNoMember: ErrNoMember, RefusedWitness: ErrWitness, RefusedBehind: ErrBehind, RefusedNotCaughtUp: ErrNotCaughtUp,
	RefusedNoQuorum: ErrNoQuorum, RefusedChanging: ErrChanging, RefusedTooFew: ErrTooFewVoters, RefusedTooMany: ErrTooManyMembers,
}
