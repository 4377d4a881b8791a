package maelstrom

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"maelraft/kv"
	"maelraft/raft"
	"maelraft/raft/session"
)

// Options are what a user may set for a node. The tags make it a kong command. Zero is the default of every number and
// means that the node finds out for itself; the zero LogLevel is info.
type Options struct {
	// LogLevel is the least level that goes to stderr.
	LogLevel slog.Level `help:"Least level to log on stderr: debug, info, warn or error." default:"warn" placeholder:"LEVEL"`
	// ElectionTimeout in milliseconds; time-outs are drawn between it and twice it.
	ElectionTimeout int `help:"Fixed election time-out in ms, the least of the random range; 0 follows measured round trips." default:"0" placeholder:"MS"`
	// MinElectionTimeout and MaxElectionTimeout in milliseconds bound what measuring makes of it.
	MinElectionTimeout int `help:"Lower bound in ms of the measured election time-out; 0 is 100." default:"0" placeholder:"MS"`
	MaxElectionTimeout int `help:"Upper bound in ms of the measured election time-out; 0 is 3000." default:"0" placeholder:"MS"`
	// Heartbeat in milliseconds is the longest silence of a leader.
	Heartbeat int `help:"Longest silence of a leader in ms; 0 is a third of the least election time-out." default:"0" placeholder:"MS"`
	// EarlyCommit lets followers find out for themselves what is committed; nil is yes, but with leases, as what those save at the leader early commit takes away.
	EarlyCommit *bool `help:"Followers find out for themselves what is committed: writes at followers take one network delay less (two with three nodes), reads that ask the leader wait for writes that are under way. On unless --reads is lease." negatable:""`
	// Reads is how reads are made sure of: readindex (also if it is empty), lease or log.
	Reads string `help:"How a leader makes sure that a read is not stale. readindex asks a majority. lease asks nobody while a majority's promises hold not to vote for anyone else, and trusts that no clock of the cluster is faster than another by more than 25 %; the same for all nodes, and a restarted node votes for nobody for a second. log makes a log entry of every read." enum:"readindex,lease,log" default:"readindex" placeholder:"WAY"`
	// FollowTheLoad has a leader hand over to the node where most requests arrive.
	FollowTheLoad bool `help:"The leader hands over to the node where clearly most requests arrive, if that lasts: its clients then wait for one round trip." default:"false"`
	// CASReads answers a cas that cannot match without a log entry. On the command line it is on unless it is turned off.
	CASReads bool `name:"cas-reads" help:"A cas that cannot match is answered like a read. Turn it off for clients that may send a request again under the same msg_id to another node: that copy might still be executed then." default:"true" negatable:""`
	// Thrifty asks no more nodes than it takes where round trips hardly vary. On the command line it is on unless it is turned off.
	Thrifty bool `help:"Where round trips hardly vary, ask no more nodes than it takes, and the others if those do not answer in time." default:"true" negatable:""`
	// InitialVoters is how many of the nodes that init names vote when the cluster begins; 0 is all.
	InitialVoters int `help:"How many nodes, the first ones of those that init names, belong to the cluster when it begins; the others are no members until they are added. The same for all nodes and at every start. 0 is all, and so is more than there are." default:"0" placeholder:"N"`
	// DataDir is the directory of this node's own in which term, vote, log and snapshot survive the process; empty keeps them in memory.
	DataDir string `help:"Directory of this node's own for term, vote, log and snapshot, which then survive a crash; without it nothing does." placeholder:"DIR"`
	// RunID names the run of the cluster, if a directory must not be taken from one run into another.
	RunID string `name:"run-id" help:"Name of this run of the cluster; a data directory of another run is refused. Without it any run's is taken." placeholder:"NAME"`
	// SnapshotEntries is after how many entries the state is saved and the log before it dropped, but for a tenth as many.
	SnapshotEntries int `help:"Take a snapshot of the state after this many log entries, and drop the log before it but for a tenth as many; 0 is 10000." default:"0" placeholder:"N"`
	// Seed makes the node's random choices repeatable. Nodes of one cluster may have the same.
	Seed uint64 `help:"Seed of random time-outs; 0 draws one." default:"0"`
}

// Validate says what is wrong with the options, or nil. kong calls it.
func (o Options) Validate() error {
	if o.ElectionTimeout != 0 && (o.MinElectionTimeout != 0 || o.MaxElectionTimeout != 0) {
		return errors.New("--election-timeout fixes what --min-election-timeout and --max-election-timeout bound: give one or the others")
	}
	if o.SnapshotEntries < 0 {
		return errors.New("--snapshot-entries is negative: a log that is never cut grows without bound")
	}
	if o.InitialVoters < 0 {
		return errors.New("--initial-voters is negative")
	}
	if _, err := o.reads(); err != nil {
		return err
	}
	return o.raftConfig("n1", []raft.NodeID{"n1"}).Validate()
}

// reads returns the core's name of a way to read.
func (o Options) reads() (raft.Reads, error) {
	for _, r := range []raft.Reads{raft.ReadIndex, raft.LeaseReads, raft.LogReads} {
		if o.Reads == r.String() || o.Reads == "" {
			return r, nil
		}
	}
	return 0, fmt.Errorf("--reads is readindex, lease or log, not %q", o.Reads)
}

// earlyCommit says whether followers find out for themselves what is committed.
func (o Options) earlyCommit() bool {
	if o.EarlyCommit != nil {
		return *o.EarlyCommit
	}
	return o.Reads != raft.LeaseReads.String()
}

// raftConfig returns the core's configuration, but for its seed: with all nodes as members.
func (o Options) raftConfig(id raft.NodeID, nodes []raft.NodeID) raft.Config[command] {
	reads, _ := o.reads() // Validate has seen to it
	c := raft.Config[command]{
		ID:                 id,
		Members:            nodes,
		Resend:             true, // package session sees to it that nothing is executed twice
		EarlyCommit:        o.earlyCommit(),
		Reads:              reads,
		FollowTheLoad:      o.FollowTheLoad,
		Thrifty:            o.Thrifty,
		ElectionTimeout:    milliseconds(o.ElectionTimeout),
		MinElectionTimeout: milliseconds(o.MinElectionTimeout),
		MaxElectionTimeout: milliseconds(o.MaxElectionTimeout),
		Heartbeat:          milliseconds(o.Heartbeat),
		SizeOf:             sizeOf,
		SnapshotEntries:    o.SnapshotEntries,
		MaxChunkBytes:      maxChunk,
		CatchUp:            catchUp,
	}
	if len(nodes) > 1 {
		c.FirstElection = silence + afterSilence
	}
	if o.SnapshotEntries > 0 {
		c.TrailingEntries = max(o.SnapshotEntries/trailingShare, 1)
	}
	return c
}

func milliseconds(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// The instances of the generic packages that this one is about.
type (
	command = session.Command[kv.Command]
	result  = session.Result[kv.Result]
	outcome = raft.Outcome[result]
)

// sizeOf is about how many bytes a command takes in a message.
func sizeOf(c command) int {
	const names = 96 // index, term, by, seq, client, id and seen, with their numbers
	return names + len(c.Client) + kv.Size(c.Op)
}
