// Package kv is the state machine of lin-kv: a map from any JSON value to any JSON value, with read, write and
// compare-and-set. It knows neither Raft nor Maelstrom and imports the standard library only.
//
// Read it in this order:
//
//	value.go      Value: one JSON text and what makes two of them equal
//	canonical.go  the canonical form behind that equality
//	command.go    Command and Result: what is asked, what is answered
//	store.go      Store: the map, and its snapshot codec
//	table.go      the map itself, which can be captured while it goes on
//
// Two values are equal if they mean the same, however they are written: {"a":1,"b":"\u0041"} and { "b": "A", "a": 1 } are one
// key. Numbers are compared exactly, at any length, and never as floating point: 1152921504606846977 differs from
// 1152921504606846976, 1.50 equals 15e-1, and 1 is not 1.0, because a client that wrote an integer wants an integer back.
// A stored value is given back as it was written, white space apart.
//
// Everything here is deterministic: it depends on the commands and their order, not on maps, clocks or the process. Hash,
// Digest and equality look at canonical forms only, so that replicas agree even if a transport between them writes JSON anew, in
// another order or with other escapes.
package kv
