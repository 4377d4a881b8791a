package raft

import (
	"fmt"
	"slices"
	"time"
)

// Defaults and fixed limits of the core. Each can be read here and nowhere else.
const (
	// DefaultMinElectionTimeout is the least silence after which a follower looks for a new leader, however fast the network is. It
	// leaves room for a garbage collection or a busy processor.
	DefaultMinElectionTimeout = 100 * time.Millisecond
	// DefaultMaxElectionTimeout bounds what a slow or jittery network can make of it.
	DefaultMaxElectionTimeout = 3 * time.Second
	// DefaultMaxAppendBytes cuts an AppendRequest; a single larger entry still goes, alone.
	DefaultMaxAppendBytes = 48 << 10
	// DefaultMaxInflight is how many AppendRequests with entries may be unanswered by one follower.
	DefaultMaxInflight = 128
	// DefaultMaxInflightBytes is how many bytes of entries may be unanswered by one follower.
	DefaultMaxInflightBytes = 4 << 20
	// DefaultMaxRequests is how many requests may wait on one node; a further one is refused with ErrOverloaded.
	DefaultMaxRequests = 16384
	// DefaultMaxUncommittedBytes is how many bytes of commands may wait on one node, and at a leader be in the log without being committed; a further one
	// is refused with ErrOverloaded.
	DefaultMaxUncommittedBytes = 64 << 20
	// DefaultSnapshotEntries is after how many applied entries a node takes a snapshot of its state.
	DefaultSnapshotEntries = 10_000
	// DefaultSnapshotBytes is after how many bytes of applied entries it does so, if that comes first.
	DefaultSnapshotBytes = 16 << 20
	// DefaultTrailingEntries is how many entries before a snapshot are kept in memory, for followers that are a little behind.
	DefaultTrailingEntries = 1000
	// DefaultMaxDrift is by how much any clock may be faster than any other, as a share: Linux lets nobody, not even a time
	// service that is far behind, slew the clock by more than 10 % in either direction (adjtimex), and 1.1/0.9 is less than 1.25.
	DefaultMaxDrift = 0.25
	// DefaultMaxChunkBytes cuts a snapshot on its way to a follower.
	DefaultMaxChunkBytes = 48 << 10
	// DefaultMaxTransferBytes is how many bytes of a snapshot may be unanswered by one follower.
	DefaultMaxTransferBytes = 1 << 20

	// DefaultCatchUp is how long nodes that are to vote have to catch up.
	DefaultCatchUp = 10 * time.Second

	// leastElectionTimeout is the lowest that can be configured: below it, time has no room for heartbeats.
	leastElectionTimeout = time.Millisecond
	// heartbeatsPerTimeout is how many heartbeats fit into the least election time-out: two may be lost.
	heartbeatsPerTimeout = 3
	// mostDrift is the largest bound that can be configured: a clock that runs at twice the rate of another is broken.
	mostDrift = 1.0
	// maxBackoff is how many failed elections in a row widen the random part of the time-out.
	maxBackoff = 3
	// secondChance is the least wait of the nodes that are not first in the list, before the first election of a new cluster.
	secondChance = 150 * time.Millisecond
	// patience is how many time-outs a candidate waits for votes while it has not yet measured a single round trip.
	patience = 10
	// maxStash bounds the messages that a node keeps because they came too early: appends at a follower that overtook another, and
	// requests at a candidate.
	maxStash = 256
	// maxJump is the largest jump in terms that a peer is believed. At ten elections a second it takes 3,000 years to fall so far
	// behind; a larger jump is garbage, and taking it over could leave no terms to continue with.
	maxJump Term = 1 << 40
	// maxNumber bounds terms, indices, rounds and sequence numbers from peers, so that no sum overflows and all survive JSON.
	maxNumber = 1 << 52
)

// Config is what a node needs to know at start. The zero value of every field but ID, Members and Seed means its default.
type Config[C any] struct {
	// ID is this node's, Members the ids of all nodes with which the cluster begins: the same list on every node, also on one that joins later and is not
	// among them. The first of them is the first to stand for election in a new cluster. Once the log says otherwise, Members means nothing.
	ID      NodeID
	Members []NodeID
	// Seed is the only source of randomness. It should differ from node to node.
	Seed uint64

	// Resend lets a node send a proposal again while it does not know what became of it. The state machine must then execute a
	// command only once however often it is applied, as package session makes any state machine do. Without it a proposal is sent
	// again only when the log has proved that it was lost; but a network that delivers a message twice has it executed twice.
	Resend bool

	// EarlyCommit lets followers find out for themselves what is committed, as long as this node leads: they answer their clients' proposals
	// a message delay earlier, and reads wait for proposals that are under way (early.go). Nodes may differ in it.
	EarlyCommit bool

	// Reads is how this node, as long as it leads, makes sure that a read is not stale, and whether it takes part in leases of others. Only
	// LeaseReads trusts in clocks; nodes should not differ in it, and one that has given it up must not start within
	// a second of its last life.
	Reads Reads
	// MaxDrift bounds by how much any clock in the cluster is faster than any other, as a share: 0.25 means that while one shows four seconds, no
	// other shows more than five. Nothing depends on it but leases.
	MaxDrift float64

	// FollowTheLoad lets a leader hand over to the node where most of the cluster's requests arrive (load.go). Nodes may differ in it.
	FollowTheLoad bool

	// Thrifty makes do with fewer messages where round trips hardly vary: no more nodes are asked than it takes, and the others only if those do not
	// answer in time (thrift.go). Nodes may differ in it.
	Thrifty bool

	// ElectionTimeout, if set, replaces measuring: a follower waits for a random time between it and twice it. Otherwise the
	// time-out follows the measured round trips between MinElectionTimeout and MaxElectionTimeout.
	ElectionTimeout    time.Duration
	MinElectionTimeout time.Duration
	MaxElectionTimeout time.Duration
	// Heartbeat, if set, is the longest silence of a leader. Otherwise it is a third of the least election time-out.
	Heartbeat time.Duration
	// FirstElection is how long a node waits before it may stand in the first election of a new cluster.
	FirstElection time.Duration
	// CatchUp is how long nodes that are to vote have to catch up with the log before the change is given up.
	CatchUp time.Duration

	// SizeOf measures a command in bytes, for the limits below. Nil counts every command as one byte.
	SizeOf           func(C) int
	MaxAppendBytes   int
	MaxInflight      int
	MaxInflightBytes int
	MaxRequests      int
	// MaxUncommittedBytes bounds what waits on this node, and, while it leads, what is in its log and not committed. At the bound a request is refused; the
	// ones that others forward are passed over, and will come again.
	MaxUncommittedBytes int

	// SnapshotEntries and SnapshotBytes say after how many applied entries, or bytes of them, a node takes a snapshot and drops the entries
	// before it. A negative value means that this is no reason. Nodes may differ in it.
	SnapshotEntries int
	SnapshotBytes   int
	// TrailingEntries is how many entries before the snapshot stay in memory; none if it is negative.
	TrailingEntries int
	// MaxChunkBytes cuts a SnapshotRequest. So many of them follow each other without waiting for replies as MaxTransferBytes allows, but at least one; and
	// a follower keeps as many bytes of chunks that have overtaken others.
	MaxChunkBytes    int
	MaxTransferBytes int
}

// withDefaults returns a copy of the configuration in which no field is zero that must not be.
func (c Config[C]) withDefaults() Config[C] {
	c.Members = slices.Clone(c.Members)
	if c.ElectionTimeout > 0 {
		c.MinElectionTimeout, c.MaxElectionTimeout = c.ElectionTimeout, c.ElectionTimeout
	}
	setDefault(&c.MinElectionTimeout, DefaultMinElectionTimeout)
	setDefault(&c.MaxElectionTimeout, max(DefaultMaxElectionTimeout, c.MinElectionTimeout))
	setDefault(&c.MaxAppendBytes, DefaultMaxAppendBytes)
	setDefault(&c.MaxInflight, DefaultMaxInflight)
	setDefault(&c.MaxInflightBytes, DefaultMaxInflightBytes)
	setDefault(&c.MaxRequests, DefaultMaxRequests)
	setDefault(&c.MaxUncommittedBytes, DefaultMaxUncommittedBytes)
	setDefault(&c.SnapshotEntries, DefaultSnapshotEntries)
	setDefault(&c.SnapshotBytes, DefaultSnapshotBytes)
	setDefault(&c.TrailingEntries, DefaultTrailingEntries)
	setDefault(&c.MaxChunkBytes, DefaultMaxChunkBytes)
	setDefault(&c.MaxDrift, DefaultMaxDrift)
	setDefault(&c.CatchUp, DefaultCatchUp)
	setDefault(&c.MaxTransferBytes, DefaultMaxTransferBytes)
	if c.SizeOf == nil {
		c.SizeOf = func(C) int { return 1 }
	}
	return c
}

func setDefault[T ~int | ~int64 | ~float64](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// Validate says what is wrong with the configuration, or nil.
func (c Config[C]) Validate() error {
	if err := validateMembers(c.ID, c.Members); err != nil {
		return err
	}
	d := c.withDefaults()
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"ElectionTimeout", int64(c.ElectionTimeout)},
		{"MinElectionTimeout", int64(d.MinElectionTimeout - leastElectionTimeout)},
		{"MaxElectionTimeout", int64(d.MaxElectionTimeout - d.MinElectionTimeout)},
		{"Heartbeat", int64(c.Heartbeat)},
		{"FirstElection", int64(c.FirstElection)},
		{"CatchUp", int64(c.CatchUp)},
		{"MaxAppendBytes", int64(d.MaxAppendBytes) - 1},
		{"MaxInflight", int64(d.MaxInflight) - 1},
		{"MaxInflightBytes", int64(d.MaxInflightBytes) - 1},
		{"MaxRequests", int64(d.MaxRequests) - 1},
		{"MaxUncommittedBytes", int64(d.MaxUncommittedBytes) - 1},
		{"MaxChunkBytes", int64(d.MaxChunkBytes) - 1},
		{"Reads", int64(c.Reads)},
		{"MaxTransferBytes", int64(d.MaxTransferBytes) - 1},
	} {
		if f.value < 0 {
			return fmt.Errorf("raft: %s is too small", f.name)
		}
	}
	if c.Reads > LogReads {
		return fmt.Errorf("raft: Reads is %d, which is no way to read", c.Reads)
	}
	if !(d.MaxDrift > 0 && d.MaxDrift <= mostDrift) {
		return fmt.Errorf("raft: MaxDrift %v is not between 0 and %v", d.MaxDrift, mostDrift)
	}
	if c.Heartbeat > d.MinElectionTimeout/2 {
		return fmt.Errorf("raft: Heartbeat %v is more than half of the least election time-out %v", c.Heartbeat, d.MinElectionTimeout)
	}
	return nil
}

func validateMembers(id NodeID, members []NodeID) error {
	sorted := slices.Sorted(slices.Values(members))
	if id == "" || len(sorted) == 0 || sorted[0] == "" {
		return fmt.Errorf("raft: node %q, members %q: an id is empty, or there are none", id, members)
	}
	if len(members) > maxMembers {
		return fmt.Errorf("raft: %d members are more than %d", len(members), maxMembers)
	}
	if len(slices.Compact(sorted)) != len(members) {
		return fmt.Errorf("raft: members %q are not distinct", members)
	}
	return nil
}
