package maelstrom

import (
	"bytes"
	"errors"
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
	via   *proxied // who asked us in its place; nil if it did so itself
}

// call is a request.
type call struct {
	asker
	kind string
	body []byte // of a client of our own, for whoever serves it if we do not

	// seen, limit and until are set where they mean something.
	seen  raft.Index    // what was applied before anybody could know of the request
	limit time.Duration // how long it may wait in all
	until time.Time     // when that is over
}

// left is how long a request may wait yet.
func (r call) left() time.Duration { return time.Until(r.until) }

// askerOf returns who asked, if the message carries a msg_id that a reply can name: any integer that fits into an int64. Without one, nobody
// can be answered. Fractions, exponents, strings and larger numbers are not such a msg_id.
func askerOf(m message) (asker, bool) {
	id, ok := m.body.integer("msg_id")
	return asker{name: m.Src, msgID: id}, ok
}

// handleRequest takes in a message that is not one of our own between nodes: a request, from whoever it may be.
func (s *server) handleRequest(m message, kind string) {
	who, ok := askerOf(m)
	switch {
	case !ok && (isRaft(kind) || isProxy(kind)):
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
	s.serve(call{asker: who, kind: kind, body: bytes.Clone(m.Body)}, m.body)
}

// serve takes a request in, and sees to it that exactly one reply follows.
func (s *server) serve(r call, body object) {
	switch {
	case r.isOperation():
		s.execute(s.stamped(r, 1), body)
	case r.kind == "transfer":
		s.transfer(s.stamped(r, 1), body)
	case isChange(r.kind):
		s.change(s.stamped(r, changePatience), body)
	case r.kind == kindConfiguration:
		s.configuration(s.stamped(r, 1))
	case r.kind == "status":
		s.reply(r.asker, s.statusReply(r.asker))
	case r.kind == "":
		s.replyError(r.asker, official.MalformedRequest, "the body has no type that is a string")
	default:
		s.replyError(r.asker, official.NotSupported,
			"this node serves read, write, cas, status, transfer, configuration and changes of it, and not "+excerpt([]byte(r.kind)))
	}
}

// stamped says of a client's request, when it arrives, what all its copies are to say, and how many times a client's patience it may take.
func (s *server) stamped(r call, times time.Duration) call {
	if r.via == nil {
		status := s.member.core.Status()
		r.seen = s.errands.hasSeen(status.Applied)
		r.limit = times * s.patience(status)
		r.until = time.Now().Add(r.limit)
	}
	return r
}

// execute hands an operation to the core.
func (s *server) execute(r call, body object) {
	op, err := parseCommand(r.kind, body)
	switch {
	case r.msgID < 0:
		s.replyError(r.asker, official.MalformedRequest, "msg_id is negative")
		return
	case err != nil:
		s.replyError(r.asker, official.MalformedRequest, err.Error())
		return
	case !s.takes(r.asker):
		return
	}
	c := command{Client: r.name, ID: uint64(r.msgID), Seen: r.seen, Op: op}
	done := func(o outcome) { s.finish(r, o.Err, answer(r.asker, op, o)) }
	switch {
	case op.Op == kv.Read:
		s.member.driver.Read(c, r.left(), done)
	case op.Op == kv.CAS && s.opts.CASReads && r.via == nil: // there may be copies of what is passed on, and none of what is tried
		s.try(r.asker, c, r.left(), done)
	default:
		s.member.driver.Propose(c, r.left(), done)
	}
}

// finish ends a request that has been begun: with a reply, or, if this node does not serve, with somebody else's.
func (s *server) finish(r call, err error, reply any) {
	switch {
	case !errors.Is(err, raft.ErrNotServing):
		s.reply(r.asker, reply)
	case r.via == nil:
		s.delegate(r)
		return
	default:
		s.replyProxy(r.via, nil)
	}
	s.answered()
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
	Members   membersBody     `json:"configuration"`       // in force here, committed or not
	InReplyTo int64           `json:"in_reply_to"`
}

func (s *server) statusReply(who asker) statusOK {
	status := s.member.core.Status()
	ok := statusOK{
		Type: "status_ok", Role: status.Role.String(), Term: status.Term, Leader: status.Leader, Commit: status.Commit,
		Applied: status.Applied, Last: status.Last, Snapshot: status.Snapshot, ElectionT: status.ElectionTimeout.Milliseconds(), Failed: status.Failed,
		Dropped: s.drops.snapshot(), Members: membersOf(status.Configuration), InReplyTo: who.msgID,
	}
	if status.Measured {
		ok.RTT = status.RTT.Mean.Microseconds()
	}
	return ok
}
