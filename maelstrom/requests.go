package maelstrom

import (
	"log/slog"
	"time"

	official "github.com/jepsen-io/maelstrom/demo/go"

	"maelraft/kv"
	"maelraft/raft"
)

// asker is who waits for a reply, and under which number.
type asker struct {
	name  string
	msgID int64
}

// askerOf returns who asked, if the message carries a msg_id that a reply can name: any integer that fits into an int64. Without one, nobody
// can be answered. Fractions, exponents, strings and larger numbers are not such a msg_id.
func askerOf(m message) (asker, bool) {
	id, ok := m.body.integer("msg_id")
	return asker{m.Src, id}, ok
}

// handleRequest takes in a message that is not one of our own between nodes: a request, from whoever it may be.
func (s *server) handleRequest(m message, kind string) {
	who, ok := askerOf(m)
	switch {
	case !ok && isRaft(kind):
		s.drops.add(slog.LevelDebug, dropStranger, "src", m.Src, "type", kind)
		return
	case !ok:
		s.drops.add(slog.LevelWarn, dropUnanswerable, "src", m.Src, "type", kind)
		return
	case !s.out.await():
		s.drops.add(slog.LevelWarn, dropFull, "src", m.Src, "type", kind)
		return
	}
	s.out.allow(who.name)
	switch kind {
	case "read", "write", "cas":
		s.execute(who, kind, m.body)
	case "transfer":
		s.transfer(who, m.body)
	case "status":
		s.reply(who, s.statusReply(who))
	case "":
		s.replyError(who, official.MalformedRequest, "the body has no type that is a string")
	default:
		s.replyError(who, official.NotSupported, "this node serves read, write, cas, status and transfer, and not "+excerpt([]byte(kind)))
	}
}

// execute hands an operation to the core, and sees to it that exactly one reply follows.
func (s *server) execute(who asker, kind string, body object) {
	op, err := parseCommand(kind, body)
	switch {
	case who.msgID < 0:
		s.replyError(who, official.MalformedRequest, "msg_id is negative")
		return
	case err != nil:
		s.replyError(who, official.MalformedRequest, err.Error())
		return
	case !s.begin():
		s.replyError(who, official.TemporarilyUnavailable, leavingText)
		return
	}
	status := s.member.core.Status()
	limit := s.patience(status)
	c := command{Client: who.name, ID: uint64(who.msgID), Seen: status.Applied, Op: op}
	done := func(o outcome) {
		s.reply(who, answer(who, op, o))
		s.answered()
	}
	switch {
	case op.Op == kv.Read:
		s.member.driver.Read(c, limit, done)
	case op.Op == kv.CAS && s.opts.CASReads:
		s.try(who, c, limit, done)
	default:
		s.member.driver.Propose(c, limit, done)
	}
}

// patience returns how long a request that comes now may wait before it is answered, come what may.
func (s *server) patience(status raft.Status) time.Duration {
	return patience(s.limit.estimate(s.member.now(), status), s.wayIn.waited())
}

// statusOK tells people and benches what this node knows, at once and without asking anybody.
type statusOK struct {
	Type      string          `json:"type"`
	Role      string          `json:"role"` // follower, pre-candidate, candidate or leader
	Term      raft.Term       `json:"term"`
	Leader    raft.NodeID     `json:"leader"` // empty if it knows none
	Commit    raft.Index      `json:"commit"`
	Applied   raft.Index      `json:"applied"`
	Last      raft.Index      `json:"last"`
	Snapshot  raft.Index      `json:"snapshot"`            // the log before it is dropped, but for a few entries
	ElectionT int64           `json:"election_timeout_ms"` // the top of the random range
	RTT       int64           `json:"rtt_us"`              // 0: not measured yet
	Failed    bool            `json:"failed,omitempty"`    // it takes no part in the cluster any more
	Dropped   map[drop]uint64 `json:"dropped,omitempty"`   // what it threw away, by reason
	InReplyTo int64           `json:"in_reply_to"`
}

func (s *server) statusReply(who asker) statusOK {
	status := s.member.core.Status()
	ok := statusOK{
		Type: "status_ok", Role: status.Role.String(), Term: status.Term, Leader: status.Leader, Commit: status.Commit,
		Applied: status.Applied, Last: status.Last, Snapshot: status.Snapshot, ElectionT: status.ElectionTimeout.Milliseconds(), Failed: status.Failed,
		Dropped: s.drops.snapshot(), InReplyTo: who.msgID,
	}
	if status.Measured {
		ok.RTT = status.RTT.Mean.Microseconds()
	}
	return ok
}
