// Package sim runs a whole cluster of the real core in one goroutine, on virtual time, under faults drawn from a seed.
//
// A Cluster owns the nodes, their disks and clocks, and the network between them. Time jumps from event to event, so a minute of cluster
// time takes milliseconds, and the same seed gives the same run, byte for byte. After every event rules are checked, on the node that moved
// and across nodes, each named after its theorem: election safety, leader append-only, log matching, leader completeness, state machine
// safety, committed on a quorum, read freshness and others. The first that is broken is a Violation, and ends the run.
//
// A Swarm is the mix of faults that a seed stands for. In phase one (Weather) it rages, and nothing need be served, but nothing may be served
// wrongly. In phase two (Calm) a random quorum is healed and the rest stays broken for good; now everything must be served, and
// everything that was ever acknowledged must be there. Shrink makes a failing mix small, and Cluster.Trace tells what happened.
//
// Reading order: cluster.go (what a test does with it), events.go, network.go, cuts.go, disk.go, clock.go; invariants.go (what a node may be)
// and rules.go (what it may do and say); members.go (who belongs to the cluster); swarm.go, weather.go; trace.go. In the tests, workload_test.go is the clients and what they may
// expect, swarm_test.go runs many seeds and explains those that fail, and files_test.go does the same over the real storage, package wal, on a
// simulated file system, and crashes a scripted cluster at every single step.
//
// It imports packages raft, driver and, for its rules, oracle, and takes the state machine as a parameter.
package sim
