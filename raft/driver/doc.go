// Package driver owns time and I/O for one Raft node: it feeds the deterministic core of package raft from an ordered inbox and carries
// out what the core leaves behind.
//
// Drain is the heart: persist and sync, then send, then apply, then answer. The simulator uses the same function, so the order that
// safety rests on is tested by it. Driver adds the loop, the clock and the inbox. Everything that has queued up while a
// batch was carried out becomes the next batch; that is all there is to group commit and batching, and an idle node waits for nothing.
//
// A storage that has no room is waited for (full.go); one that fails in any other way takes the node out of the cluster for good.
//
// It imports package raft and the standard library.
package driver
