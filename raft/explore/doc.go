// Package explore tries everything that can happen to a small cluster of the real core, up to a bound, and holds every state that comes out
// of it against the promises of the paper. Package sim draws long runs from a seed; this one leaves nothing out of the short ones.
//
// A breadth-first search goes from state to state (explore.go). A state (world.go) is the nodes, the messages under way, and what an
// observer remembers: who led, what was committed, what clients were answered (check.go). A step delivers any one of the messages, lets
// any node's election timer run out, or asks any node to write or to read; a leader may be asked to hand over, and give it up, or for another membership; a node may
// crash, and for leases time may pass. States with the same fingerprint are visited once. What is found comes with the shortest way there.
//
// # What is left out
//
// Everything that is explored is something that a cluster can do, but for the two liberties named first, so that a violation is one of
// the core; what is left out may hide violations, as do the bounds.
//
//   - A candidate does not ask for promises first (pre-vote), as if it had them; a vote may yet be refused.
//   - A message's round trip estimate is dropped. No time-out is shorter or longer for it, as no time passes.
//   - Clocks stand still, or go on in a few large ticks where leases are explored: nothing is due but election timers, whose running out is a
//     step, at any node in any order. A voter has forgotten its leader when a later candidate asks, as it does at the least time-out; were it not
//     so, the request would be lost. It has not if that very leader has asked for the election.
//     So there are no heartbeats but those that a round of reads needs, and no append is sent again, except by a later leader.
//   - A batch is written, synced, sent and applied in the step that made it. A crash therefore loses what is in memory only.
//   - The network is a set: order is free, equal messages are one, and a message that is never delivered is lost. None is delivered twice.
//   - A message of an earlier term than its receiver's, or a refused vote that says no later term, is taken for lost: the core passes
//     it over, or answers it with nothing but its term.
//   - Logs are too short for snapshots.
//   - Members are removed or replaced by each other only: to catch up takes more messages than a search can follow.
//   - A state with more messages under way than the bound is not gone into.
//
// It imports package raft, and oracle to judge it.
package explore
