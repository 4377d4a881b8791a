package raft

import "errors"

// The ways in which a request can end without a result. Nothing else ever stands in Outcome.Err.
var (
	// ErrUnavailable: the request was not executed and never will be. There was no leader to take it, or the log has proved
	// that it was lost.
	ErrUnavailable = errors.New("raft: not executed: no leader took the request in time")
	// ErrOverloaded: the request was not executed and never will be. Too many requests were waiting.
	ErrOverloaded = errors.New("raft: not executed: too many requests are waiting")
	// ErrUnknown: the request may have been executed, may be executed later, or never.
	ErrUnknown = errors.New("raft: outcome unknown")
)
