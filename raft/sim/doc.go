// Package sim runs a whole cluster of the real core in one goroutine, on virtual time, under faults drawn from a seed.
//
// A Cluster owns the nodes, their disks and clocks, and the network between them. Time jumps from event to event, so a minute of cluster
// time takes milliseconds, and the same seed gives the same run, byte for byte. After every event the executable
// invariants of invariants.go are checked, on the node that moved and across nodes: election safety, log matching, leader
// completeness, state machine safety, durability on a quorum.
//
// Reading order: cluster.go (what a test does with it), network.go, disk.go, clock.go, invariants.go.
//
// It imports package raft and driver, and takes the state machine as a parameter.
package sim
