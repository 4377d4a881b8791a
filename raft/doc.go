// Package raft is the Raft consensus algorithm as a deterministic state machine: inputs in, batches of effects out.
//
// A [Node] is generic over the commands C that it replicates and the results R that they have; what a command means is the business
// of an injected [StateMachine]. The package has no goroutine, clock, randomness source or I/O of its own. Each input brings the
// time; randomness comes from one seed; and everything that a node wants done leaves it in a [Batch], to be carried out in the one order that
// safety allows: make durable, send, apply, answer. The same inputs in the same order give the same outputs, byte for byte.
// Package driver runs a node on real time and I/O, package sim runs a whole cluster on virtual ones, and
// package explore tries all short runs of one.
//
// # The mutex
//
// A Node has one mutex. Every method takes it, changes memory, and lets go; it is never held across disk, network, a channel or
// the state machine. Behind it stands the core: plain data and functions on it, none of which locks anything.
//
// # Reading order
//
// With Figure 2 of the Raft paper (Ongaro and Ousterhout, "In search of an understandable consensus algorithm", extended version) in
// hand:
//
//	types.go, messages.go      the nouns: terms, entries, one struct per message
//	core.go                    the state of Figure 2, and how messages are dispatched
//	role.go                    follower, pre-candidate, candidate, leader: what each knows, and the four ways to become one
//	configuration.go           who decides, and what a quorum of them says
//	election.go                §5.2, §5.4.1; pre-vote and sticky votes, thesis §4.2.3 and §9.6
//	log.go                     the log, with global indices
//	replication_leader.go      §5.3 and §5.4.2 from the leader's side; progress.go: what it knows of a follower
//	replication_follower.go    the same from the follower's side
//	snapshot.go                §7: the state takes the place of the log, and goes to followers that lack what was dropped
//	early.go                   followers that know by themselves what is committed
//	reads.go                   linearizable reads without the log, thesis §6.4
//	lease.go                   and by a lease, §6.4.1
//	transfer.go, load.go       another node is to lead, thesis §3.10; and who that should be
//	membership.go              §6, thesis ch. 4: from one configuration to the next, from the leader's side (MEMBERSHIP.md has a picture)
//	change.go                  which changes there are, and how a wish for one gets to the leader
//	witness.go                 nodes that vote, and have no state
//	thrift.go                  who is asked, where not everybody has to be
//	requests.go, forward.go    what becomes of a request: result, definitely not, or unknown
//	try.go                     requests that may need no log
//	timing.go                  every time-out, from measured round trips
//	check.go                   what a peer may say; the rest is refused
//	node.go                    the API, and the mutex
//	invariants.go              what must hold after every step
//	clone.go                   copies and fingerprints of a node, for package explore
//
// testdata/ shows all this at work: each file is a story of a few real nodes, told message by message, and checked word for word by
// TestGolden (golden_test.go, which also explains the commands). Begin with election.txt, figure_7.txt and figure_8.txt, and for the membership with joint.txt; the
// others play the mistakes of other implementations, each named where it would show.
//
// "§" refers to the paper, "thesis" to Ongaro's dissertation ("Consensus: bridging theory and practice"). DIVERGENCE.md lists where
// this package leaves both, and why that is safe.
//
// # Requests
//
// Every node takes requests, in any role ([Node.Propose], [Node.Try], [Node.Read]), and ends each in exactly one way: with the state machine's
// result, with an error that says that it was never executed and never will be, or with [ErrUnknown]. Executing a
// command at most once although it may be sent twice is the business of package session.
//
// # Bounds
//
// Nothing grows without bound, and a request that meets a bound is told so, or comes again. The numbers are in config.go:
//
//	what                              bound                                 at the bound                       test
//	one append                        MaxAppendBytes, at least one entry    the rest goes in the next          TestForwardsAreCutToSize
//	appends under way to a follower   MaxInflight, MaxInflightBytes         it waits for an answer             TestPipelineAndWindow
//	a snapshot under way to it        MaxChunkBytes, MaxTransferBytes       it waits for an answer             TestWindowOfChunks
//	chunks that came early            MaxTransferBytes                      dropped, and sent again            TestChunksInAnyOrder
//	a follower that does not answer   an election time-out                  heartbeats only                    TestBlackHoledFollower
//	requests that wait on a node      MaxRequests, MaxUncommittedBytes      ErrOverloaded                      TestRequestsAreBounded
//	what a leader has not committed   MaxUncommittedBytes                   ErrOverloaded                      TestBytesAreBounded
//	the same, forwarded by others     MaxRequests, MaxUncommittedBytes      passed over, and sent again        TestBytesAreBounded
//	others' reads at a leader         MaxRequests                           passed over, and asked again       TestRequestsAreBounded
//	messages that came too early      maxStash                              dropped, and sent again            TestStashIsBounded
//	the log                           SnapshotEntries, SnapshotBytes        a snapshot takes its place         TestLogIsBounded
//	entries kept for a transfer       maxHeld snapshots' worth              it begins anew                     TestLogIsHeldForATransfer
//	members, and former witnesses     maxMembers                            ErrTooManyMembers                  TestTooManyMembers
//	how long a new voter learns       Config.CatchUp                        ErrNotCaughtUp                     TestChangeIsGivenUp
//	a removed node's replication      an election time-out                  it is forgotten                    TestRemovedNodeHearsOfIt
//
// Package driver bounds its inbox (whoever brings more waits), package session what it remembers, package maelstrom lines and output.
//
// The package imports the standard library only.
package raft
