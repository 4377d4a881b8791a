package raft

import "time"

// Message is what one node sends to another. Messages may be lost, delayed, duplicated and reordered; the core copes. (A proposal that is
// forwarded twice may be executed twice; package session is for that.)
type Message struct {
	From, To NodeID
	Body     Body
}

// Body is one of the message types in this file, as a value:
//
//	PreVoteRequest  PreVoteReply   would you vote for me?          thesis §9.6
//	VoteRequest     VoteReply      vote for me                     paper §5.2
//	AppendRequest   AppendReply    entries, heartbeat, read round  paper §5.3, thesis §6.4
//	SnapshotRequest SnapshotReply  a chunk of a snapshot           paper §7
//	CommitNotice                   somebody at your place waits for this
//	ForwardRequest                 proposals for the leader
//	ReadRequest     ReadReply      a read index for waiting reads  thesis §6.4
//	ConfirmRequest  ConfirmReply   are you still in this term?     DIVERGENCE.md
//	TransferRequest TransferReply  hand over to that node; no      thesis §3.10
//	TimeoutNow                     stand for election now          thesis §3.10
//	ChangeRequest   ChangeReply    change the membership           paper §6
//
// A request's At is the sender's clock when it was sent, and the reply carries it back: the difference is a round trip,
// with nothing to remember at the sender and no harm if messages are lost or reordered.
type Body interface {
	// term is the term in which the sender speaks.
	term() Term
}

// PreVoteRequest asks whether the receiver would vote for the sender in Term, which is one more than the sender's own.
// It changes nothing at the receiver, so a node that cannot win does not raise anybody's term (thesis §9.6).
type PreVoteRequest struct {
	Term      Term
	LastIndex Index
	LastTerm  Term
	At        time.Duration
}

// PreVoteReply answers a PreVoteRequest. Term is the term that was asked about if Granted, else the responder's own, so that a
// candidate that has fallen behind catches up with the terms.
type PreVoteReply struct {
	Term    Term
	Granted bool
	At      time.Duration
	// Stranger says that the sender of the request is no member, as far as the responder knows what is committed.
	Stranger bool
}

// VoteRequest is RequestVote of the paper's Figure 2.
type VoteRequest struct {
	Term      Term
	LastIndex Index
	LastTerm  Term
	At        time.Duration
	// Transfer says that the leader of the term before has asked for this election, so that those who hear it vote all the same (thesis §4.2.3).
	Transfer bool
}

// VoteReply answers a VoteRequest. It counts only in the very term that it names.
type VoteReply struct {
	Term    Term
	Granted bool
	At      time.Duration
}

// AppendRequest is AppendEntries of the paper's Figure 2. Without entries it is a heartbeat. Either way it asks the follower
// to confirm that the sender is still leader, for every read of a round up to Round.
type AppendRequest[C any] struct {
	Term      Term
	PrevIndex Index
	PrevTerm  Term
	Entries   []Entry[C]
	Commit    Index
	// Round is the newest round of reads that waits for confirmation (thesis §6.4). Together with Term it names the round
	// among all leaders.
	Round uint64
	At    time.Duration
	// Quiet says that an answer is wanted only if the logs do not agree: the sender has others to hear from, and a later append will ask (thrift.go).
	Quiet bool
	// Early says that the leader's read indices are the end of its log, so that followers may count for themselves what is committed.
	Early bool
	// Configuration is the index of the configuration in force at the leader. Followers count for themselves in no other.
	Configuration Index
	// Second names the nodes that made some of the entries and want this follower's acknowledgement, too (early.go).
	Second []NodeID
	// Promise is how long the leader asks the follower to give no vote away, from when this arrives (lease.go); zero if it has no use for it.
	Promise time.Duration
	// RTT is the leader's estimate of the round trip to its followers: all nodes take their time-outs from the same figure.
	RTT RoundTrip
}

// AppendReply answers an AppendRequest. With early commit a copy goes to nodes whose proposals were among the entries.
type AppendReply struct {
	Term Term
	// OK: the log agrees with the leader's up to Match, which is PrevIndex plus the entries that came with the request. It is
	// never the length of the follower's log: what lies behind Match may be a stale tail.
	OK    bool
	Match Index
	// Not OK: the follower has no entry at PrevIndex with the leader's PrevTerm. Its own log says no more than: HintTerm is the term at
	// HintIndex, and everything behind HintIndex is in doubt. HintIndex is below PrevIndex.
	PrevIndex Index
	HintIndex Index
	HintTerm  Term
	// Round confirms the sender's leadership for that round, whether or not the logs agree.
	Round uint64
	At    time.Duration
	// Promise is what the sender has promised in answer to the request, zero if nothing.
	Promise time.Duration
}

// SnapshotRequest is InstallSnapshot of the paper's Figure 13: one chunk of the state that all entries up to Index led to. It goes to a follower that
// lacks entries which the leader has dropped.
type SnapshotRequest struct {
	Term Term
	// Index and LastTerm are those of the last entry that the snapshot stands for. Together with the term they name the snapshot.
	Index    Index
	LastTerm Term
	// Configuration is the one in force at Index.
	Configuration Configuration
	// Data stands at Offset of a state of Size bytes. It is empty only if the state is.
	Offset uint64
	Size   uint64
	Data   []byte
	At     time.Duration
}

// SnapshotReply answers a SnapshotRequest. If Done, the sender has durably all that the snapshot at Index stands for, by the snapshot or by its log; else
// it wants the chunk at Offset.
type SnapshotReply struct {
	Term   Term
	Index  Index
	Chunk  uint64 // Offset of the request
	Offset uint64
	Done   bool
	At     time.Duration
}

// CommitNotice tells a follower of a new commit index between two appends. It is sent only where a client waits for it, and wants
// no reply.
type CommitNotice struct {
	Term   Term
	Commit Index
}

// ForwardRequest carries proposals from the node where they were made to the leader of Term. No other leader takes it:
// that is what makes a proposal provably dead once an entry of a later term has been applied (see requests.go).
type ForwardRequest[C any] struct {
	Term      Term
	Proposals []Proposal[C]
	// Second names the nodes from which the sender wants acknowledgements of the entries made of them (early.go).
	Second []NodeID
}

// Proposal is one command within a ForwardRequest. Seq completes the sender's ProposalID.
type Proposal[C any] struct {
	Seq     uint64
	Command C
}

// ReadRequest asks the leader of Term for a read index, for all reads that the sender gathered under ID.
type ReadRequest struct {
	Term Term
	ID   uint64
	// Round: the leader is to make sure of its leadership before it answers, by its lease or by a round of heartbeats. Otherwise the sender
	// does that itself, with ConfirmRequests.
	Round bool
}

// ReadReply says that a state which has applied Index is new enough for the reads gathered under ID: if Confirmed, without
// condition; else if enough others confirm that they were still in Term when they were asked. Commit is the leader's commit index; with
// early commit Index may lie behind it.
type ReadReply struct {
	Term      Term
	ID        uint64
	Index     Index
	Commit    Index
	Confirmed bool
	// Configuration is the index of the configuration in force at the leader: the one in which others may confirm.
	Configuration Index
}

// ConfirmRequest asks a node whether it is in Term, on behalf of the reads gathered under ID.
type ConfirmRequest struct {
	Term Term
	ID   uint64
}

// ConfirmReply says that the sender was in Term when it answered, and so in no later one when the reads gathered under ID began. Last is the end of
// its log if that is an entry of Term, else zero: it has acknowledged none of Term's entries behind it, and has durably all up to it.
type ConfirmReply struct {
	Term Term
	ID   uint64
	Last Index
}

// TransferRequest asks the leader of Term to hand over to a node; to any, if To is empty.
type TransferRequest struct {
	Term Term
	To   NodeID
}

// TransferReply says that nothing comes of a TransferRequest. If something does, the next leader tells by leading.
type TransferReply struct {
	Term Term
	To   NodeID // as it was asked for
	Why  Refusal
}

// TimeoutNow tells a follower that has the whole log of the leader of Term to stand for election at once.
type TimeoutNow struct {
	Term Term
}

// ChangeRequest asks the leader of Term to change the membership.
type ChangeRequest struct {
	Term Term
	// ID tells the wishes of the sender apart. It grows from one to the next.
	ID     uint64
	Change Change
}

// ChangeReply says what became of a ChangeRequest.
type ChangeReply struct {
	Term Term
	ID   uint64
	Why  Refusal // empty: it is done, and committed
	// Configuration is the index of the one in force at the leader.
	Configuration Index
}

func (m PreVoteRequest) term() Term    { return m.Term }
func (m PreVoteReply) term() Term      { return m.Term }
func (m VoteRequest) term() Term       { return m.Term }
func (m VoteReply) term() Term         { return m.Term }
func (m AppendRequest[C]) term() Term  { return m.Term }
func (m AppendReply) term() Term       { return m.Term }
func (m SnapshotRequest) term() Term   { return m.Term }
func (m SnapshotReply) term() Term     { return m.Term }
func (m CommitNotice) term() Term      { return m.Term }
func (m ForwardRequest[C]) term() Term { return m.Term }
func (m ReadRequest) term() Term       { return m.Term }
func (m ReadReply) term() Term         { return m.Term }
func (m ConfirmRequest) term() Term    { return m.Term }
func (m ConfirmReply) term() Term      { return m.Term }
func (m TransferRequest) term() Term   { return m.Term }
func (m TransferReply) term() Term     { return m.Term }
func (m TimeoutNow) term() Term        { return m.Term }
func (m ChangeRequest) term() Term     { return m.Term }
func (m ChangeReply) term() Term       { return m.Term }
