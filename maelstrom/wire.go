package maelstrom

import (
	"encoding/json"
	"fmt"

	"maelraft/kv"
	"maelraft/raft"
)

// The JSON of Raft's messages: one struct for each, to be read beside Figure 2 of the paper in a Lamport diagram. Names that
// Maelstrom reserves (msg_id, in_reply_to, code, text) are not used. Times are whole microseconds, rounded down, so that no round trip
// looks shorter than it was.

// The types of bodies between nodes.
const (
	kindPreVote         = "pre_vote"
	kindPreVoteOK       = "pre_vote_ok"
	kindRequestVote     = "request_vote"
	kindRequestVoteOK   = "request_vote_ok"
	kindAppendEntries   = "append_entries"
	kindAppendEntriesOK = "append_entries_ok"
	kindSnapshot        = "install_snapshot"
	kindSnapshotOK      = "install_snapshot_ok"
	kindCommitNotice    = "commit_notice"
	kindForward         = "forward"
	kindReadIndex       = "read_index"
	kindReadIndexOK     = "read_index_ok"
	kindConfirm         = "confirm"
	kindConfirmOK       = "confirm_ok"
	kindTransfer        = "transfer_leadership"
	kindTransferRefused = "transfer_refused"
	kindTimeoutNow      = "timeout_now"
	kindChange          = "change_membership"
	kindChangeOK        = "change_membership_ok"
	kindRelay           = "relay"
)

// voteBody is pre_vote, and most of request_vote.
type voteBody struct {
	Type      string     `json:"type"`
	Term      raft.Term  `json:"term"`
	LastIndex raft.Index `json:"last_index"`
	LastTerm  raft.Term  `json:"last_term"`
	At        int64      `json:"at_us"`
}

// requestVoteBody is request_vote. Transfer is given only if the leader itself has asked for the election.
type requestVoteBody struct {
	voteBody
	Transfer bool `json:"transfer,omitempty"`
}

// voteOKBody is pre_vote_ok and request_vote_ok.
type voteOKBody struct {
	Type     string    `json:"type"`
	Term     raft.Term `json:"term"`
	Granted  bool      `json:"granted"`
	At       int64     `json:"at_us"`
	Stranger bool      `json:"stranger,omitempty"` // of pre-votes alone
}

type appendEntriesBody struct {
	Type         string      `json:"type"`
	Term         raft.Term   `json:"term"`
	PrevIndex    raft.Index  `json:"prev_index"`
	PrevTerm     raft.Term   `json:"prev_term"`
	Entries      []entryBody `json:"entries"`
	Commit       raft.Index  `json:"commit"`
	Round        uint64      `json:"round"`
	At           int64       `json:"at_us"`
	Quiet        bool        `json:"quiet"`
	Early        bool        `json:"early"`
	RTT          int64       `json:"rtt_us"`
	RTTDeviation int64       `json:"rtt_deviation_us"`
	Promise      int64       `json:"promise_us,omitempty"` // to vote for nobody, where there are leases
	// Configuration is the index of the one in force at the leader; that of the beginning has none.
	Configuration raft.Index `json:"configuration,omitempty"`
	// Second names the nodes that want an acknowledgement, too.
	Second []raft.NodeID `json:"second,omitempty"`
}

type appendEntriesOKBody struct {
	Type      string     `json:"type"`
	Term      raft.Term  `json:"term"`
	Success   bool       `json:"success"`
	Match     raft.Index `json:"match"`
	PrevIndex raft.Index `json:"prev_index"`
	HintIndex raft.Index `json:"hint_index"`
	HintTerm  raft.Term  `json:"hint_term"`
	Round     uint64     `json:"round"`
	At        int64      `json:"at_us"`
	Promise   int64      `json:"promise_us,omitempty"`
}

// snapshotBody is a chunk of a snapshot: data, in base64, stands at offset of a state of size bytes.
type snapshotBody struct {
	Type          string            `json:"type"`
	Term          raft.Term         `json:"term"`
	Index         raft.Index        `json:"index"`
	LastTerm      raft.Term         `json:"last_term"`
	Configuration configurationBody `json:"configuration"` // in force at index
	Offset        uint64            `json:"offset"`
	Size          uint64            `json:"size"`
	Data          []byte            `json:"data"`
	At            int64             `json:"at_us"`
}

// configurationBody says who belongs to the cluster. Index is that of the entry that brought it: the configuration of the beginning has none, and within an
// entry it goes without saying.
type configurationBody struct {
	Index raft.Index `json:"index,omitempty"`
	memberLists
}

// memberLists are the nodes of a configuration.
type memberLists struct {
	Voters    []raft.NodeID `json:"voters"`
	Outgoing  []raft.NodeID `json:"outgoing,omitempty"`
	Learners  []raft.NodeID `json:"learners,omitempty"`
	Witnesses []raft.NodeID `json:"witnesses,omitempty"`
}

type snapshotOKBody struct {
	Type  string     `json:"type"`
	Term  raft.Term  `json:"term"`
	Index raft.Index `json:"index"`
	Chunk uint64     `json:"chunk"` // offset of the chunk that is answered
	// Offset of the chunk that is wanted, if not done.
	Offset uint64 `json:"offset"`
	Done   bool   `json:"done"`
	At     int64  `json:"at_us"`
}

type commitNoticeBody struct {
	Type   string     `json:"type"`
	Term   raft.Term  `json:"term"`
	Commit raft.Index `json:"commit"`
}

type forwardBody struct {
	Type      string        `json:"type"`
	Term      raft.Term     `json:"term"`
	Proposals []commandBody `json:"proposals"`
	Second    []raft.NodeID `json:"second,omitempty"`
}

type readIndexBody struct {
	Type   string    `json:"type"`
	Term   raft.Term `json:"term"`
	ReadID uint64    `json:"read_id"`
	Round  bool      `json:"by_round"`
}

type confirmBody struct {
	Type   string    `json:"type"`
	Term   raft.Term `json:"term"`
	ReadID uint64    `json:"read_id"`
}

type confirmOKBody struct {
	Type   string     `json:"type"`
	Term   raft.Term  `json:"term"`
	ReadID uint64     `json:"read_id"`
	Last   raft.Index `json:"last"`
}

type readIndexOKBody struct {
	Type   string     `json:"type"`
	Term   raft.Term  `json:"term"`
	ReadID uint64     `json:"read_id"`
	Index  raft.Index `json:"index"`
	Commit raft.Index `json:"commit"`
	// Confirmed by a round; else the follower has asked others to confirm the term.
	Confirmed bool `json:"confirmed"`
	// Configuration is the index of the one in force at the leader, in which others may confirm.
	Configuration raft.Index `json:"configuration,omitempty"`
}

// transferBody is transfer_leadership, without the reason, and transfer_refused. To is empty if any node will do.
type transferBody struct {
	Type string       `json:"type"`
	Term raft.Term    `json:"term"`
	To   raft.NodeID  `json:"to"`
	Why  raft.Refusal `json:"why,omitempty"`
}

type timeoutNowBody struct {
	Type string    `json:"type"`
	Term raft.Term `json:"term"`
}

type changeBody struct {
	Type     string          `json:"type"`
	Term     raft.Term       `json:"term"`
	ChangeID uint64          `json:"change_id"`
	Kind     raft.ChangeKind `json:"kind"`
	Nodes    []raft.NodeID   `json:"nodes"`
}

// changeOKBody says that a change is done, or why it is not.
type changeOKBody struct {
	Type     string       `json:"type"`
	Term     raft.Term    `json:"term"`
	ChangeID uint64       `json:"change_id"`
	Why      raft.Refusal `json:"why,omitempty"`
	// Configuration is the index of the one in force at the leader.
	Configuration raft.Index `json:"configuration,omitempty"`
}

// relayBody is another body on a detour, or with a word about the link between its ends (overlay.go).
type relayBody struct {
	Type  string          `json:"type"`
	From  string          `json:"from"`
	To    string          `json:"to"`
	Heard string          `json:"heard"` // the node through which From hears To: To itself if directly, empty if not at all
	Body  json.RawMessage `json:"body"`
}

// entryBody is an entry of the log, flat:
//
//	{"index":7,"term":2,"by":"n3","seq":123,"client":"c5","id":9,"seen":4,"op":"cas","key":1,"from":2,"to":3}
//
// The no-op of a new leader has index and term only, and so has what stands for a command at a witness. A change of the membership is
//
//	{"index":8,"term":2,"configuration":{"voters":["n1","n2","n4"],"outgoing":["n1","n2","n3"]}}
type entryBody struct {
	Index         raft.Index         `json:"index"`
	Term          raft.Term          `json:"term"`
	Configuration *configurationBody `json:"configuration,omitempty"`
	*commandBody
}

// commandBody is a client's command: By and Seq name the proposal among all nodes', Client and ID the request among all
// clients'. By is not given in a forward, which comes from the node that proposes.
type commandBody struct {
	By     raft.NodeID `json:"by,omitempty"`
	Seq    uint64      `json:"seq"`
	Client string      `json:"client"`
	ID     uint64      `json:"id"`
	Seen   raft.Index  `json:"seen"`
	kv.Command
}

// encodeBody returns the JSON struct of a message.
func encodeBody(body raft.Body) any {
	switch b := body.(type) {
	case raft.PreVoteRequest:
		return voteBody{kindPreVote, b.Term, b.LastIndex, b.LastTerm, b.At.Microseconds()}
	case raft.PreVoteReply:
		return voteOKBody{kindPreVoteOK, b.Term, b.Granted, b.At.Microseconds(), b.Stranger}
	case raft.VoteRequest:
		return requestVoteBody{voteBody{kindRequestVote, b.Term, b.LastIndex, b.LastTerm, b.At.Microseconds()}, b.Transfer}
	case raft.VoteReply:
		return voteOKBody{kindRequestVoteOK, b.Term, b.Granted, b.At.Microseconds(), false}
	case raft.AppendRequest[command]:
		return encodeAppend(b)
	case raft.AppendReply:
		return appendEntriesOKBody{
			kindAppendEntriesOK, b.Term, b.OK, b.Match, b.PrevIndex, b.HintIndex, b.HintTerm, b.Round, b.At.Microseconds(),
			b.Promise.Microseconds(),
		}
	case raft.SnapshotRequest:
		return snapshotBody{
			kindSnapshot, b.Term, b.Index, b.LastTerm, encodeConfiguration(b.Configuration), b.Offset, b.Size, append([]byte{}, b.Data...),
			b.At.Microseconds(),
		}
	case raft.SnapshotReply:
		return snapshotOKBody{kindSnapshotOK, b.Term, b.Index, b.Chunk, b.Offset, b.Done, b.At.Microseconds()}
	case raft.CommitNotice:
		return commitNoticeBody{kindCommitNotice, b.Term, b.Commit}
	case raft.ForwardRequest[command]:
		return encodeForward(b)
	case raft.ReadRequest:
		return readIndexBody{kindReadIndex, b.Term, b.ID, b.Round}
	case raft.ReadReply:
		return readIndexOKBody{kindReadIndexOK, b.Term, b.ID, b.Index, b.Commit, b.Confirmed, b.Configuration}
	case raft.ConfirmRequest:
		return confirmBody{kindConfirm, b.Term, b.ID}
	case raft.ConfirmReply:
		return confirmOKBody{kindConfirmOK, b.Term, b.ID, b.Last}
	}
	return encodeRare(body)
}

// encodeRare is encodeBody for what operators ask for.
func encodeRare(body raft.Body) any {
	switch b := body.(type) {
	case raft.TransferRequest:
		return transferBody{kindTransfer, b.Term, b.To, ""}
	case raft.TransferReply:
		return transferBody{kindTransferRefused, b.Term, b.To, b.Why}
	case raft.TimeoutNow:
		return timeoutNowBody{kindTimeoutNow, b.Term}
	case raft.ChangeRequest:
		return changeBody{kindChange, b.Term, b.ID, b.Change.Kind, append([]raft.NodeID{}, b.Change.Nodes...)}
	case raft.ChangeReply:
		return changeOKBody{kindChangeOK, b.Term, b.ID, b.Why, b.Configuration}
	}
	panic(fmt.Sprintf("maelstrom: no JSON for %T", body)) // a type was added to raft and not here; the tests go through all
}

func encodeAppend(b raft.AppendRequest[command]) appendEntriesBody {
	entries := make([]entryBody, len(b.Entries)) // never nil: an empty list, not null
	commands := make([]commandBody, len(b.Entries))
	for i, e := range b.Entries {
		entries[i] = entryBody{Index: e.Index, Term: e.Term}
		switch {
		case e.Config != nil:
			g := encodeConfiguration(*e.Config)
			g.Index = 0 // the entry's
			entries[i].Configuration = &g
		case !e.IsNoOp():
			commands[i] = encodeCommand(e.ID.Node, e.ID.Seq, e.Command)
			entries[i].commandBody = &commands[i]
		}
	}
	return appendEntriesBody{
		Type: kindAppendEntries, Term: b.Term, PrevIndex: b.PrevIndex, PrevTerm: b.PrevTerm, Entries: entries, Commit: b.Commit,
		Round: b.Round, At: b.At.Microseconds(), Quiet: b.Quiet, Early: b.Early, RTT: b.RTT.Mean.Microseconds(), RTTDeviation: b.RTT.Deviation.Microseconds(),
		Promise: b.Promise.Microseconds(), Configuration: b.Configuration, Second: b.Second,
	}
}

func encodeConfiguration(g raft.Configuration) configurationBody {
	return configurationBody{g.Index, memberLists{append([]raft.NodeID{}, g.Voters...), g.Outgoing, g.Learners, g.Witnesses}}
}

func encodeForward(b raft.ForwardRequest[command]) forwardBody {
	proposals := make([]commandBody, len(b.Proposals))
	for i, p := range b.Proposals {
		proposals[i] = encodeCommand("", p.Seq, p.Command)
	}
	return forwardBody{kindForward, b.Term, proposals, b.Second}
}

func encodeCommand(by raft.NodeID, seq uint64, c command) commandBody {
	return commandBody{By: by, Seq: seq, Client: c.Client, ID: c.ID, Seen: c.Seen, Command: c.Op}
}
